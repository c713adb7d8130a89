"""The day after the days of a shop: only the rows and files that this day adds.

Earlier orders continue: they are shipped, completed, refunded. New rows of the day come from a sibling
shop, drawn one day later with another seed; its people are those of the shop, and new ones.
"""

import re
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from demo.accounts import typed_phones
from demo.draw import Rng, Span, instants, seconds_of_day, some
from demo.money import draw_refunds, payments_table, refunds_table
from demo.orders import order_lines_table
from demo.people import users_table
from demo.shop import Shop, draw_shop, generate

# The column with the time of the event of a row.
_TIMES = {
    "users": "registered_at",
    "order_lines": "ordered_at",
    "payments": "paid_at",
    "refunds": "refunded_at",
    "referrals": "referred_at",
    "consultations": "started_at",
    "coupons": "claimed_at",
    "deposits": "paid_at",
    "account_links": "linked_at",
}
# The ids that a shop counts by itself.
_IDS = ("referral_id", "consultation_id", "coupon_id", "deposit_id", "link_id")
_PEOPLE = ("user_id", "referrer_id", "referee_id")
_UID = re.compile(r'"uid": "(\d+)"')
# A letter and digits, of which the first is 0 in every demo shop.
_NUMBERS = re.compile(r'("(?:event_id|session|message_id)": "\w)0')


def next_day(seed: int, users: int, first_day: date, days: int) -> Shop:
    """The rows and files that the day after `generate(seed, users, first_day, days)` adds to that shop.

    The same arguments give the same day. Ids of the day are in no row before, except where a row goes on.
    """
    day = Span(first_day + timedelta(days=days), 1)
    new = generate(seed + 1, users, first_day + timedelta(days=1), days)
    joined = _joined(new.tables["users"], day, users)
    earlier = _gone_on(seed, users, Span(first_day, days + 1), day)
    tables = {
        name: _together([_own(_new(name, table, day), joined), *earlier.get(name, [])])
        for name, table in new.tables.items()
    }
    folder = f"/dt={day.first}/"
    files = {path: _renamed(path, text, joined) for path, text in new.files.items() if folder in path}
    return Shop(tables, files)


def in_cents(shop: Shop) -> Shop:
    """The same rows from a source that has switched from yuan to fen: all amounts are multiplied by 100."""
    columns = {"order_lines": ("unit_price", "amount"), "payments": ("amount",), "refunds": ("amount",)}
    tables = dict(shop.tables)
    for name, money in columns.items():
        for column in money:
            tables[name] = _hundredfold(tables[name], column)
    return Shop(tables, shop.files)


def _hundredfold(table: pa.Table, column: str) -> pa.Table:
    place = table.schema.get_field_index(column)
    values = pc.multiply(table[column], pa.scalar(100, pa.decimal128(12, 0)))
    return table.set_column(place, column, values.cast(table.schema.field(column).type))


def _gone_on(seed: int, users: int, longer: Span, day: Span) -> dict[str, list[pa.Table]]:
    """Updates on the day of earlier orders (new states and refunds) and of existing users
    (points spent or received)."""
    before = Span(longer.first, longer.days - 1)
    drawn = draw_shop(seed, users, before)
    people, orders = drawn.people, drawn.orders
    refunds = draw_refunds(drawn.streams[4], orders, drawn.paid, longer)
    chance = [np.random.default_rng(part) for part in np.random.SeedSequence(seed + 2).spawn(4)]
    phones = typed_phones(drawn.streams[14], drawn.accounts.phones)
    tables = {
        "users": _with_other_points(chance[3], users_table(drawn.streams[5], people, phones, before), day),
        "order_lines": order_lines_table(chance[0], people, drawn.products, orders, drawn.lines, longer),
        "payments": payments_table(chance[1], people, orders, drawn.paid, refunds, longer),
        "refunds": refunds_table(chance[2], people, orders, refunds, longer),
    }
    return {name: [_of_day(table, day)] for name, table in tables.items()}


def _with_other_points(rng: Rng, users: pa.Table, day: Span) -> pa.Table:
    """Some of the users, as of a moment of the day."""
    rows = users.take(pa.array(np.sort(some(rng, len(users), 0.004))))
    points = pc.add(rows["points"].combine_chunks(), pa.array(rng.integers(1, 300, len(rows)), pa.int32()))
    moments = instants(day.start + seconds_of_day(rng, len(rows)))
    for name, values in (("points", points), ("updated_at", moments)):
        rows = rows.set_column(rows.schema.get_field_index(name), name, values)
    return rows


def _new(name: str, table: pa.Table, day: Span) -> pa.Table:
    """The events of the day. Orders of earlier days in the sibling shop are ignored."""
    rows = _of_day(_of_day(table, day), day, _TIMES[name])
    if "order_id" in table.column_names:
        of_day = pc.starts_with(rows["order_id"], f"{day.first:%y%m%d}")
        rows = rows.filter(pc.or_kleene(of_day, pc.is_null(rows["order_id"])))
    return rows


def _of_day(table: pa.Table, day: Span, time: str = "updated_at") -> pa.Table:
    """The rows that were updated on the day, or whose event happened on it."""
    first, end = instants(np.array([day.start, day.end], dtype=np.int64))
    return table.filter(pc.and_(pc.greater_equal(table[time], first), pc.less(table[time], end)))


def _joined(users: pa.Table, day: Span, count: int) -> dict[int, int]:
    """The user numbers of new registrations: in the sibling shop, and as continued numbers of the shop."""
    numbers = sorted(set(_of_day(users, day, "registered_at")["user_id"].drop_null().to_pylist()))
    return {number: number + count for number in numbers}


def _own(table: pa.Table, joined: dict[int, int]) -> pa.Table:
    """The rows with ids that do not occur in the shop, and the shop's own user numbers."""
    for place, field in enumerate(table.schema):
        values = table[field.name].to_pylist()
        if field.name in _PEOPLE:
            renamed = [joined.get(value, value) for value in values]
        elif field.name in _IDS:
            renamed = [f"{value[0]}N{value[2:]}" for value in values]
        else:
            continue
        table = table.set_column(place, field, pa.array(renamed, field.type))
    return table


def _together(tables: list[pa.Table]) -> pa.Table:
    return pa.concat_tables(tables).sort_by("updated_at")


def _renamed(path: str, content: bytes, joined: dict[int, int]) -> bytes:
    """The same for the lines of a file; those in CSV are about people who were there before."""
    if not path.endswith(".json.gz"):
        return content
    text = _NUMBERS.sub(r"\g<1>n", content.decode())
    return _UID.sub(lambda found: f'"uid": "{joined.get(int(found[1]), found[1])}"', text).encode()
