"""The users of the shop: their attributes, their activity, and who referred whom."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from demo.draw import (
    DAY,
    SHANGHAI,
    Bools,
    Floats,
    Ints,
    Rng,
    Span,
    instants,
    known_rows,
    money,
    numbered,
    numbers,
    pick,
    seconds_of_day,
    some,
    texts,
)

FIRST_ID = 100_001
NEW_SHARE = 0.12  # of the users, registered in the observed days
BUYER_SHARE = 0.425  # ordered in the observed days
LAPSED_SHARE = 0.125  # ordered only before them

_CITIES = [
    "上海",
    "北京",
    "广州",
    "深圳",
    "成都",
    "杭州",
    "重庆",
    "武汉",
    "西安",
    "苏州",
    "南京",
    "长沙",
    "天津",
    "郑州",
    "东莞",
    "青岛",
    "沈阳",
    "宁波",
    "昆明",
    "合肥",
    "佛山",
    "福州",
    "无锡",
    "厦门",
    "济南",
    "大连",
    "哈尔滨",
    "温州",
    "石家庄",
    "泉州",
    "洛阳",
    "绵阳",
]
_CHANNELS = {
    "app": 30, "APP": 6, " ＡＰＰ": 2, "wechat": 20, "WeChat": 6, "mini_program": 18, "web": 9, "Web ": 2,
    "store": 7,
}  # fmt: skip
_GENDERS = {
    "女": 34, "F": 9, "female": 8, "Female": 3, " Ｆ": 2, "女士": 2, "男": 20, "M": 6, "male": 5,
    "Ｍ　": 1, "先生": 1, "保密": 3, "": 2,
}  # fmt: skip
_LEVELS = {"normal": 55, "Normal": 4, "silver": 20, "Silver ": 4, "gold": 9, "GOLD": 3, "diamond": 4}


@dataclass(frozen=True)
class People:
    """Users by position 0 … n-1; a role says who orders in the observed days and who did only before.

    `eagerness` has a mean of about 1 and a long tail; visits and repeat orders follow it.
    """

    ids: Ints
    registered: Ints
    eagerness: Floats
    buyers: Ints
    lapsed: Ints

    def __len__(self) -> int:
        return len(self.ids)


def draw_people(rng: Rng, count: int, span: Span) -> People:
    registered = _registrations(rng, count, span)
    old = np.flatnonzero(registered < span.start - 31 * DAY)
    lapsed = rng.choice(old, min(len(old), round(count * LAPSED_SHARE)), replace=False)
    rest = np.setdiff1d(np.arange(count), lapsed)
    buyers = rng.choice(rest, min(len(rest), round(count * BUYER_SHARE)), replace=False)
    return People(
        ids=np.arange(FIRST_ID, FIRST_ID + count, dtype=np.int64),
        registered=registered,
        eagerness=rng.lognormal(-0.4, 0.9, count),
        buyers=np.sort(buyers),
        lapsed=np.sort(lapsed),
    )


def _registrations(rng: Rng, count: int, span: Span) -> Ints:
    """Instants of registration: five growing years, then the observed days; never late in the evening, so
    that what a user does ten minutes later is on the same day."""
    new = rng.random(count) < NEW_SHARE
    before = span.start - DAY * (1 + (rng.beta(1, 1.6, count) * 5 * 365).astype(np.int64))
    during = span.start + DAY * rng.integers(0, span.days, count)
    return np.where(new, during, before) + np.minimum(seconds_of_day(rng, count), 23 * 3600)


def users_table(rng: Rng, people: People, phones: pa.Array, span: Span) -> pa.Table:
    """Table `users`, one row per user, oldest change first, with some duplicates and some older versions."""
    count = len(people)
    purse = rng.spawn(1)[0]
    genders = pick(rng, list(_GENDERS), list(_GENDERS.values()), count)
    genders[some(rng, count, 0.02)] = None
    levels = pick(rng, list(_LEVELS), list(_LEVELS.values()), count)
    levels[some(rng, count, 0.01)] = None
    unregistered = np.zeros(count, dtype=bool)
    unregistered[some(rng, count, 0.0005)] = True
    table = pa.table(
        {
            "user_id": numbers(people.ids, some(rng, count, 0.0002)),
            "gender": texts(genders),
            "birth_date": _birth_dates(rng, count, span),
            "city": texts(_cities(rng, count)),
            "register_channel": texts(pick(rng, list(_CHANNELS), list(_CHANNELS.values()), count)),
            "registered_at": instants(people.registered, unregistered),
            "phone": phones,
            "member_level": texts(levels),
            "member_expires_on": _expiries(rng, levels, span),
            "stored_value": _stored_values(purse, count),
            "points": _points(purse, people),
            "updated_at": instants(_changes(rng, people, span)),
        }
    )
    return _with_repeats(rng, table, people)


def _changes(rng: Rng, people: People, span: Span) -> Ints:
    """When each row last changed: mostly at registration, for a third at some time since then."""
    count = len(people)
    since = (rng.random(count) * (span.end - people.registered)).astype(np.int64)
    changed = np.where(rng.random(count) < 0.35, since, rng.integers(1, 600, count))
    return np.minimum(people.registered + changed, span.end - 1)


def _with_repeats(rng: Rng, table: pa.Table, people: People) -> pa.Table:
    """Exact repeats, and versions as of registration that the reporting copy did not remove."""
    again = table.take(pa.array(some(rng, len(table), 0.003)))
    older = some(rng, len(table), 0.008)
    versions = table.take(pa.array(older)).drop_columns(["member_level", "updated_at"])
    versions = versions.append_column("member_level", pa.array(["normal"] * len(older)))
    versions = versions.append_column("updated_at", instants(people.registered[older]))
    versions = versions.select(table.column_names)
    return pa.concat_tables([table, again, versions]).sort_by("updated_at")


def _birth_dates(rng: Rng, count: int, span: Span) -> pa.Array:
    """Ages around 40; some left out, a few in the future."""
    days = (np.clip(rng.normal(40, 13, count), 14, 88) * 365.25).astype(np.int64)
    days[some(rng, count, 0.0008)] = -400
    base = span.first.toordinal() - date(1970, 1, 1).toordinal()
    missing = np.zeros(count, dtype=bool)
    missing[some(rng, count, 0.08)] = True
    return pa.array((base - days).astype(np.int32), mask=missing).cast(pa.date32())


def _cities(rng: Rng, count: int) -> NDArray[np.object_]:
    weights = 1.0 / (np.arange(len(_CITIES)) + 3.0)
    cities = pick(rng, _CITIES, list(weights), count)
    for share, spell in ((0.12, "{}市"), (0.03, " {}"), (0.02, "　{} ")):
        for row in some(rng, count, share):
            cities[row] = spell.format(str(cities[row]).strip(" 　").removesuffix("市"))
    cities[some(rng, count, 0.03)] = None
    return cities


def _expiries(rng: Rng, levels: NDArray[np.object_], span: Span) -> pa.Array:
    """The last day of a paid membership; nothing for normal members."""
    last = (span.end + SHANGHAI) // DAY
    days = last + rng.integers(-200, 400, len(levels))
    free: Bools = np.array([level is None or level.strip().lower() == "normal" for level in levels])
    return pa.array(days.astype(np.int32), mask=free).cast(pa.date32())


def _stored_values(rng: Rng, count: int) -> pa.Array:
    """The stored value of one in seven accounts; a few are missing or negative."""
    left = rng.choice([10_000, 20_000, 50_000, 100_000, 200_000], count, p=[0.3, 0.3, 0.25, 0.1, 0.05])
    fen = (left * rng.random(count)).astype(np.int64)
    fen[rng.random(count) >= 0.14] = 0
    fen[some(rng, count, 0.0005)] = -1_000
    return money(fen, some(rng, count, 0.01))


def _points(rng: Rng, people: People) -> pa.Array:
    """Points depend on eagerness; a fifth has none, a few are missing or negative."""
    count = len(people)
    points = (rng.exponential(450, count) * people.eagerness).astype(np.int64)
    points[rng.random(count) < 0.2] = 0
    points[some(rng, count, 0.0005)] = -50
    return numbers(points, some(rng, count, 0.012), pa.int32())


def referrals_table(rng: Rng, people: People, span: Span) -> pa.Table:
    """Table `referrals`: some new users were referred by a few very active users."""
    new = np.flatnonzero(people.registered >= span.start)
    referees = new[rng.random(len(new)) < 0.32]
    old = np.flatnonzero(people.registered < span.start)
    pool = rng.choice(old, max(2, round(len(people) * 0.02)), replace=False)
    weights = (1.0 / (np.arange(len(pool)) + 4.0)) ** 0.8
    referrers = rng.choice(pool, len(referees), p=weights / weights.sum())
    count = len(referees)
    own = some(rng, count, 0.004)
    referrers[own] = referees[own]
    at = people.registered[referees]
    updated = at + rng.integers(1, 3600, count)
    late = some(rng, count, 0.02)
    updated[late] += rng.integers(1, 4, len(late)) * DAY
    table = pa.table(
        {
            "referral_id": numbered("T", count),
            "referrer_id": numbers(people.ids[referrers], some(rng, count, 0.003)),
            "referee_id": numbers(people.ids[referees], some(rng, count, 0.003)),
            "referred_at": instants(at),
            "updated_at": instants(updated),
        }
    )
    return known_rows(rng, table, updated, span, 0.01)
