"""The published tables, made of the state of every user; each stands in the schema `again`."""

from collections.abc import Mapping, Sequence
from datetime import date

import duckdb

from usertags.project.model import Project, Tag
from usertags.verify.inputs import PublishedDay, has, insert_rows
from usertags.verify.pieces import name, text_literal
from usertags.verify.tags import Tags

SCHEMA = "again"
_SET = "STRUCT(set_by VARCHAR, reason VARCHAR, until DATE)"


def make_tables(
    connection: duckdb.DuckDBPyConnection,
    project: Project,
    tags: Tags,
    published: PublishedDay,
    counted: str,
) -> None:
    """Fill the schema. `counted` is the table of tags that the statistics count."""
    data_day, before = published.data_day, published.before
    connection.execute(f"CREATE SCHEMA {SCHEMA}")
    _values(connection, tags)
    _user_tags(connection, project, tags, data_day)
    _user_profile(connection, tags)
    _changes(connection, project, tags, before)
    _statistics(connection, project, counted)
    _coverage(connection, project, tags, counted)
    _project(connection, project)
    for table in ("rfm", "rfm_thresholds", "identities", "refused_links"):
        connection.execute(f"CREATE TABLE {SCHEMA}.{table} AS SELECT * FROM {table}")


def kept_out(project: Project, table: str) -> set[str]:
    """The tags that a table is not to hold."""
    return {tag.id for tag in project.tags.values() if table in tag.kept_out_of}


def _values(connection: duckdb.DuckDBPyConnection, tags: Tags) -> None:
    """`present`: a row for each tag that a user has, and each rank of it."""
    connection.execute(f"""
        CREATE TABLE present (
            user_id VARCHAR, tag_id VARCHAR, tag_value VARCHAR, tag_number DOUBLE, rank INTEGER, share DOUBLE,
            fresh BOOLEAN, set_row {_SET}
        )""")
    connection.execute(
        "INSERT INTO present SELECT user_id, tag_id, value, number, rank, share, NULL, NULL FROM preferred"
    )
    for tag in tags.tags:
        if tag.main.several:
            continue
        fresh = name(f"_fresh_{tag.id}") if tag.validity.days is not None else "NULL"
        connection.execute(f"""
            INSERT INTO present
            SELECT user_id, {text_literal(tag.id)}, {tags.text(tag)} AS text, {tags.number(tag)}, 1, NULL,
                   {fresh}, {_set_by(tag)}
            FROM state WHERE text IS NOT NULL""")


def _set_by(tag: Tag) -> str:
    """Who set the tag, where somebody did."""
    if tag.set_in is None:
        return "NULL"
    row = name(f"_set_{tag.id}")
    fields = ", ".join(f"'{each}': ({row}).{each}" for each in ("set_by", "reason", "until"))
    return f"CASE WHEN {row} IS NOT NULL THEN {{{fields}}} END"


def _described(connection: duckdb.DuckDBPyConnection, project: Project, tags: Sequence[Tag]) -> None:
    """What is the same for all users of a tag."""
    rows = [
        (
            tag.id,
            tag.kind,
            *[project.levels[level] for level in tag.path],
            tag.validity.days,
            tag.definition_version,
            tag.main.several,
        )
        for tag in tags
    ]
    columns = (
        "tag_id VARCHAR, tag_kind VARCHAR, level1 VARCHAR, level2 VARCHAR, level3 VARCHAR, period INTEGER, "
        "definition_version VARCHAR, several BOOLEAN"
    )
    insert_rows(connection, "described", columns, rows)


def _user_tags(connection: duckdb.DuckDBPyConnection, project: Project, tags: Tags, data_day: date) -> None:
    """A value that a user had on the day before has been there since; of several values any that was among
    them, whatever its rank."""
    hidden = kept_out(project, "user_tags")
    _described(connection, project, [tag for tag in tags.tags if tag.id not in hidden])
    # Joined by plain equality: with further conditions DuckDB compares every row of a user with every other.
    connection.execute("CREATE TABLE first_before AS SELECT * FROM before.user_tags WHERE rank = 1")
    connection.execute("CREATE TABLE ranked_before AS SELECT * FROM before.user_tags WHERE share IS NOT NULL")
    connection.execute("CREATE TABLE told AS SELECT * FROM present JOIN described USING (tag_id)")
    connection.execute(f"""
        CREATE TABLE {SCHEMA}.user_tags AS
        SELECT
            t.user_id, t.tag_id, t.tag_value, t.tag_number, t.rank, t.share,
            t.tag_kind, t.level1, t.level2, t.level3,
            coalesce(
                CASE WHEN t.several THEN r.valid_from
                     WHEN b.tag_value = t.tag_value THEN b.valid_from END,
                DATE '{data_day}'
            ) AS valid_from,
            CASE WHEN t.fresh THEN DATE '{data_day}' + t.period
                 WHEN t.period IS NOT NULL THEN b.valid_until
                 ELSE t.set_row.until END AS valid_until,
            CAST(1 AS DOUBLE) AS confidence,
            CASE WHEN t.set_row IS NULL THEN 'rule' ELSE 'explicit' END AS source,
            t.set_row.set_by AS set_by, t.set_row.reason AS reason, t.definition_version
        FROM told t
        LEFT JOIN first_before b ON b.user_id = t.user_id AND b.tag_id = t.tag_id
        LEFT JOIN ranked_before r
            ON r.user_id = t.user_id AND r.tag_id = t.tag_id AND r.tag_value = t.tag_value""")


def _user_profile(connection: duckdb.DuckDBPyConnection, tags: Tags) -> None:
    columns = [name(tag.id) for tag in tags.tags if "user_profile" not in tag.kept_out_of]
    listed = ", ".join(["user_id", *columns])
    connection.execute(f"CREATE TABLE {SCHEMA}.user_profile AS SELECT {listed} FROM state")


def _changes(
    connection: duckdb.DuckDBPyConnection, project: Project, tags: Tags, before: date | None
) -> None:
    """What differs in value between the two days, and why."""
    published = {tag.id: tag for tag in project.published_tags()}
    versions = {} if before is None else _previous_versions(connection)
    redefined = [
        each for each, tag in published.items() if versions and versions.get(each) != tag.definition_version
    ]
    left_out = _left_out(connection, project, "user_tag_changes")
    connection.execute(f"""
        CREATE TABLE {SCHEMA}.user_tag_changes AS
        WITH now AS (
            SELECT user_id, tag_id, string_agg(tag_value, '|' ORDER BY rank) AS value
            FROM present GROUP BY user_id, tag_id
        ), earlier AS (
            SELECT user_id, tag_id, coalesce(
                string_agg(tag_value, '|' ORDER BY rank) FILTER (WHERE share IS NOT NULL),
                first(tag_value) FILTER (WHERE rank = 1)
            ) AS value
            FROM before.user_tags GROUP BY user_id, tag_id
        ), differing AS (
            SELECT user_id, tag_id, earlier.value AS old_value, now.value AS new_value
            FROM now FULL OUTER JOIN earlier USING (user_id, tag_id)
            WHERE earlier.value IS DISTINCT FROM now.value
        )
        SELECT
            user_id, tag_id,
            CASE WHEN old_value IS NULL THEN 'added'
                 WHEN new_value IS NULL THEN 'removed' ELSE 'changed' END AS change,
            old_value, new_value,
            CASE WHEN NOT {_among("tag_id", published)} THEN 'retired'
                 WHEN user_id IN ({_moved(connection, before)}) THEN 'identity'
                 WHEN {_among("tag_id", redefined)} THEN 'definition' ELSE 'data' END AS reason
        FROM differing WHERE NOT {_among("tag_id", left_out)}""")


def _among(column: str, ids: Sequence[str] | Mapping[str, object] | set[str]) -> str:
    listed = ", ".join(text_literal(each) for each in sorted(ids))
    return f"({column} IN ({listed}))" if listed else "FALSE"


def _previous_versions(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """The version of each tag that stood in user_tags on the day before."""
    rows = connection.execute("""
        SELECT tag_id, definition_version FROM before.tag_catalogue
        WHERE NOT coalesce(list_contains(kept_out_of, 'user_tags'), FALSE)""")
    return dict(rows.fetchall())


def _left_out(connection: duckdb.DuckDBPyConnection, project: Project, table: str) -> set[str]:
    """The tags that a table is not to hold; those that are gone as on the day before."""
    rows = connection.execute(
        "SELECT tag_id FROM before.tag_catalogue WHERE coalesce(list_contains(kept_out_of, ?), FALSE)",
        [table],
    ).fetchall()
    return kept_out(project, table) | {tag_id for (tag_id,) in rows if tag_id not in project.tags}


def _moved(connection: duckdb.DuckDBPyConnection, before: date | None) -> str:
    """The users between whom an id moved that was known on the day before, as a query."""
    if before is None or not has(connection, "published", "identities"):
        return "SELECT NULL WHERE FALSE"
    return f"""
        WITH sides AS (
            SELECT coalesce(n.user_id, id_kind || ':' || id) AS now,
                   coalesce(b.user_id, id_kind || ':' || id) AS earlier,
                   b.user_id IS NOT NULL OR coalesce(n.first_seen <= DATE '{before}', TRUE) AS known
            FROM identities n FULL OUTER JOIN before.identities b USING (id_kind, id)
        )
        SELECT unnest([now, earlier]) FROM sides WHERE known AND now <> earlier"""


def _statistics(connection: duckdb.DuckDBPyConnection, project: Project, counted: str) -> None:
    left_out = _among("tag_id", _left_out(connection, project, "tag_statistics"))

    def count(table: str) -> str:
        where = f"WHERE NOT {left_out} GROUP BY tag_id, tag_value"
        return f"SELECT tag_id, tag_value, count(*) AS users FROM {table} {where}"

    connection.execute(f"""
        CREATE TABLE {SCHEMA}.tag_statistics AS
        SELECT
            tag_id, tag_value, coalesce(n.users, 0) AS users,
            coalesce(n.users, 0) / nullif((SELECT CAST(count(*) AS DOUBLE) FROM users), 0) AS share,
            coalesce(b.users, 0) AS users_before,
            coalesce(n.users, 0) - coalesce(b.users, 0) AS change
        FROM ({count(counted)}) n
        FULL OUTER JOIN ({count("before.user_tags")}) b USING (tag_id, tag_value)""")


def _coverage(connection: duckdb.DuckDBPyConnection, project: Project, tags: Tags, counted: str) -> None:
    """The distinct users of each tag that is published or stood in the day before."""
    hidden = [_left_out(connection, project, table) for table in ("tag_coverage", "tag_statistics")]

    def count(table: str) -> str:
        return f"SELECT tag_id, count(DISTINCT user_id) AS users FROM {table} GROUP BY tag_id"

    insert_rows(connection, "listed", "tag_id VARCHAR", [(tag.id,) for tag in tags.tags])
    connection.execute(f"""
        CREATE TABLE {SCHEMA}.tag_coverage AS
        SELECT
            tag_id, coalesce(n.users, 0) AS users,
            coalesce(n.users, 0) / nullif((SELECT CAST(count(*) AS DOUBLE) FROM users), 0) AS share,
            coalesce(b.users, 0) AS users_before,
            coalesce(n.users, 0) - coalesce(b.users, 0) AS change
        FROM (SELECT tag_id FROM listed UNION SELECT tag_id FROM before.user_tags) t
        LEFT JOIN ({count(counted)}) n USING (tag_id)
        LEFT JOIN ({count("before.user_tags")}) b USING (tag_id)
        WHERE NOT {_among("tag_id", hidden[0] | hidden[1])}""")


def _project(connection: duckdb.DuckDBPyConnection, project: Project) -> None:
    names = (
        "tag_id",
        "name_zh",
        "name_en",
        "level1",
        "level2",
        "level3",
        "level1_zh",
        "level2_zh",
        "level3_zh",
        "kind",
        "type",
        "values",
        "definition",
        "description",
        "owner",
        "validity",
        "sensitivity",
        "kept_out_of",
        "status",
        "definition_version",
    )
    lists = ("values", "kept_out_of")
    columns = ", ".join(f"{name(each)} {'VARCHAR[]' if each in lists else 'VARCHAR'}" for each in names)
    rows = [
        (
            tag.id,
            tag.name,
            tag.title,
            *[project.levels[level] for level in tag.path],
            *tag.path,
            tag.kind,
            tag.type,
            None if tag.values is None else [str(value) for value in tag.values],
            tag.definition,
            tag.description,
            tag.owner,
            str(tag.validity),
            tag.sensitivity,
            sorted(tag.kept_out_of),
            tag.status,
            tag.definition_version,
        )
        for tag in project.tags.values()
    ]
    insert_rows(connection, f"{SCHEMA}.tag_catalogue", columns, rows)
