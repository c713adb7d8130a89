"""Money and service around orders: payments, refunds, coupons, consultations."""

from dataclasses import dataclass

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
    prefixed,
    some,
    texts,
)
from demo.orders import CANCELLED, UNPAID, Orders
from demo.people import People

_REASONS = {"七天无理由": 40, "商品破损": 14, "发错货": 9, " 效果不符 ": 20, "不想要了": 17}
_CAMPAIGNS = {"新人礼": 30, "双十一预热": 34, "会员日": 20, "　老客回归": 10, "问诊赠券": 6}
_TOPICS = {
    "睡眠": 20, " 睡眠": 2, "高血压": 14, "糖尿病": 11, "备孕": 9, "护肤": 14, "护 肤": 1, "减重": 13,
    "　减重": 1, "儿童健康": 9, "其他": 6,
}  # fmt: skip
_CHANNELS = {"text": 50, "Video": 22, "phone": 20, "PHONE": 8}


@dataclass(frozen=True)
class Coupons:
    """Coupons by position; `order` is -1 and `redeemed` without meaning where not used. Values in fen."""

    users: Ints
    values: Ints
    claimed: Ints
    redeemed: Ints
    order: Ints

    def rebate(self, orders: int) -> Ints:
        """The rebate of each order."""
        used = self.order >= 0
        return np.bincount(self.order[used], weights=self.values[used], minlength=orders).astype(np.int64)


def draw_coupons(rng: Rng, people: People, orders: Orders, span: Span) -> Coupons:
    """Coupons used for an order, claimed up to three days before it, and others never used."""
    value = rng.choice([500, 1000, 2000, 3000, 5000], len(orders), p=[0.25, 0.3, 0.25, 0.12, 0.08])
    wanted = (rng.random(len(orders)) < 0.14) & ~orders.statement & (orders.total > value)
    used = np.flatnonzero(wanted)
    earliest = np.maximum(span.start, people.registered[orders.users[used]])
    claimed = np.maximum(orders.at[used] - rng.integers(60, 3 * DAY, len(used)), earliest)
    fans = rng.choice(len(people), round(len(people) * 0.16), p=people.eagerness / people.eagerness.sum())
    open_at = span.moments(rng, np.maximum(people.registered[fans], span.start - 600))
    return Coupons(
        users=np.concatenate([orders.users[used], fans]),
        values=np.concatenate([value[used], rng.choice([500, 1000, 2000], len(fans))]).astype(np.int64),
        claimed=np.concatenate([claimed, open_at]),
        redeemed=np.concatenate([orders.at[used], np.zeros(len(fans), np.int64)]),
        order=np.concatenate([used, np.full(len(fans), -1)]),
    )


def coupons_table(rng: Rng, people: People, orders: Orders, coupons: Coupons, span: Span) -> pa.Table:
    """Table `coupons`, one row per claimed coupon; using it overwrites the row."""
    count = len(coupons.users)
    unused = coupons.order < 0
    redeemed = coupons.redeemed.copy()
    used = np.flatnonzero(~unused)
    odd = used[some(rng, len(used), 0.002)]
    redeemed[odd] = coupons.claimed[odd] - HOUR
    campaigns = pick(rng, list(_CAMPAIGNS), list(_CAMPAIGNS.values()), count)
    names = np.array([*orders.ids, None], dtype=object)
    updated = np.where(unused, coupons.claimed, coupons.redeemed) + rng.integers(1, 120, count)
    table = pa.table(
        {
            "coupon_id": numbered("K", count),
            "user_id": numbers(people.ids[coupons.users], some(rng, count, 0.001)),
            "campaign": texts(campaigns),
            "face_value": money(coupons.values),
            "order_id": texts(names[coupons.order]),
            "claimed_at": instants(coupons.claimed),
            "redeemed_at": instants(redeemed, unused),
            "updated_at": instants(updated),
        }
    )
    return known_rows(rng, table, updated, span, 0.004)


@dataclass(frozen=True)
class Refunds:
    """Refunds by position of their order; amounts in fen, positive."""

    orders: Ints
    at: Ints
    amounts: Ints


def draw_refunds(rng: Rng, orders: Orders, paid: Ints, span: Span) -> Refunds:
    """The full amount of cancelled orders, and all or one line of a few other orders days after payment."""
    cancelled = np.flatnonzero(orders.fate == CANCELLED)
    eligible = np.flatnonzero((orders.fate != CANCELLED) & (orders.fate != UNPAID) & ~orders.statement)
    returned = eligible[rng.random(len(eligible)) < 0.045]
    part = np.where(rng.random(len(returned)) < 0.5, orders.first_line[returned], paid[returned])
    chosen = np.concatenate([cancelled, returned])
    at = np.concatenate(
        [
            orders.changes[cancelled, 1] + rng.integers(60, DAY, len(cancelled)),
            orders.paid_at[returned] + rng.integers(DAY, 10 * DAY, len(returned)),
        ]
    )
    amounts = np.concatenate([paid[cancelled], np.minimum(part, paid[returned])])
    known = at < span.end
    return Refunds(chosen[known], at[known], amounts[known])


def refunds_table(rng: Rng, people: People, orders: Orders, refunds: Refunds, span: Span) -> pa.Table:
    """Table `refunds`, one row per refund; some are booked days late."""
    count = len(refunds.orders)
    amounts = -refunds.amounts
    wrong = some(rng, count, 0.004)
    amounts[wrong] = -amounts[wrong]
    updated = refunds.at + rng.integers(1, 600, count)
    late = some(rng, count, 0.05)
    updated[late] += rng.integers(1, 4, len(late)) * DAY
    ids = [orders.ids[order] for order in refunds.orders]
    table = pa.table(
        {
            "refund_id": prefixed("B", ids),
            "order_id": pa.array(ids, type=pa.string()),
            "user_id": numbers(people.ids[orders.users[refunds.orders]], some(rng, count, 0.003)),
            "amount": money(amounts),
            "reason": texts(pick(rng, list(_REASONS), list(_REASONS.values()), count)),
            "refunded_at": instants(refunds.at),
            "updated_at": instants(updated),
        }
    )
    return known_rows(rng, table, updated, span, 0.01)


def payments_table(
    rng: Rng, people: People, orders: Orders, paid: Ints, refunds: Refunds, span: Span
) -> pa.Table:
    """Table `payments`: what was paid, attempts that failed, and refunds with a negative amount."""
    settled = np.flatnonzero(orders.fate != UNPAID)
    failed = settled[rng.random(len(settled)) < 0.04]
    order = np.concatenate([settled, failed, refunds.orders])
    kind = np.repeat([0, 1, 2], [len(settled), len(failed), len(refunds.orders)])
    at = np.concatenate([orders.paid_at[settled], orders.paid_at[failed] - 4, refunds.at])
    amounts = np.concatenate([paid[settled], paid[failed], -refunds.amounts])
    delay = np.where(kind == 2, 0, orders.delay[order])
    wrong = some(rng, len(order), 0.0006)
    amounts[wrong] = -amounts[wrong]
    updated = at + rng.integers(1, 30, len(order)) + delay
    prefixes = np.array(["P", "F", "R"], dtype=object)[kind]
    table = pa.table(
        {
            "payment_id": texts(prefixes + np.array(orders.ids, dtype=object)[order]),
            "order_id": texts(np.array(orders.ids, dtype=object)[order]),
            "user_id": numbers(people.ids[orders.users[order]], some(rng, len(order), 0.001)),
            "entry": texts(np.array(["payment", "payment", "refund"], dtype=object)[kind]),
            "method": texts(orders.methods[order]),
            "amount": money(amounts),
            "status": texts(np.array(["success", "failed", "Success"], dtype=object)[kind]),
            "paid_at": instants(at),
            "updated_at": instants(updated),
        }
    )
    return known_rows(rng, table, updated, span, 0.004)


def consultations_table(rng: Rng, people: People, span: Span) -> pa.Table:
    """Table `consultations`, one row per consultation."""
    weights = people.eagerness / people.eagerness.sum()
    users = rng.choice(len(people), max(40, round(len(people) * 0.11)), p=weights)
    count = len(users)
    at = span.moments(rng, np.maximum(people.registered[users], span.start - 600))
    minutes = np.clip(rng.exponential(14, count), 1, 120).astype(np.int64)
    minutes[some(rng, count, 0.003)] *= -1
    stars = rng.choice([1, 2, 3, 4, 5], count, p=[0.04, 0.07, 0.14, 0.35, 0.4]).astype(np.int64)
    updated = at + np.abs(minutes) * 60 + rng.integers(0, HOUR, count)
    table = pa.table(
        {
            "consultation_id": numbered("Z", count),
            "user_id": numbers(people.ids[users], some(rng, count, 0.003)),
            "topic": texts(pick(rng, list(_TOPICS), list(_TOPICS.values()), count)),
            "channel": texts(pick(rng, list(_CHANNELS), list(_CHANNELS.values()), count)),
            "minutes": numbers(minutes, kind=pa.int32()),
            "satisfaction": numbers(stars, some(rng, count, 0.35), pa.int32()),
            "started_at": instants(at),
            "updated_at": instants(updated),
        }
    )
    return known_rows(rng, table, updated, span, 0.006)
