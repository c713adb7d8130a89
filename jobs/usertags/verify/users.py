"""The users of a day: every id that a source has seen, and the ids that links make one user of."""

from datetime import date

import duckdb

from usertags.project.model import Identity, Project, Source
from usertags.sources.personal_ids import ANY_FORM
from usertags.sources.pii import hash_value
from usertags.store.connections import from_environment
from usertags.verify.inputs import insert_rows, profile_inputs
from usertags.verify.links import Link, users_of
from usertags.verify.pieces import Piece, as_text, local, name, text_literal

_IDS = "id_kind VARCHAR, id VARCHAR, user_id VARCHAR, first_seen DATE"
_REFUSED = (
    "id_kind VARCHAR, id VARCHAR, other_kind VARCHAR, other_id VARCHAR, first_seen DATE, reason VARCHAR, "
    "source VARCHAR"
)


def find_users(connection: duckdb.DuckDBPyConnection, project: Project, data_day: date) -> None:
    """Makes `identities` and `refused_links`, a table `rows_<source>` of each source with a user, and `users`
    with all users of the day."""
    for source in project.sources.values():
        if source.kind == "links":
            _sightings(connection, project, source, data_day)
        else:
            _rows_of_ids(connection, project, source, data_day)
    insert_rows(connection, "identities", _IDS, [])
    insert_rows(connection, "refused_links", _REFUSED, [])
    if project.identity is not None:
        _link(connection, project, project.identity)
    for source in project.sources.values():
        if source.kind != "links":
            _rows_of_users(connection, source)
    _one_row_a_user(connection, project)
    _all_users(connection, project)


def _day_of(source: Source, zone: str) -> str:
    """The day of a row in the project's time zone."""
    if source.time is None:
        return "CAST(NULL AS DATE)"
    column = source.column(source.time)
    return f"CAST({local(Piece(name(column.name), column.type), zone)} AS DATE)"


def _id_of(source: Source, column: str, zone: str) -> str:
    return as_text(Piece(name(column), source.column(column).type), zone)


def _sightings(
    connection: duckdb.DuckDBPyConnection, project: Project, source: Source, data_day: date
) -> None:
    nodes = []
    for kind, column in source.ids:
        text = _id_of(source, column, project.timezone)
        nodes.append(f"CASE WHEN trim({text}, ' ') <> '' THEN {text_literal(kind + ':')} || {text} END")
    seen = _day_of(source, project.timezone)
    connection.execute(
        f"CREATE TABLE {name(f'seen_{source.name}')} AS "
        f"SELECT list_filter([{', '.join(nodes)}], lambda x: x IS NOT NULL) AS nodes, {seen} AS first_seen, "
        f"{text_literal(source.name)} AS source FROM clean.{name(source.name)} "
        f"WHERE {seen} <= DATE '{data_day}'"
    )


def _rows_of_ids(
    connection: duckdb.DuckDBPyConnection, project: Project, source: Source, data_day: date
) -> None:
    """The rows of a source up to the day, with their id as text and their day. A row of a profile without a
    time has always been there."""
    seen = _day_of(source, project.timezone)
    time = _moment(source)
    always = f"OR {seen} IS NULL" if source.kind == "profile" else ""
    connection.execute(f"""
        CREATE TABLE {name(f"ids_{source.name}")} AS
        SELECT *, {_id_of(source, source.user, project.timezone)} AS _id,
               {seen} AS event_day, {time} AS _time
        FROM clean.{name(source.name)} WHERE {seen} <= DATE '{data_day}' {always}""")


def _moment(source: Source) -> str:
    """What orders the rows of a source: their time, then its `order_by`, in which no value comes first."""
    time = name(source.time) if source.time else "NULL"
    if not source.order_by:
        return time
    places = [
        f"'given_{number}': {name(column)} IS NOT NULL, 'by_{number}': {name(column)}"
        for number, column in enumerate(source.order_by)
    ]
    return f"{{'time': {time}, {', '.join(places)}}}"


def _link(connection: duckdb.DuckDBPyConnection, project: Project, identity: Identity) -> None:
    seen = " UNION ALL ".join(f"SELECT * FROM {name(f'seen_{source.name}')}" for source in project.links())
    connection.execute(f"CREATE TABLE sightings AS {seen}")
    pairs = connection.execute("""
        WITH every AS (
            SELECT unnest(nodes) AS one, nodes, first_seen, source FROM sightings
        ), paired AS (
            SELECT one AS a, unnest(nodes) AS b, first_seen, source FROM every
        )
        SELECT min(first_seen), a, b, string_agg(DISTINCT source, ', ' ORDER BY source)
        FROM paired WHERE a < b GROUP BY a, b""").fetchall()
    found = users_of([Link(*row) for row in pairs], _blocked(project, identity), identity.limits)
    _write_refused(connection, found.refused)
    insert_rows(connection, "members", "node VARCHAR, component BIGINT", found.component.items())
    connection.execute(f"CREATE TABLE seen_ids AS {_first_seen(project)}")
    # The id that was seen first names the user; one that has always been there comes before all days.
    connection.execute("""
        INSERT INTO identities
        WITH days AS (
            SELECT node, component, split_part(node, ':', 1) AS kind, node[position(':' IN node) + 1:] AS id,
                   CASE WHEN NOT bool_or(first_seen IS NULL) THEN min(first_seen) END AS first_seen
            FROM members JOIN seen_ids USING (node) GROUP BY node, component
        ), users AS (
            SELECT component, count(*) AS ids,
                   first(node ORDER BY first_seen NULLS FIRST, kind, id) AS user_id
            FROM days GROUP BY component
        )
        SELECT kind, id, user_id, first_seen FROM days JOIN users USING (component) WHERE ids > 1""")


def _blocked(project: Project, identity: Identity) -> set[str]:
    """The blocked ids as the clean tables have them."""
    found = set()
    for kind, written in identity.block:
        value = from_environment(written, project, "project.yml")
        form = identity.forms.get(kind, ANY_FORM)
        known = hash_value(value, _salt(project), form) if kind in identity.hashed else value
        found.add(f"{kind}:{known}")
    return found


def _salt(project: Project) -> str:
    from usertags.stages.extract import pii_salt

    return pii_salt(project)


def _write_refused(connection: duckdb.DuckDBPyConnection, refused: list[tuple[Link, str]]) -> None:
    rows = []
    for link, reason in refused:
        ends = [part for node in link.ends for part in node.partition(":")[::2]]
        rows.append((*ends, link.first_seen, reason, link.source))
    insert_rows(connection, "refused_links", _REFUSED, rows)


def _first_seen(project: Project) -> str:
    """The first day of each id in each source that has it; null if a row of it there has no day."""
    selects = ["SELECT unnest(nodes) AS node, first_seen FROM sightings"]
    for source in project.sources.values():
        if source.kind != "links":
            kind = text_literal(f"{source.id_kind}:")
            first = "CASE WHEN NOT bool_or(event_day IS NULL) THEN min(event_day) END"
            rows = name(f"ids_{source.name}")
            selects.append(f"SELECT {kind} || _id AS node, {first} AS first_seen FROM {rows} GROUP BY _id")
    return " UNION ALL ".join(selects)


def _rows_of_users(connection: duckdb.DuckDBPyConnection, source: Source) -> None:
    kind = text_literal(source.id_kind)
    connection.execute(f"""
        CREATE TABLE {name(f"rows_{source.name}")} AS
        SELECT rows.*, coalesce(ids.user_id, {kind} || ':' || rows._id) AS _user,
               ids.first_seen AS _first_seen
        FROM {name(f"ids_{source.name}")} rows
        LEFT JOIN identities ids ON ids.id_kind = {kind} AND ids.id = rows._id""")


def _one_row_a_user(connection: duckdb.DuckDBPyConnection, project: Project) -> None:
    """Makes `profile_<source>`: of several ids of a user the row with the highest version counts, then that
    of the id seen first."""
    for source in project.sources.values():
        if source.kind != "profile":
            continue
        version = f"{name(source.version)} DESC NULLS LAST, " if source.version else ""
        names = profile_inputs(project, source)
        columns = [f"{name(each)} AS {name(f'{source.name}__{each}')}" for each in names]
        connection.execute(f"""
            CREATE TABLE {name(f"profile_{source.name}")} AS
            SELECT {", ".join(["_user AS user_id", *columns])} FROM {name(f"rows_{source.name}")}
            QUALIFY row_number() OVER (
                PARTITION BY _user ORDER BY {version}_first_seen NULLS FIRST, _id
            ) = 1""")


def _all_users(connection: duckdb.DuckDBPyConnection, project: Project) -> None:
    selects = []
    for source in project.sources.values():
        if source.kind == "links":
            selects.append(
                "SELECT coalesce(ids.user_id, node) AS user_id FROM "
                f"(SELECT DISTINCT unnest(nodes) AS node FROM {name(f'seen_{source.name}')}) "
                "LEFT JOIN identities ids ON ids.id_kind || ':' || ids.id = node"
            )
        else:
            selects.append(f"SELECT _user AS user_id FROM {name(f'rows_{source.name}')}")
    connection.execute(f"CREATE TABLE users AS SELECT DISTINCT user_id FROM ({' UNION ALL '.join(selects)})")
