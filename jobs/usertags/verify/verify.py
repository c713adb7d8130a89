"""`usertags verify`: the composition. Load a published day, compute it again, compare, name what differs."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import duckdb

from usertags.config.rfm_columns import RFM_COLUMNS
from usertags.errors import UsageError
from usertags.project.model import Project
from usertags.store.lake import Lake
from usertags.verify.compare import Difference, TableCount
from usertags.verify.comparisons import ESTIMATE, Comparisons
from usertags.verify.derived import make_rfm, percentile_column
from usertags.verify.inputs import PublishedDay, database, has, load
from usertags.verify.measures import APPROXIMATE, Measures
from usertags.verify.pieces import NotTranslated, name
from usertags.verify.tables import SCHEMA, make_tables
from usertags.verify.tags import Tags
from usertags.verify.users import find_users

_SHARE = re.compile(r"(\d+(?:\.\d+)?)\s*%")
# What the command does not compute again.
_NEVER = (
    "tags.publications: only the row counts are compared, not its verdict and warnings",
    "ops.drafts: drafts are not published",
)


@dataclass(frozen=True)
class Verification:
    """What was found. `differences` are the first of each table and column, `tables` counts them all;
    `not_verified` says what was not computed again, and `notes` what else to know."""

    data_day: date
    run_id: str
    users: int
    tables: tuple[TableCount, ...]
    differences: tuple[Difference, ...]
    not_verified: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def count(self) -> int:
        return sum(each.differences for each in self.tables)


def verify(
    project: Project, lake: Lake, data_day: date, sample: str | None = None, most: int = 20
) -> Verification:
    """Compute a published day again and compare it. `sample` is a number of users or a share such as `5%`."""
    with database(project.timezone) as connection:
        published = load(connection, project, lake, data_day)
        return checked(connection, project, published, sample, most)


def checked(
    connection: duckdb.DuckDBPyConnection,
    project: Project,
    published: PublishedDay,
    sample: str | None = None,
    most: int = 20,
) -> Verification:
    """Compute again what stands in the database, and compare it. In: the schemas that `load` fills."""
    _without_day_before(connection)
    find_users(connection, project, published.data_day)
    _draw(connection, sample)
    measures = Measures(connection, project, published.data_day)
    notes = [*published.notes]
    types = _inputs(connection, project, measures, published.data_day, notes)
    refused = dict(measures.refused)
    types |= _derived(connection, project, types, refused, published.data_day)
    tags = Tags(connection, project, types, refused, published.data_day)
    connection.execute("DELETE FROM inputs WHERE user_id NOT IN (SELECT user_id FROM wanted)")
    tags.compute()
    counted = f"{SCHEMA}.user_tags" if sample is None else "published.user_tags"
    if sample is not None:
        notes.append(
            "tag_statistics and tag_coverage: counted from user_tags as published, because only a sample "
            "was computed again"
        )
    make_tables(connection, project, tags, published, counted)
    found = Comparisons(connection, project, tags, measures, sample, most)
    found.compare()
    users = connection.execute("SELECT count(*) FROM wanted").fetchone()
    not_verified = [
        *[f"measure {each}: {why}" for each, why in refused.items()],
        *[f"tag {each}: {why}" for each, why in tags.refused.items()],
        *found.absent,
        *_NEVER,
    ]
    return Verification(
        published.data_day,
        published.run_id,
        users[0] if users else 0,
        tuple(found.tables),
        tuple(found.differences),
        tuple(not_verified),
        tuple(notes),
    )


def _without_day_before(connection: duckdb.DuckDBPyConnection) -> None:
    """Empty tables where there is no day before."""
    empty = {
        "user_tags": "user_id VARCHAR, tag_id VARCHAR, tag_value VARCHAR, rank INTEGER, share DOUBLE, "
        "valid_from DATE, valid_until DATE",
        "tag_catalogue": "tag_id VARCHAR, definition_version VARCHAR, kept_out_of VARCHAR[]",
        "identities": "id_kind VARCHAR, id VARCHAR, user_id VARCHAR, first_seen DATE",
    }
    for table, columns in empty.items():
        connection.execute(f"CREATE TABLE IF NOT EXISTS before.{table} ({columns})")


def _draw(connection: duckdb.DuckDBPyConnection, sample: str | None) -> None:
    """`wanted`: all users, or those drawn by a hash of their user_id, the same on every day."""
    drawn = "md5('verify:' || user_id)"
    if sample is None:
        condition = ""
    elif share := _SHARE.fullmatch(sample.strip()):
        condition = f"WHERE CAST('0x' || {drawn}[:8] AS UBIGINT) < {float(share[1]) / 100} * 4294967296"
    elif sample.strip().isdigit():
        condition = f"ORDER BY {drawn} LIMIT {int(sample)}"
    else:
        raise UsageError(f"a sample is a number of users or a share such as 5%, not {sample!r}")
    connection.execute(f"CREATE TABLE wanted AS SELECT user_id FROM users {condition}")


def _inputs(
    connection: duckdb.DuckDBPyConnection,
    project: Project,
    measures: Measures,
    data_day: date,
    notes: list[str],
) -> dict[str, str]:
    """`inputs` with the measures and profile columns, whose Spark types are returned. Measures that all users
    are ranked by are computed for all users."""
    ranked = {each for item in project.derived for column in item.columns for each in item.made_of(column)}
    measures.compute([each for each in project.measures if each in ranked], "users")
    measures.compute([each for each in project.measures if each not in ranked], "wanted")
    measures.gathered("users", "inputs")
    estimates = [each.id for each in project.measures.values() if each.function == APPROXIMATE]
    if estimates:
        _take_over(connection, estimates)
        notes.append(
            f"{', '.join(estimates)}: estimates, compared with the exact count within {ESTIMATE:.0%}; "
            "tags are computed from the estimates as published"
        )
    types = {
        each.id: each.type
        for each in project.measures.values()
        if each.by is None or each.aggregate.by == "rows"
    }
    for source in project.sources.values():
        if source.kind == "profile":
            types |= {f"{source.name}__{column.name}": column.type for column in source.kept_columns}
    return types


def _take_over(connection: duckdb.DuckDBPyConnection, estimates: Sequence[str]) -> None:
    """Replace the exact counts of `inputs` by the published estimates; `exact` keeps them."""
    listed = ", ".join(map(name, estimates))
    connection.execute(f"CREATE TABLE exact AS SELECT user_id, {listed} FROM inputs")
    if has(connection, "published", "user_measures"):
        changed = ", ".join(f"{name(each)} = p.{name(each)}" for each in estimates)
        connection.execute(
            f"UPDATE inputs SET {changed} FROM published.user_measures p WHERE p.user_id = inputs.user_id"
        )


def _derived(
    connection: duckdb.DuckDBPyConnection,
    project: Project,
    types: Mapping[str, str],
    refused: dict[str, str],
    data_day: date,
) -> dict[str, str]:
    """Add the percentiles to `inputs`, and make `rfm`. Returns the types of the new columns."""
    more = []
    for percentile in project.percentiles.values():
        lacking = [each for each in (percentile.measure, *percentile.uses) if each in refused]
        try:
            if lacking:
                raise NotTranslated(f"its measure {lacking[0]} is not verified")
            column = percentile_column(percentile, {**types, "data_day": "date"}, project.timezone, data_day)
            more.append(f"{column} AS {name(percentile.id)}")
        except NotTranslated as error:
            refused[percentile.id] = error.message
    listed = "".join(f", {each}" for each in more)
    connection.execute(f"""
        CREATE TABLE whole AS
        SELECT * EXCLUDE (data_day){listed} FROM (SELECT *, DATE '{data_day}' AS data_day FROM inputs)""")
    connection.execute("DROP TABLE inputs")
    connection.execute("ALTER TABLE whole RENAME TO inputs")
    make_rfm(connection, project, types, data_day)
    return {**dict.fromkeys(project.percentiles, "int"), **RFM_COLUMNS}
