"""Coverage and growth of tags over the published days. Pure: rows in, dataclasses out."""

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping
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
    """A tag on a published day. `users` are distinct users: those of `values` add up to more where a user can
    have several values of the tag."""

    data_day: date
    users: int
    share: float
    users_before: int
    values: tuple[Value, ...]

    @property
    def change(self) -> int:
        """The change of its users since the published day before."""
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
        """The newest published day; None for a tag without rows."""
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
    coverage: Iterable[Row],
    statistics: Iterable[Row],
    tag_catalogue: Iterable[Row],
    published: Mapping[date, str],
) -> list[TagTrend]:
    """One trend per tag of the tag catalogue of the newest published day, largest changes first.

    In: rows of `tag_coverage`, `tag_statistics` and `tag_catalogue`, of any days. `published` is the run of
    each published day: rows of other runs are ignored. A tag that nobody has had yet has no days.
    """
    if not published:
        return []
    newest = max(published)
    entries = {
        row["tag_id"]: row
        for row in tag_catalogue
        if (row["dt"], row["run_id"]) == (newest, published[newest])
    }
    sizes = _of_published(coverage, published, entries)
    values = _of_published(statistics, published, entries)
    trends = [TagTrend(name, entry, _days(sizes[name], values[name])) for name, entry in entries.items()]
    return sorted(trends, key=lambda trend: (-abs(trend.moved), trend.entry["status"], trend.id))


_ByTag = Mapping[str, Mapping[date, list[Row]]]


def _of_published(rows: Iterable[Row], published: Mapping[date, str], tags: Container[str]) -> _ByTag:
    by_tag: dict[str, dict[date, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        if published.get(row["dt"]) == row["run_id"] and row["tag_id"] in tags:
            by_tag[row["tag_id"]][row["dt"]].append(row)
    return by_tag


def _days(sizes: Mapping[date, list[Row]], values: Mapping[date, list[Row]]) -> tuple[TagDay, ...]:
    days = [_tag_day(data_day, sizes[data_day][0], values.get(data_day, ())) for data_day in sorted(sizes)]
    known = any(day.users or day.users_before for day in days)
    return tuple(days) if known else ()


def _tag_day(data_day: date, size: Row, values: Iterable[Row]) -> TagDay:
    rows = sorted(values, key=lambda row: (-row["users"], row["tag_value"] or ""))
    return TagDay(
        data_day,
        users=size["users"],
        share=size["share"] or 0.0,
        users_before=size["users_before"],
        values=tuple(
            Value(row["tag_value"] or "", row["users"], row["share"] or 0.0, row["change"]) for row in rows
        ),
    )
