"""The published tables: what else is said of them, by name, agrees with their entries."""

from typing import get_args

import pyarrow as pa

from tests.support.tables import PUBLISHED_TABLES
from usertags.project.project_entry import TagTable
from usertags.published import PUBLISHED, TAG_CATALOGUE, USER_TAGS
from usertags.query import views
from usertags.store.schemas import DRAFTS


def test_readers_have_these_tables_in_this_order() -> None:
    assert [table.name for table in PUBLISHED] == [f"tags.{name}" for name in PUBLISHED_TABLES]
    assert [table.asset for table in PUBLISHED] == [f"usertags://tags/{name}" for name in PUBLISHED_TABLES]


def test_a_tag_can_be_kept_out_of_the_tables_that_hold_tags_of_users() -> None:
    """They compare with the day before; the tag catalogue says of a tag what everybody may know."""
    assert get_args(TagTable) == ("user_tags", "user_profile", "user_tag_changes", "tag_statistics")


def test_every_table_has_a_view_of_its_published_rows_and_one_of_the_newest_day() -> None:
    selects = dict(views())
    assert list(selects) == [
        *PUBLISHED_TABLES,
        "publications",
        *[f"{name}_latest" for name in (*PUBLISHED_TABLES, "publications")],
    ]
    assert "FROM tags.rfm AS t" in selects["rfm"]
    assert "FROM rfm WHERE" in selects["rfm_latest"]
    assert not [name for name, select in selects.items() if "{" in select]


def test_columns_have_the_types_that_they_have_always_had() -> None:
    expected = {
        "user_id": pa.string(),
        "tag_number": pa.float64(),
        "rank": pa.int32(),
        "valid_from": pa.date32(),
        "run_id": pa.string(),
        "dt": pa.date32(),
    }
    assert {name: USER_TAGS.schema.field(name).type for name in expected} == expected
    assert USER_TAGS.schema == DRAFTS.schema
    assert TAG_CATALOGUE.schema.field("values").type == pa.list_(pa.string())
