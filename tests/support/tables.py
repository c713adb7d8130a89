"""The published tables by name, in their order; the lists of the code are compared with it."""

PUBLISHED_TABLES = (
    "user_tags",
    "user_profile",
    "user_tag_changes",
    "rfm",
    "rfm_thresholds",
    "tag_statistics",
    "tag_coverage",
    "tag_catalogue",
)
