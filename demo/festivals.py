"""Deposits paid ahead of the shopping festivals: 618 in the middle of the year, and double 11."""

from datetime import date

import numpy as np
import pyarrow as pa

from demo.draw import (
    DAY,
    HOUR,
    Ints,
    Rng,
    Span,
    instants,
    known_rows,
    money,
    numbered,
    numbers,
    pick,
    some,
    texts,
)
from demo.orders import Orders
from demo.people import People

_FESTIVALS = {"618": ((5, 20), (6, 18)), "double11": ((10, 20), (11, 11))}
_SPELLINGS = {
    "618": {"618": 95, " 618": 5},
    "double11": {"double11": 86, "Double11": 8, "DOUBLE11 ": 6},
}
_AMOUNTS = {10: 30, 20: 30, 50: 25, 100: 10, 200: 5}  # yuan


def deposits_table(rng: Rng, people: People, orders: Orders, span: Span) -> pa.Table:
    """Table `deposits`, one row per deposit, oldest change first.

    For a festival before the observed days only the first, middle and last day are known; half
    of its depositors had ordered in it.
    """
    drawn = [
        (name, *_depositors(rng, people, orders, span, first, last))
        for year in (span.first.year - 1, span.first.year)
        for name, (first, last) in _festivals(year)
    ]
    names = np.concatenate([pick(rng, *_weighted(_SPELLINGS[name]), len(users)) for name, users, _ in drawn])
    users = np.concatenate([users for _, users, _ in drawn])
    at = np.concatenate([at for _, _, at in drawn])
    count = len(users)
    yuan = rng.choice(list(_AMOUNTS), count, p=np.array(list(_AMOUNTS.values())) / 100)
    fen = yuan.astype(np.int64) * 100
    fen[some(rng, count, 0.003)] *= -1
    names[some(rng, count, 0.002)] = "test"
    updated = at + rng.integers(1, 300, count)
    late = some(rng, count, 0.01)
    updated[late] += rng.integers(1, 3, len(late)) * DAY
    table = pa.table(
        {
            "deposit_id": numbered("D", count),
            "user_id": numbers(people.ids[users], some(rng, count, 0.003)),
            "campaign": texts(names),
            "amount": money(fen),
            "paid_at": instants(at),
            "updated_at": instants(updated),
        }
    )
    return known_rows(rng, table, updated, span, 0.005)


def _weighted(choices: dict[str, int]) -> tuple[list[str], list[float]]:
    return list(choices), [float(weight) for weight in choices.values()]


def _festivals(year: int) -> list[tuple[str, tuple[date, date]]]:
    return [(name, (date(year, *first), date(year, *last))) for name, (first, last) in _FESTIVALS.items()]


def _depositors(
    rng: Rng, people: People, orders: Orders, span: Span, first: date, last: date
) -> tuple[Ints, Ints]:
    """Users and instants of the deposits of one festival, up to the end of the observed days."""
    whole = Span(first, (last - first).days + 1)
    if whole.start >= span.end:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    if whole.end <= span.start:
        return _former_depositors(rng, people, orders, whole)
    begin = max(first, span.first)
    days = Span(begin, (min(last, span.day(span.days - 1)) - begin).days + 1)
    there = np.flatnonzero(people.registered < days.end - DAY)
    weights = people.eagerness[there] / people.eagerness[there].sum()
    users = rng.choice(there, max(12, round(len(people) * 0.04)), p=weights, replace=False)
    return users, days.moments(rng, np.maximum(people.registered[users], days.start - 600))


def _former_depositors(rng: Rng, people: People, orders: Orders, whole: Span) -> tuple[Ints, Ints]:
    wanted = max(6, round(len(people) * 0.006))
    there = np.flatnonzero(people.registered < whole.start)
    ordered = np.unique(orders.users[(orders.at >= whole.start) & (orders.at < whole.end)])
    ordered = np.intersect1d(ordered, there)
    loyal = rng.choice(ordered, min(len(ordered), wanted), replace=False)
    others = rng.choice(np.setdiff1d(there, ordered), wanted, replace=False)
    users = np.concatenate([loyal, others])
    day = rng.choice([0, whole.days // 2, whole.days - 1], len(users), p=[0.4, 0.2, 0.4])
    return users, whole.start + day * DAY + rng.integers(9 * HOUR, 23 * HOUR, len(users))
