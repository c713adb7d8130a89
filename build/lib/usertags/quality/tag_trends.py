"""Coverage and growth of tags over the published days. Pure: rows in, dataclasses out."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Value:
    """A value of a tag on one day: its users, their share of all users, the change since the previous day."""

    value: str
    users: int
    share: float
    change: int


@dataclass(frozen=True)
class TagDay:
    """A tag on a published day. For a tag with several values per user, `users` is that of its most
    common value."""

    day: date
    users: int
    share: float
    users_before: int
    values: tuple[Value, ...]

    @property
    def change(self) -> int:
        return self.users - self.users_before

    @property
    def growth(self) -> float | None:
        """The change since the previous day relative to its users; None if there were none."""
        return self.change / self.users_before if self.users_before else None


@dataclass(frozen=True)
class TagTrend:
    """A tag of the newest published day, with its published days, oldest first."""

    id: str
    entry: Row
    days: tuple[TagDay, ...]

    @property
    def newest(self) -> TagDay | None:
        return self.days[-1] if self.days else None

    @property
    def moved(self) -> float:
        """The change of the tag's share of all users since the previous published day, up or down. If
        that day is not known, the change of users relative to all users."""
        newest = self.newest
        if newest is None:
            return 0.0
        if len(self.days) > 1:
            return newest.share - self.days[-2].share
        population = newest.users / newest.share if newest.share else 0
        if not population:
            return -1.0 if newest.users_before else 0.0
        return newest.change / population


def tag_trends(
    statistics: Iterable[Row], project: Iterable[Row], published: Mapping[date, str]
) -> list[TagTrend]:
    """One trend per tag of the project of the newest published day, largest changes first.

    `published` is the run of each published day: rows of other runs are ignored.
    """
    if not published:
        return []
    newest = max(published)
    entries = {
        row["tag_id"]: row for row in project if (row["dt"], row["run_id"]) == (newest, published[newest])
    }
    by_tag: dict[str, dict[date, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in statistics:
        if published.get(row["dt"]) == row["run_id"] and row["tag_id"] in entries:
            by_tag[row["tag_id"]][row["dt"]].append(row)
    trends = [TagTrend(name, entry, _days(by_tag.get(name, {}), entry)) for name, entry in entries.items()]
    return sorted(trends, key=lambda trend: (-abs(trend.moved), trend.entry["status"], trend.id))


def _days(by_day: Mapping[date, list[Row]], entry: Row) -> tuple[TagDay, ...]:
    several = str(entry["type"]).startswith("array")
    return tuple(_tag_day(day, by_day[day], several=several) for day in sorted(by_day))


def _tag_day(day: date, rows: Iterable[Row], *, several: bool) -> TagDay:
    rows = sorted(rows, key=lambda row: (-row["users"], row["tag_value"] or ""))
    values = tuple(
        Value(row["tag_value"] or "", row["users"], row["share"] or 0.0, row["change"]) for row in rows
    )
    together = max if several else sum
    return TagDay(
        day,
        users=together(value.users for value in values),
        share=together(value.share for value in values),
        users_before=together(row["users_before"] for row in rows),
        values=values,
    )
