"""The identity of the day before: whether that of a day can start from it, and if not why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from pyiceberg.table import Table

from usertags.project.model import Identity, Project
from usertags.project.versions import version_of
from usertags.quality.register import Publication, RunRecord
from usertags.stages.runs import stage_record
from usertags.stages.source_tables import clean_name
from usertags.store.filters import rows_where
from usertags.store.lake import Lake
from usertags.store.schemas import IDENTITIES, REFUSED_LINKS
from usertags.store.tables import find_table, row_count

# To be raised when the code joins the same links to other users, names them otherwise or refuses other links:
# then no day starts from one that was computed before.
_RULES = 1
# With fewer rows of links everything is computed: to look for what changed costs a dozen statements, each of
# them more than joining so few links.
FEWEST_ROWS = 20_000
# If more than one id in so many has changed, everything is computed.
_MOST = 4


@dataclass(frozen=True)
class Start:
    """The run whose users and refused links are taken over: the snapshots that it read, and how many rows it
    wrote."""

    data_day: date
    run_id: str
    snapshots: Mapping[str, int]
    identities: int
    refused: int

    def too_many(self, changed: int) -> bool:
        """Whether so many changed links and ids leave too little to be taken over."""
        return changed * _MOST > self.identities


def identity_version(project: Project, identity: Identity, blocked: Sequence[str]) -> str:
    """The version of all that decides on users besides the rows: limits, blocked ids (`kind:id`), where ids
    stand in which source, the time zone of its days, and the code."""
    sources = [(s.name, s.kind, s.ids, s.time) for s in project.sources.values()]
    limits = sorted(identity.limits.items())
    return version_of([_RULES, project.timezone, limits, sorted(blocked), sorted(sources, key=str)])


def start_from(
    lake: Lake, project: Project, before: Publication | None, tables: Mapping[str, Table], version: str
) -> Start | str:
    """The run of the day before to start from; if everything has to be computed, the reason. `tables` are the
    inputs of the day by name, `version` its `identity_version`."""
    links = [tables[clean_name(source)] for source in project.links()]
    if sum(row_count(table) for table in links) < FEWEST_ROWS:
        return "there are few links"
    if before is None:
        return "no day before it is published"
    return _start(lake, stage_record(lake, before.data_day, before.run_id, "tag"), before, tables, version)


def _start(
    lake: Lake, record: RunRecord | None, before: Publication, tables: Mapping[str, Table], version: str
) -> Start | str:
    """See `start_from`, by the record of the run that published the day before."""
    if record is None or record.identity_version is None:
        return f"an earlier version computed {before.data_day}"
    if record.identity_version != version:
        return f"the rules of identity are not those of {before.data_day}"
    gone = [name for name, table in tables.items() if not _has_read(record, name, table)]
    if gone:
        return f"what {before.data_day} read of {', '.join(sorted(gone))} is no longer there"
    if not _is_whole(lake, record):
        return f"the users of {before.data_day} are no longer there"
    return Start(
        record.data_day,
        record.run_id,
        {name: int(record.inputs[name]) for name in tables},
        record.row_counts[IDENTITIES.name],
        record.row_counts[REFUSED_LINKS.name],
    )


def _has_read(record: RunRecord, name: str, table: Table) -> bool:
    """Whether a run has read the table at a snapshot that the table still has."""
    return name in record.inputs and table.snapshot_by_id(int(record.inputs[name])) is not None


def _is_whole(lake: Lake, record: RunRecord) -> bool:
    """Whether the tables still have as many rows of the run as it wrote."""
    for spec in (IDENTITIES, REFUSED_LINKS):
        table = find_table(lake, spec.name)
        same = rows_where(dt=record.data_day, run_id=record.run_id)
        if table is None or table.scan(row_filter=same).count() != record.row_counts.get(spec.name):
            return False
    return True
