"""The tags of every user: what their rules say today, and what becomes of that by the day before.

Makes `state`: a row a user with each tag's value, after its validity; tags with several values stand in
`preferred` as well (tag_id, user_id, rank, value, number, share).
"""

from collections.abc import Collection, Mapping
from datetime import date
from functools import cached_property

import duckdb

from usertags.config.expression_types import is_number
from usertags.kinds.preference import PreferEntry
from usertags.project.loader import Settings, load
from usertags.project.model import Project, Tag
from usertags.verify.expressions import translated
from usertags.verify.pieces import NotTranslated, Piece, as_text, as_type, name, text_literal
from usertags.verify.spark_types import duckdb_type, is_decimal


class Tags:
    """Computes the published tags in a database that has `inputs`, `rfm`, `maps` and `before.user_tags`.

    `types` are those of the columns of `inputs` and `rfm`; `missing` are inputs that could not be computed.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        project: Project,
        types: Mapping[str, str],
        missing: Collection[str],
        data_day: date,
    ) -> None:
        self._connection, self._project, self._types = connection, project, types
        self._missing, self._data_day = missing, data_day
        self.refused: dict[str, str] = {}
        self.tags: list[Tag] = []

    def compute(self) -> None:
        self._connection.execute("""
            CREATE TABLE preferred (
                tag_id VARCHAR, user_id VARCHAR, rank INTEGER, value VARCHAR, number DOUBLE, share DOUBLE
            )""")
        self._connection.execute(f"""
            CREATE VIEW known AS
            SELECT *, DATE '{self._data_day}' AS data_day FROM inputs LEFT JOIN rfm USING (user_id)""")
        columns = ["user_id"]
        # Those that follow another last, for it may not be verified.
        for tag in sorted(self._project.published_tags(), key=lambda tag: tag.follows is not None):
            try:
                columns += self._today(tag)
                self.tags.append(tag)
            except NotTranslated as error:
                self.refused[tag.id] = error.message
        self._connection.execute(f"CREATE TABLE today AS SELECT {', '.join(columns)} FROM known")
        self._after_validity()

    # ---- what the rules say ----------------------------------------------------------------

    def _today(self, tag: Tag) -> list[str]:
        lacking = [each for each in tag.inputs if each in self._missing]
        if lacking:
            raise NotTranslated(f"its input {lacking[0]} is not verified")
        if tag.follows is not None and tag.follows.tag in self.refused:
            raise NotTranslated(f"it follows {tag.follows.tag}, which is not verified")
        if tag.main.several:
            self._prefer(tag)
            return []
        if tag.follows is not None:
            return []
        piece = translated(str(tag.tree), self._known_types, self._project.timezone)
        if tag.boolean:
            value = f"CASE WHEN {piece.sql} THEN TRUE END"
        elif tag.type == "string":
            value = f"nullif(trim({as_text(piece, self._project.timezone)}, ' '), '')"
        else:
            value = as_type(piece, tag.type, self._project.timezone).sql
        columns = [f"CAST({value} AS {duckdb_type(tag.type)}) AS {name(tag.id)}"]
        if tag.set_by is not None:
            row = translated(str(tag.set_by.row), self._known_types, self._project.timezone)
            columns.append(f"{row.sql} AS {name(f'_set_{tag.id}')}")
        return columns

    @property
    def _known_types(self) -> dict[str, str]:
        return {**self._types, "data_day": "date", "user_id": "string"}

    def _prefer(self, tag: Tag) -> None:
        """The values with the greatest numbers above zero, those of equal numbers in the order of their
        texts."""
        entry = self._preference(tag)
        enough, support = [f"share >= CAST({entry.min_share!r} AS DOUBLE)"], ""
        if entry.support is not None:
            same = "s.user_id = n.user_id AND s.key = n.key"
            support = f"LEFT JOIN maps s ON s.measure = {text_literal(entry.support)} AND {same}"
            enough.append(f"coalesce(s.number, 0) >= {entry.min_support!r}")
        self._connection.execute(f"""
            INSERT INTO preferred
            WITH numbers AS (
                SELECT * FROM maps WHERE measure = {text_literal(entry.measure)} AND number > 0
            ), totals AS (
                SELECT user_id, sum(number ORDER BY key) AS total FROM numbers GROUP BY user_id
            ), shares AS (
                SELECT user_id, key, number, number / total AS share FROM numbers JOIN totals USING (user_id)
            ), kept AS (
                SELECT n.* FROM shares n {support} WHERE {" AND ".join(enough)}
            ), ranked AS (
                SELECT *, row_number() OVER (PARTITION BY user_id ORDER BY number DESC, key) AS rank FROM kept
            )
            SELECT {text_literal(tag.id)}, user_id, CAST(rank AS INTEGER), key, number, share
            FROM ranked WHERE rank <= {entry.top}""")

    @cached_property
    def _settings(self) -> Settings:
        """The configuration as it is written: a tag with several values keeps no more than its SQL."""
        return load(self._project.folder)

    def _preference(self, tag: Tag) -> PreferEntry:
        entry: PreferEntry | None = getattr(self._settings.tags[tag.id].entry, "prefer", None)
        if entry is None:
            raise NotTranslated("several values, but no `prefer`")
        return entry

    # ---- what becomes of it ------------------------------------------------------------------

    def _after_validity(self) -> None:
        """`state`: of each user the value of each tag, `_fresh_` where the rule of a tag with a period holds
        today, and who set it. Of tags with several values the first."""
        columns = ["y.user_id"]
        for tag in self.tags:
            if tag.main.several:
                columns.append(f"f.{name(tag.id)}")
            elif tag.follows is None:
                columns += self._lasting_columns(tag)
        remembered = {tag.id for tag in self.tags if _remembers(tag)}
        for tag in self.tags:
            if tag.follows is not None:
                remembered |= {tag.id, tag.follows.tag}
        columns += [f"b.{name(f'_before_{each}')}" for each in sorted(remembered)]
        followers = [
            f"{self._following(tag)} AS {name(tag.id)}" for tag in self.tags if tag.follows is not None
        ]
        first = {
            tag.id: f"first(value) FILTER (WHERE tag_id = {text_literal(tag.id)})"
            for tag in self.tags
            if tag.main.several
        }
        row = "first({'value': tag_value, 'since': valid_from, 'until': valid_until})"
        before = {
            f"_before_{each}": f"{row} FILTER (WHERE tag_id = {text_literal(each)})" for each in remembered
        }
        self._connection.execute(f"""
            CREATE TABLE state AS
            SELECT {", ".join(["*", *followers])}
            FROM (
                SELECT {", ".join(columns)} FROM today y
                LEFT JOIN ({_a_row_a_user(first, "preferred")}) f USING (user_id)
                LEFT JOIN ({_a_row_a_user(before, "before.user_tags")}) b USING (user_id)
            )""")

    def _lasting_columns(self, tag: Tag) -> list[str]:
        columns = [f"{self._lasting(tag)} AS {name(tag.id)}"]
        if tag.validity.days is not None:
            columns.append(f"y.{name(tag.id)} IS NOT NULL AS {name(f'_fresh_{tag.id}')}")
        if tag.set_by is not None:
            columns.append(f"y.{name(f'_set_{tag.id}')}")
        return columns

    def _lasting(self, tag: Tag) -> str:
        value, then = f"y.{name(tag.id)}", f"b.{name(f'_before_{tag.id}')}"
        kept = as_type(Piece(f"{then}.value", "string"), tag.type, self._project.timezone).sql
        if _is_static(tag):
            return f"coalesce({kept}, {value})"
        if tag.validity.days is not None:
            return f"coalesce({value}, CASE WHEN {then}.until >= DATE '{self._data_day}' THEN {kept} END)"
        return value

    def _following(self, tag: Tag) -> str:
        """The days that another tag has had its value, or the value that it had before."""
        assert tag.follows is not None
        other = next(each for each in self.tags if each.id == tag.follows.tag)
        own, then = name(f"_before_{tag.id}"), name(f"_before_{other.id}")
        now, today = self.text(other), f"DATE '{self._data_day}'"
        same = f"coalesce(({then}).value = {now}, FALSE)"
        if tag.follows.what == "days":
            since = f"CASE WHEN {same} THEN ({then}).since ELSE {today} END"
            piece = Piece(f"CAST({today} - {since} + 1 AS INTEGER)", "int")
        else:
            piece = Piece(f"(CASE WHEN {same} THEN ({own}).value ELSE ({then}).value END)", "string")
        value = as_type(piece, tag.type, self._project.timezone).sql
        return f"CASE WHEN {now} IS NOT NULL THEN {value} END"

    def text(self, tag: Tag) -> str:
        """A tag's value as a text, of a column of `state`: numbers without zeros at their end."""
        column = name(tag.id)
        if tag.main.several:
            return column
        text = as_text(Piece(column, tag.type), self._project.timezone)
        if tag.type == "double" or is_decimal(tag.type):
            whole = f"TRY_CAST(trunc({column}) AS BIGINT)"
            return (
                f"(CASE WHEN {whole} = {column} THEN CAST({whole} AS VARCHAR) "
                f"WHEN contains({text}, 'E') THEN {text} ELSE rtrim(rtrim({text}, '0'), '.') END)"
            )
        return text

    def number(self, tag: Tag) -> str:
        return f"CAST({name(tag.id)} AS DOUBLE)" if is_number(tag.type) else "CAST(NULL AS DOUBLE)"


def _remembers(tag: Tag) -> bool:
    return tag.validity.days is not None or _is_static(tag)


def _is_static(tag: Tag) -> bool:
    """Whether the tag keeps its first value; one of the profile alone follows its corrections."""
    return tag.validity.static and not all("." in each for each in tag.inputs)


def _a_row_a_user(columns: Mapping[str, str], table: str) -> str:
    """The first values of tags, a column each."""
    listed = "".join(f", {sql} AS {name(column)}" for column, sql in columns.items())
    return f"SELECT user_id{listed} FROM {table} WHERE rank = 1 GROUP BY user_id"
