"""The published tables: what else is said of them, by name, agrees with their entries."""

from datetime import date
from typing import get_args

import pyarrow as pa

from tests.support.quality_rows import check, ended, entry, publication, size, statistic
from tests.support.tables import PUBLISHED_TABLES
from usertags.project.project_entry import TagTable
from usertags.published import PUBLISHED, TAG_CATALOGUE, TAG_COVERAGE, TAG_STATISTICS, USER_TAGS
from usertags.quality.kinds import CheckKind
from usertags.query import views
from usertags.store.schemas import CHECKS, DRAFTS, PUBLICATIONS, RUNS


def test_readers_have_these_tables_in_this_order() -> None:
    assert [table.name for table in PUBLISHED] == [f"tags.{name}" for name in PUBLISHED_TABLES]
    assert [table.asset for table in PUBLISHED] == [f"usertags://tags/{name}" for name in PUBLISHED_TABLES]


def test_a_tag_can_be_kept_out_of_the_tables_that_hold_tags_of_users() -> None:
    """They compare with the day before; the tag catalogue says of a tag what everybody may know."""
    assert get_args(TagTable) == (
        "user_tags",
        "user_profile",
        "user_tag_changes",
        "tag_statistics",
        "tag_coverage",
    )


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


def test_the_literal_rows_of_tests_have_the_columns_that_the_stages_write() -> None:
    """A test that makes up its own columns does not notice when a page reads others."""
    day = date(2026, 3, 1)
    assert set(entry(day, "city")) == set(TAG_CATALOGUE.schema.names)
    assert set(statistic(day, "city", "x", 1, 1)) == set(TAG_STATISTICS.schema.names)
    assert set(size(day, "city", 1, 1)) == set(TAG_COVERAGE.schema.names)
    assert set(publication(day)) == set(PUBLICATIONS.schema.names)
    assert set(check(day, CheckKind.FRESH)) == set(CHECKS.schema.names)
    assert set(ended(day, "clean", "passed")) == set(RUNS.schema.names)
