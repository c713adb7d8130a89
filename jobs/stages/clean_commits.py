"""The commits of a clean table: which batch each of them wrote, as which definition, on which days."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from pyiceberg.table import Table
from pyiceberg.table.snapshots import Snapshot

from jobs.store.tables import history, summary_value


@dataclass(frozen=True)
class Commit:
    """What a commit of a clean table says of itself. `days`: the event days that it touched, with commas
    between them; `all` of a source without event days. None: it does not say, as the first, empty one."""

    id: int
    batch: str | None = None
    definition: str | None = None
    stamp: str | None = None
    days: str | None = None


def commits(table: Table | None) -> Iterator[Commit]:
    """The commits of main, newest first; none where there is no table."""
    for snapshot in history(table) if table else ():
        yield _commit(snapshot)


def _commit(snapshot: Snapshot) -> Commit:
    names = ("batch", "definition", "stamp", "days")
    return Commit(snapshot.snapshot_id, **{name: summary_value(snapshot, name) for name in names})


def newest_of(found: Iterable[Commit], day: date) -> Commit | None:
    """The commit that the batch of a day stands as. In: commits, newest first."""
    return next((commit for commit in found if commit.batch == day.isoformat()), None)


def other_definitions(found: Iterable[Commit], day: date, definition: str) -> list[date]:
    """The batches, but that of the day, that stand as another definition of the source made them, in order.
    In: commits, newest first; one that does not say its definition is not told."""
    newest: dict[str, str | None] = {}
    for commit in found:
        if commit.batch is not None and commit.batch not in newest:
            newest[commit.batch] = commit.definition
    newest.pop(day.isoformat(), None)
    known = {name: made_by for name, made_by in newest.items() if made_by is not None}
    return sorted(date.fromisoformat(name) for name, made_by in known.items() if made_by != definition)


def earlier_days(found: Iterable[Commit], day: date) -> set[date]:
    """The event days that earlier tries of a batch wrote: its rows there are replaced. In: commits in any
    order."""
    days = [
        text for commit in found if commit.batch == day.isoformat() for text in (commit.days or "").split(",")
    ]
    return {date.fromisoformat(text) for text in days if text and text != "all"}


def touched_since(found: Iterable[Commit], seen: str | None) -> set[date] | None:
    """The event days that the commits after one touched; None when it is not among them. In: commits, newest
    first, and the id of that one as text (None: there is none)."""
    touched: set[date] = set()
    for commit in found:
        if str(commit.id) == seen:
            return touched
        touched |= {date.fromisoformat(day) for day in commit.days.split(",")} if commit.days else set()
    return None
