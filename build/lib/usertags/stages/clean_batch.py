"""The batch to clean: its definition and input, its records, and whether it is already clean."""

from dataclasses import dataclass, field
from datetime import date

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
from usertags.stages.source_tables import clean_name, tables_of
from usertags.store.lake import Lake


@dataclass(frozen=True)
class Batch:
    """One source's batch of a data day.

    `definition` is the version of the source's columns and rules; `fingerprint` covers the raw rows and the
    checks as well: the same fingerprint gives the same rows. `last` is the data day of the source's batch
    before it, `attempt` the number of its valid reading. `records` are the source's records in the register.
    """

    source: Source
    day: date
    definition: str
    fingerprint: str
    attempt: int
    last: date | None = None
    records: tuple[BatchRecord, ...] = field(default=(), repr=False)

    @property
    def table(self) -> str:
        return clean_name(self.source)

    @property
    def branch(self) -> str:
        return f"batch_{self.day:%Y%m%d}"

    @property
    def clean_already(self) -> BatchRecord | None:
        """The record of the batch if main of the clean table has it with the same fingerprint."""
        standing = on_main(self.records, self.day)
        return standing if standing and standing.input_fingerprint == self.fingerprint else None

    @property
    def other_definitions(self) -> list[date]:
        """The batches of the source that were built with another definition."""
        return other_definitions(self.records, self.day, self.definition)


def batches_of(project: Project, lake: Lake, day: date) -> list[Batch]:
    """The batch of a data day of every source. Raises DataError if one was never extracted."""
    sources = project.sources.values()
    records = registered(lake, [tables_of(lake, source.name) for source in sources])
    return [_batch(project, source, day, records[source.name]) for source in sources]


def _batch(project: Project, source: Source, day: date, records: list[BatchRecord]) -> Batch:
    known = landed(records)
    if day not in known or is_interrupted(records, day):
        raise DataError(
            f"{day} was {'not fully extracted' if day in known else 'never extracted'} "
            f"for source {source.name}",
            safe="nothing was written",
            next_step=f"run `usertags extract --day {day}` first",
        )
    definition = version_of([_columns(source), _rules(source)])
    checks = [[check.model_dump() for check in source.checks], source.may_be_empty]
    own = [repr(check) for check in project.own_checks_of(clean_name(source))]
    made_of = [known[day].raw_snapshot, _columns(source), _rules(source), *checks, own]
    last = max((other for other in known if other < day), default=None)
    return Batch(source, day, definition, version_of(made_of), known[day].attempt, last, tuple(records))


def _columns(source: Source) -> list[tuple[object, ...]]:
    return [(c.name, c.type, c.sql, c.timezone, c.format, c.pii) for c in source.columns]


def _rules(source: Source) -> list[object]:
    whose = source.ids if source.kind == "links" else source.user
    return [source.key, source.repeats, source.version, source.time, whose, source.reject]


def require_same_batch(project: Project, lake: Lake, refused: RunRecord) -> None:
    """Raises UsageError if the batch of a day, in any source, is no longer the one that was refused."""
    day, fingerprints = refused.day, refused.inputs.get("batches", {})
    batches = batches_of(project, lake, day)
    other = [batch.source.name for batch in batches if fingerprints.get(batch.table) != batch.fingerprint]
    if other:
        raise UsageError(
            f"the batch of {day} has changed since it was refused: {', '.join(other)} was extracted again, "
            "or its configuration changed",
            safe="nothing was promoted; readers keep the last good day",
            next_step=f"run {day} again (`usertags run --day {day}`)",
        )
