"""The batch to clean: its definition and input, its records, and whether it is already clean."""

from dataclasses import dataclass, field
from datetime import date, datetime

from usertags.errors import DataError, UsageError
from usertags.project.model import Project, Source
from usertags.project.versions import version_of
from usertags.quality.register import RunRecord
from usertags.stages.batch_register import (
    BatchRecord,
    is_interrupted,
    landed,
    on_main,
    other_definitions,
    registered,
)
from usertags.stages.days import end_of
from usertags.stages.source_tables import clean_name, tables_of
from usertags.store.lake import Lake


@dataclass(frozen=True)
class Batch:
    """One source's batch of a data day.

    `definition` is the version of the source's columns and rules; `fingerprint` covers the raw rows and the
    checks as well: the same fingerprint gives the same rows. `previous_data_day` is that of the source's
    batch before it, `attempt` the number of its valid reading. `records` are the source's records in the
    register.
    """

    source: Source
    data_day: date
    definition: str
    fingerprint: str
    attempt: int
    previous_data_day: date | None = None
    records: tuple[BatchRecord, ...] = field(default=(), repr=False)

    @property
    def table(self) -> str:
        """The name of the clean table."""
        return clean_name(self.source)

    @property
    def branch(self) -> str:
        """The branch of the clean table that the batch is written on."""
        return f"batch_{self.data_day:%Y%m%d}"

    @property
    def clean_already(self) -> BatchRecord | None:
        """The record of the batch if main of the clean table has it with the same fingerprint."""
        record = on_main(self.records, self.data_day)
        return record if record and record.input_fingerprint == self.fingerprint else None

    @property
    def other_definitions(self) -> list[date]:
        """The batches of the source that were built with another definition."""
        return other_definitions(self.records, self.data_day, self.definition)


def ends_at(batch: Batch, timezone: str) -> datetime:
    """Until when the batch has rows: the end of its day, or the time until which a day was read that was not
    over."""
    end = end_of(batch.data_day, timezone)
    record = landed(batch.records).get(batch.data_day)
    until = record.cursor_to if record else None
    return end if until is None else min(end, until).astimezone(end.tzinfo)


def batches_of(project: Project, lake: Lake, data_day: date) -> list[Batch]:
    """The batch of a data day of every source. Raises DataError if one was never extracted, and UsageError if
    batches are not registered (`registered`)."""
    sources = project.sources.values()
    records = registered(lake, [tables_of(lake, source.name) for source in sources])
    return [_batch(project, source, data_day, records[source.name]) for source in sources]


def _batch(project: Project, source: Source, data_day: date, records: list[BatchRecord]) -> Batch:
    known = landed(records)
    if data_day not in known or is_interrupted(records, data_day):
        raise DataError(
            f"{data_day} was {'not fully extracted' if data_day in known else 'never extracted'} "
            f"for source {source.name}",
            safe="nothing was written",
            next_step=f"run `usertags extract --day {data_day}` first",
        )
    definition = version_of([_columns(source), _rules(source)])
    checks = [[check.model_dump() for check in source.checks], source.may_be_empty]
    own = [repr(check) for check in project.own_checks_of(clean_name(source))]
    made_of = [known[data_day].raw_snapshot, _columns(source), _rules(source), *checks, own]
    if source.read.whole is not None:
        made_of.append([source.read.whole, source.read.may_lose])
    previous = max((other for other in known if other < data_day), default=None)
    return Batch(
        source, data_day, definition, version_of(made_of), known[data_day].attempt, previous, tuple(records)
    )


def _columns(source: Source) -> list[tuple[object, ...]]:
    # What a column does not say is left out, so that its version is that of the batches before.
    return [
        (c.name, c.type, c.tree, *c.reading, c.pii, *filter(None, (c.null_when, c.normalise, c.form)))
        for c in source.columns
    ]


def _rules(source: Source) -> list[object]:
    whose = source.ids if source.kind == "links" else source.user
    rules: list[object] = [source.key, source.repeats, source.version, source.time, whose, source.reject]
    # A source without such words keeps the version that its batches have.
    return [*rules, source.nulls] if source.nulls else rules


def require_same_batch(project: Project, lake: Lake, refused: RunRecord) -> None:
    """Raises UsageError if the batch of a day, in any source, is no longer the one that was refused."""
    data_day, fingerprints = refused.data_day, refused.inputs.get("batches", {})
    batches = batches_of(project, lake, data_day)
    other = [batch.source.name for batch in batches if fingerprints.get(batch.table) != batch.fingerprint]
    if other:
        raise UsageError(
            f"the batch of {data_day} has changed since it was refused: "
            f"{', '.join(other)} was extracted again, "
            "or its configuration changed",
            safe="nothing was promoted; readers keep the last good day",
            next_step=f"run {data_day} again (`usertags run --day {data_day}`)",
        )
