"""Orders and their lines: who orders when and what, and how an order's status moves on.

The shop's reporting copy adds a row whenever an order changes and removes the old one some days later. Thus
the state at the end of a recent day is still available, except for a few rows.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from demo.draw import (
    DAY,
    HOUR,
    SHANGHAI,
    Bools,
    Ints,
    Rng,
    Span,
    instants,
    money,
    numbers,
    pick,
    some,
    texts,
    within_group,
)
from demo.people import People
from demo.products import Products

STATEMENTS = 14  # months before the first day of which only monthly statements were brought over
REPEATS = 0.5  # further orders of a buyer of average eagerness in 34 days
KEPT_DAYS = 4  # how long the reporting copy keeps replaced rows
_METHODS = {"alipay": 38, "Alipay": 3, "wechat": 40, "WECHAT ": 3, "card": 10, "balance": 6}
DELIVERED, UNPAID, CANCELLED = 0, 1, 2


@dataclass(frozen=True)
class Orders:
    """Orders by position in order of time; `paid_at` has a meaning where the fate is not UNPAID.

    `changes` are the instants of up to three states, `delay` is how much later the shop's database heard of
    them all (0 for most). `total` is in fen.
    """

    ids: list[str]
    users: Ints
    at: Ints
    fate: Ints
    paid_at: Ints
    changes: Ints  # orders × 3; a state that is never reached has an instant in the far future
    delay: Ints
    statement: Bools
    methods: NDArray[np.object_]
    total: Ints
    first_line: Ints

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class Lines:
    """Order lines by position, sorted by order."""

    orders: Ints
    numbers: Ints
    products: Ints
    quantities: Ints
    prices: Ints

    @property
    def amounts(self) -> Ints:
        return self.quantities * self.prices


NEVER = np.int64(2**60)


def draw_orders(rng: Rng, people: People, products: Products, span: Span) -> tuple[Orders, Lines]:
    users, at, statement = _who_and_when(rng, people, span)
    sequence = np.argsort(at, kind="stable")
    users, at, statement = users[sequence], at[sequence], statement[sequence]
    lines = _lines(rng, statement, products)
    fate = np.where(statement, DELIVERED, rng.choice(3, len(at), p=[0.90, 0.06, 0.04])).astype(np.int64)
    paid_at = at + np.clip(rng.exponential(400, len(at)), 5, 12 * HOUR).astype(np.int64)
    late = np.where(rng.random(len(at)) < 0.012, rng.integers(DAY, 4 * DAY, len(at)), 0)
    total = np.bincount(lines.orders, weights=lines.amounts, minlength=len(at)).astype(np.int64)
    orders = Orders(
        ids=_ids(at),
        users=users,
        at=at,
        fate=fate,
        paid_at=paid_at,
        changes=_changes(rng, at, paid_at, fate, statement),
        delay=np.where(statement, 0, late),
        statement=statement,
        methods=pick(rng, list(_METHODS), list(_METHODS.values()), len(at)),
        total=total,
        first_line=lines.amounts[lines.numbers == 1],
    )
    return orders, lines


def _who_and_when(rng: Rng, people: People, span: Span) -> tuple[Ints, Ints, Bools]:
    """Users and instants of all orders, and which ones are known from a monthly statement only."""
    repeats = rng.poisson(REPEATS * span.days / 34 * people.eagerness[people.buyers])
    users = np.repeat(people.buyers, 1 + repeats)
    earliest = np.maximum(people.registered[users], span.start - 600)
    at = span.moments(rng, earliest)
    former = np.concatenate(
        [
            np.repeat(people.lapsed, 1 + rng.poisson(0.35, len(people.lapsed))),
            people.buyers[rng.random(len(people.buyers)) < 0.4],
        ]
    )
    statements = _statement_days(span)
    first = np.searchsorted(statements, people.registered[former] + 600)
    former, first = former[first < len(statements)], first[first < len(statements)]
    chosen = first + (rng.random(len(first)) * (len(statements) - first)).astype(np.int64)
    statement_at = statements[chosen] + rng.integers(0, 6 * HOUR, len(former))
    return (
        np.concatenate([users, former]).astype(np.int64),
        np.concatenate([at, statement_at]).astype(np.int64),
        np.concatenate([np.zeros(len(users), bool), np.ones(len(former), bool)]),
    )


def _statement_days(span: Span) -> Ints:
    """Two in the afternoon of the last day of each of the months before the first day."""
    days = []
    day = span.first.replace(day=1)
    for _ in range(STATEMENTS):
        day -= timedelta(days=1)
        days.append((day - date(1970, 1, 1)).days * DAY - SHANGHAI + 14 * HOUR)
        day = day.replace(day=1)
    return np.array(days[::-1], dtype=np.int64)


def _lines(rng: Rng, statement: Bools, products: Products) -> Lines:
    """One to six lines per order; a statement has one."""
    counts = np.where(statement, 1, 1 + np.minimum(rng.poisson(1.2, len(statement)), 5))
    orders = np.repeat(np.arange(len(statement), dtype=np.int64), counts)
    chosen = products.draw(rng, len(orders))
    quantities = rng.choice([1, 2, 3, 5, 10], len(orders), p=[0.74, 0.16, 0.06, 0.03, 0.01])
    discount = rng.choice([100, 95, 90, 85], len(orders), p=[0.6, 0.15, 0.15, 0.1])
    return Lines(
        orders=orders,
        numbers=within_group(orders) + 1,
        products=chosen,
        quantities=quantities.astype(np.int64),
        prices=products.prices[chosen] * discount // 100,
    )


def _changes(rng: Rng, at: Ints, paid_at: Ints, fate: Ints, statement: Bools) -> Ints:
    """The instants at which each order reached its first, second and third state."""
    count = len(at)
    shipped = paid_at + rng.integers(6 * HOUR, 40 * HOUR, count)
    done = shipped + rng.integers(2 * DAY, 6 * DAY, count)
    cancelled = paid_at + rng.integers(HOUR, 30 * HOUR, count)
    changes = np.full((count, 3), NEVER)
    changes[:, 0] = np.where(fate == UNPAID, at, paid_at)
    changes[:, 1] = np.select([fate == UNPAID, fate == CANCELLED], [at + DAY, cancelled], shipped)
    changes[:, 2] = np.where(fate == DELIVERED, done, NEVER)
    changes[statement] = np.stack([at[statement] - 2, at[statement] - 1, at[statement] + DAY], axis=1)
    return changes


def _ids(at: Ints) -> list[str]:
    """Twelve digits: the day of the order, then its number on that day."""
    days = (at + SHANGHAI) // DAY
    epoch = date(1970, 1, 1)
    names = {day: f"{epoch + timedelta(days=day):%y%m%d}" for day in np.unique(days).tolist()}
    return [
        f"{names[day]}{number:06d}"
        for day, number in zip(days.tolist(), (within_group(days) + 1).tolist(), strict=True)
    ]


_STATES = np.array(
    [["paid", "shipped", "done"], ["pending", "cancelled", ""], ["paid", "cancelled", ""]], dtype=object
)


def order_lines_table(
    rng: Rng, people: People, products: Products, orders: Orders, lines: Lines, span: Span
) -> pa.Table:
    """Table `order_lines`, one row per line and kept version, oldest change first, errors included."""
    rows, states = _kept_versions(rng, orders, lines, span)
    order, product = lines.orders[rows], lines.products[rows]
    status = _STATES[orders.fate[order], states]
    quantity, price = lines.quantities[rows].copy(), lines.prices[rows]
    _spoil_statuses(rng, status)
    wrong = some(rng, len(rows), 0.001)
    quantity[wrong] = -quantity[wrong]
    methods = orders.methods[order]
    methods[orders.fate[order] == UNPAID] = None
    names = products.names[product]
    padded = some(rng, len(rows), 0.01)
    names[padded] = "　" + names[padded] + " "
    brands = products.brands[product]
    upper = some(rng, len(rows), 0.05)
    brands[upper] = [str(brand).upper() for brand in brands[upper]]
    brands[some(rng, len(rows), 0.01)] = None
    ids = np.array(orders.ids, dtype=object)
    table = pa.table(
        {
            "order_id": texts(ids[order]),
            "line_no": numbers(lines.numbers[rows], kind=pa.int32()),
            "user_id": numbers(people.ids[orders.users[order]], some(rng, len(rows), 0.002)),
            "product": texts(names),
            "category": texts(products.categories[product]),
            "brand": texts(brands),
            "quantity": numbers(quantity, kind=pa.int32()),
            "unit_price": money(price),
            "amount": money(quantity * price),
            "status": texts(status),
            "payment_method": texts(methods),
            "ordered_at": instants(orders.at[order]),
            "updated_at": instants(orders.changes[order, states] + orders.delay[order]),
        }
    )
    repeats = table.take(pa.array(some(rng, len(table), 0.005)))
    return pa.concat_tables([table, repeats]).sort_by("updated_at")


def _kept_versions(rng: Rng, orders: Orders, lines: Lines, span: Span) -> tuple[Ints, Ints]:
    """Line and state of each row in the copy at the end: the newest of each line, most of those
    replaced in the last days, and a few older ones."""
    known = orders.changes + orders.delay[:, None]
    later = np.concatenate([known[:, 1:], np.full((len(orders), 1), NEVER)], axis=1)
    reached = known < span.end
    newest = reached & (later >= span.end)
    recent = reached & (later >= span.end - KEPT_DAYS * DAY)
    chance = rng.random((len(lines.orders), 3))
    per_line = newest[lines.orders] | np.where(recent[lines.orders], chance < 0.92, chance < 0.01)
    per_line &= reached[lines.orders]
    per_line[orders.statement[lines.orders], :2] = False  # a statement tells how an order ended, no more
    rows, states = np.nonzero(per_line)
    return rows.astype(np.int64), states.astype(np.int64)


def _spoil_statuses(rng: Rng, status: NDArray[np.object_]) -> None:
    """Other spellings, which cleaning normalises, and unknown statuses, which it rejects."""
    for share, spell in ((0.02, str.upper), (0.02, str.title)):
        rows = some(rng, len(status), share)
        status[rows] = [spell(str(text)) + " " for text in status[rows]]
    status[some(rng, len(status), 0.0008)] = "???"
    status[some(rng, len(status), 0.0004)] = "returned_old"
    status[some(rng, len(status), 0.0003)] = None
