"""Who and what is in no table of a day, or in it without an event: counted for the report of the tag stage.

A row whose time is after the data day is delivered, cleaned and kept, but bears on no table of the day: it
counts from the day of its time on. Whoever has only such rows is no user of the day.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from functools import reduce

from pyiceberg.types import DateType
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from usertags.project.model import CLEAN_DATA_DAY, GONE, SINCE, Project, Source
from usertags.quality import texts
from usertags.stages.days import end_of
from usertags.stages.report import Line
from usertags.stages.source_tables import clean_name
from usertags.store.filters import rows_before, rows_since, rows_there
from usertags.store.lake import Lake
from usertags.store.spark import spark_table
from usertags.store.tables import find_table
from usertags.transform.identity import of_users
from usertags.transform.later import ids_after
from usertags.transform.presence import present

# The line of a report about users without any event.
WITHOUT_EVENTS = "without_events"


def left_out_lines(
    spark: SparkSession,
    project: Project,
    lake: Lake,
    data_day: date,
    users: DataFrame | None,
    known: DataFrame,
) -> list[Line]:
    """One line per source with rows of batches up to the day whose time is after it: how many, and how many
    of their users are in no table. Grain of the input: user (`known`), id (`users`: `identities` of the run,
    None if ids are not linked). In: user_id of everybody in its tables.

    Rows are counted by the metadata of their files; Spark reads those of a source that has any.
    """
    later = {
        source.name: rows
        for source in project.sources.values()
        if (rows := rows_after(lake, source, data_day, project.timezone))
    }
    absent = _absent(spark, project, data_day, later, users, known) if later else {}
    language = project.quality.language
    return [
        Line(
            name,
            later=rows,
            users=absent.get(name, 0),
            note=texts.LATER.filled(language, rows=rows, users=absent.get(name, 0), day=data_day),
        )
        for name, rows in later.items()
    ]


def without_events_lines(project: Project, data_day: date, users: int) -> list[Line]:
    """The line about the users without any event, if there are any and a source has events."""
    if users == 0 or all(source.kind != "events" for source in project.sources.values()):
        return []
    note = texts.WITHOUT_EVENTS.filled(project.quality.language, users=users, day=data_day)
    return [Line(WITHOUT_EVENTS, users=users, note=note)]


def rows_after(lake: Lake, source: Source, data_day: date, timezone: str) -> int:
    """The clean rows of batches up to a day whose time is after it; 0 for a source without a time."""
    table = find_table(lake, clean_name(source)) if source.time else None
    if table is None:
        return 0
    next_day = data_day + timedelta(days=1)
    column = "event_day" if source.kind == "events" else source.time or ""
    of_days = isinstance(table.schema().find_field(column).field_type, DateType)
    after = rows_since(column, next_day if of_days else end_of(data_day, timezone).isoformat())
    where = after & rows_before(CLEAN_DATA_DAY, next_day)
    if GONE in table.schema().column_names:
        where &= rows_there(SINCE, GONE, data_day)
    return table.scan(row_filter=where).count()


def _absent(
    spark: SparkSession,
    project: Project,
    data_day: date,
    later: Mapping[str, int],
    users: DataFrame | None,
    known: DataFrame,
) -> dict[str, int]:
    """By source: the users of its later rows who are in no table of the day."""
    sources = [project.sources[name] for name in later]
    ids = reduce(
        DataFrame.unionByName,
        [
            ids_after(present(spark.table(spark_table(clean_name(source))), data_day), source, data_day)
            for source in sources
        ],
    )
    owned = ids if users is None else of_users(ids, users)
    found = owned.select("source", F.concat_ws(":", "id_kind", "id").alias("user_id")).distinct()
    counted = found.join(known, "user_id", "left_anti").groupBy("source").count()
    return {row["source"]: row["count"] for row in counted.collect()}
