"""The comparison of every table of a run, and who made what differs."""

from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import replace

import duckdb

from usertags.project.masking import MASK, masked_columns, masked_of
from usertags.project.model import Project
from usertags.published import PUBLISHED, TAG_COVERAGE
from usertags.verify.compare import Comparison, Difference, TableCount, compared
from usertags.verify.inputs import has
from usertags.verify.measures import APPROXIMATE, Measures
from usertags.verify.pieces import name, text_literal
from usertags.verify.tables import SCHEMA
from usertags.verify.tags import Tags

# An estimate of a distinct count may be so far from the exact count.
ESTIMATE = 0.07
_COLUMNS = "SELECT column_name, column_type FROM (DESCRIBE {})"


class Comparisons:
    """The tables of the run compared one by one."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        project: Project,
        tags: Tags,
        measures: Measures,
        sample: str | None,
        most: int,
    ) -> None:
        self._connection, self._project, self._tags, self._measures = connection, project, tags, measures
        self._sampled, self._most = sample is not None, most
        self._wrong: dict[str, set[str]] = defaultdict(set)
        self.tables: list[TableCount] = []
        self.differences: list[Difference] = []
        self.absent: list[str] = []

    def compare(self) -> None:
        """What runs keep for themselves first: it says which measure made a tag differ."""
        self._links()
        self._measured()
        self._numbers_by_value()
        for how in self._published():
            self._compare(how, f"published.{how.table}", f"{SCHEMA}.{how.table}", "tags")
        self._row_counts()

    def _compare(self, how: Comparison, published: str, recomputed: str, namespace: str) -> list[Difference]:
        """More are found than shown: of a tag that differs it is to be known which measure made it."""
        count, found = compared(self._connection, how, published, recomputed, 100 * self._most)
        table = f"{namespace}.{how.table}"
        self.tables.append(replace(count, table=table))
        masked = masked_columns(self._project, table)
        shown: Counter[str] = Counter()
        for each in found:
            shown[each.column] += 1
            if shown[each.column] <= self._most:
                self.differences.append(self._masked(replace(each, table=table), masked))
        return found

    # ---- what runs keep ------------------------------------------------------------------

    def _links(self) -> None:
        if self._project.identity is None:
            return
        ids = Comparison("identities", ("id_kind", "id"), ("user_id", "first_seen"), "user_id", "id_kind")
        links = Comparison(
            "refused_links",
            ("id_kind", "id", "other_kind", "other_id"),
            ("first_seen", "reason", "source"),
            "id",
            "id_kind",
        )
        for how in (ids, links):
            if self._there(how.table):
                self._compare(how, f"published.{how.table}", how.table, "ops")

    def _there(self, table: str) -> bool:
        """Whether the run has rows in a table of `ops`, which are removed after a while."""
        if not has(self._connection, "published", table):
            self.absent.append(f"ops.{table}: it does not exist")
            return False
        return True

    def _measured(self) -> None:
        if not self._there("user_measures"):
            return
        if self._rows("published.user_measures") == 0:
            self.absent.append("ops.user_measures: the rows of the run have been removed")
            return
        estimates = [each for each in self._columns("inputs") if self._function(each) == APPROXIMATE]
        exact = "".join(f", e.{name(each)}" for each in estimates)
        self._connection.execute(f"""
            CREATE TABLE measured AS
            SELECT i.* EXCLUDE ({", ".join(map(name, ["user_id", *estimates]))}), i.user_id{exact}
            FROM inputs i {"JOIN exact e USING (user_id)" if estimates else ""}""")
        how = Comparison(
            "user_measures",
            ("user_id",),
            self._whole("user_measures", "measured", leave_out={*self._numbers(), *self._measures.refused}),
            "user_id",
            within=dict.fromkeys(estimates, ESTIMATE),
            only=self._of_sample("user_id"),
        )
        for each in self._compare(how, "published.user_measures", "measured", "ops"):
            self._wrong[each.user].add(each.column)

    def _whole(self, published: str, recomputed: str, *, leave_out: Collection[str]) -> tuple[str, ...]:
        """The columns of two tables of users, each of which gets those that it lacks: a column that should
        not be there is empty, and one that is missing is not what it should be."""
        sides = (f"published.{published}", recomputed)
        kinds = [dict(self._connection.execute(_COLUMNS.format(side)).fetchall()) for side in sides]
        for side, own, other in zip(sides, kinds, reversed(kinds), strict=True):
            for column in other.keys() - own.keys():
                self._connection.execute(f"ALTER TABLE {side} ADD COLUMN {name(column)} {other[column]}")
        return tuple(each for each in kinds[0] | kinds[1] if each != "user_id" and each not in leave_out)

    def _numbers(self) -> list[str]:
        """The measures that are a number for each value."""
        return [
            measure.id
            for measure in self._project.measures.values()
            if measure.by is not None and measure.aggregate.by == "numbers"
        ]

    def _numbers_by_value(self) -> None:
        """The maps of user_measures, entry by entry."""
        if not has(self._connection, "published", "user_measures"):
            return
        present = self._columns("published.user_measures")
        names = [each for each in self._numbers() if each in present and each not in self._measures.refused]
        if not names:
            return
        parts = " UNION ALL ".join(
            f"SELECT {text_literal(each)} AS measure, user_id, unnest(map_keys({name(each)})) AS key, "
            f"unnest(map_values({name(each)})) AS number FROM published.user_measures"
            for each in names
        )
        self._connection.execute(f"CREATE TABLE published_maps AS {parts}")
        how = Comparison(
            "user_measures by value",
            ("measure", "user_id", "key"),
            ("number",),
            "user_id",
            "measure",
            only=self._of_sample("user_id"),
        )
        for each in self._compare(how, "published_maps", "maps", "ops"):
            self._wrong[each.user].add(each.subject)

    # ---- what readers see --------------------------------------------------------------------

    def _published(self) -> list[Comparison]:
        doubles = frozenset(tag.id for tag in self._tags.tags if tag.type == "double")
        known = self._verified_tags()
        of_sample = self._of_sample("user_id")
        by_tag = f"{of_sample} AND {known}"
        columns = {table.view: tuple(table.columns) for table in PUBLISHED}

        def rest(table: str, *key: str) -> tuple[str, ...]:
            return tuple(column for column in columns[table] if column not in key)

        profile = self._whole("user_profile", f"{SCHEMA}.user_profile", leave_out=self._tags.refused)
        return [
            Comparison(
                "user_tags",
                ("user_id", "tag_id", "rank"),
                rest("user_tags", "user_id", "tag_id", "rank"),
                "user_id",
                "tag_id",
                doubles,
                only=by_tag,
            ),
            Comparison("user_profile", ("user_id",), profile, "user_id", only=of_sample),
            Comparison(
                "user_tag_changes",
                ("user_id", "tag_id"),
                rest("user_tag_changes", "user_id", "tag_id"),
                "user_id",
                "tag_id",
                doubles,
                only=by_tag,
            ),
            Comparison("rfm", ("user_id",), rest("rfm", "user_id"), "user_id"),
            Comparison(
                "rfm_thresholds", ("dimension",), rest("rfm_thresholds", "dimension"), subject="dimension"
            ),
            Comparison(
                "tag_statistics",
                ("tag_id", "tag_value"),
                rest("tag_statistics", "tag_id", "tag_value"),
                subject="tag_id",
                only=known,
            ),
            *self._coverage(known),
            Comparison("tag_catalogue", ("tag_id",), rest("tag_catalogue", "tag_id"), subject="tag_id"),
        ]

    def _coverage(self, known: str) -> list[Comparison]:
        """None where an earlier version published the day, which is not migrated."""
        if not has(self._connection, "published", TAG_COVERAGE.view):
            self.absent.append(f"{TAG_COVERAGE.name}: it does not exist; run `usertags migrate`")
            return []
        columns = tuple(column for column in TAG_COVERAGE.columns if column != "tag_id")
        return [Comparison("tag_coverage", ("tag_id",), columns, subject="tag_id", only=known)]

    def _verified_tags(self) -> str:
        listed = ", ".join(map(text_literal, self._tags.refused))
        return f"tag_id NOT IN ({listed})" if listed else "TRUE"

    def _of_sample(self, column: str) -> str:
        """Of a sample the users of it, and those who are no users of the day."""
        if not self._sampled:
            return "TRUE"
        return f"({column} IN (SELECT user_id FROM wanted) OR {column} NOT IN (SELECT user_id FROM users))"

    def _row_counts(self) -> None:
        """What the publication says of the number of rows; that of an earlier version does not name a table
        that is new."""
        stated = "SELECT count(*) FROM published.row_counts WHERE table_name = ?"
        (found,) = self._connection.execute(stated, [TAG_COVERAGE.name]).fetchone() or (0,)
        tables = [table for table in PUBLISHED if found or table is not TAG_COVERAGE]
        made = " UNION ALL ".join(
            f"SELECT '{table.name}' AS table_name, count(*) AS row_count FROM published.{table.view}"
            for table in tables
        )
        names = ", ".join(f"'{table.name}'" for table in tables)
        self._connection.execute(f"CREATE VIEW counted AS {made}")
        how = Comparison(
            "publications",
            ("table_name",),
            ("row_count",),
            subject="table_name",
            only=f"table_name IN ({names})",
        )
        self._compare(how, "published.row_counts", "counted", "tags")

    # ---- names and masks -------------------------------------------------------------------

    def _masked(self, found: Difference, masked: frozenset[str]) -> Difference:
        """A difference with the tag or measure that made it, without what nobody is to see."""
        table = found.table.partition(".")[2]
        subject = found.subject or (found.column if table in ("user_profile", "user_measures") else "")
        made_by = self._maker(table, subject, found)
        hidden = subject in masked or found.column in masked or self._is_secret(subject, found.column)
        hidden |= "tag_value" in masked and found.column in ("old_value", "new_value", "tag_number")
        if hidden and found.column:
            one, other = (None if value is None else MASK for value in (found.published, found.recomputed))
            found = replace(found, published=one, recomputed=other)
        user = MASK if found.user and "user_id" in masked else found.user
        return replace(found, user=user, made_by=made_by)

    def _is_secret(self, subject: str, column: str) -> bool:
        """Whether a value is of a measure or profile column that reads personal data."""
        for each in (subject, column):
            measure = self._project.measures.get(each)
            if measure is not None and measure.uses & masked_of(self._project.sources[measure.source]):
                return True
            source, _, name_ = each.partition("__")
            if source in self._project.sources and name_ in masked_of(self._project.sources[source]):
                return True
        return False

    def _maker(self, table: str, subject: str, found: Difference) -> str:
        if table.startswith("user_measures"):
            return f"measure {subject or found.column}"
        if table in ("rfm", "rfm_thresholds"):
            return self._rfm_maker(found)
        if table in ("identities", "refused_links"):
            return "links"
        tag = self._project.tags.get(subject)
        if tag is None:
            return ""
        wrong = self._wrong.get(found.user, set())
        of = [each for each in (name.replace(".", "__") for name in tag.inputs) if each in wrong]
        return f"tag {tag.id}" + (f", of {', '.join(of)}" if of else "")

    def _rfm_maker(self, found: Difference) -> str:
        rfm = self._project.rfm
        if rfm is None:
            return "RFM"
        entry = rfm.entry
        made_of = {
            "recency": entry.recency,
            "recency_days": entry.recency,
            "r_score": entry.recency,
            "frequency": entry.frequency,
            "f_score": entry.frequency,
            "monetary": entry.monetary,
            "m_score": entry.monetary,
        }
        measure = made_of.get(found.column) or made_of.get(found.subject)
        return f"RFM, of measure {measure}" if measure else "RFM"

    # ---- small queries ---------------------------------------------------------------------

    def _function(self, column: str) -> str:
        measure = self._project.measures.get(column)
        return measure.function if measure else ""

    def _columns(self, table: str) -> list[str]:
        return [row[0] for row in self._connection.execute(_COLUMNS.format(table)).fetchall()]

    def _rows(self, table: str) -> int:
        row = self._connection.execute(f"SELECT count(*) FROM {table}").fetchone()
        return int(row[0]) if row else 0
