"""The JSON files of the landing folder: behaviour, and the messages of campaigns.

The functions return file contents by path; nothing is written. A file ending in .gz is kept uncompressed
until it is landed, so that the content does not depend on the version of a compressor.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from demo.draw import DAY, HOUR, Files, Ints, Rng, Span, local_iso, pick, some, within_group
from demo.people import People
from demo.products import Products

_EVENTS = {"view": 66, "search": 14, "Search": 1, "favourite": 6, "cart": 9, "share": 3, "VIEW": 1}
_DEVICES = {"iOS": 30, "ios": 4, "ｉＯＳ": 1, "Android": 36, "ANDROID ": 3, "mini_program": 18, "web": 8}
_METHODS = {"wechat": 50, "WeChat": 4, "sms": 27, "SMS": 3, "password": 16}
_WORDS = [
    "褪黑素",
    "维生素C",
    "Vitamin\u3000C",
    "血压计",
    "面膜",
    "叶酸",
    "代餐",
    "益生菌",
    "口罩",
    "阿胶",
    "失眠怎么办",
    "ＶＣ\u3000泡腾片",
]
_LOGIN_SHARE = 0.22  # of the sessions; in the others people were still logged in
_CONSULT_SHARE = 0.05  # of the sessions
_CAMPAIGNS = {"双十一预售": 40, "会员日": 25, " 会员日": 2, "睡眠健康周": 18, "老客回访": 15}
_CHANNELS = {"sms": 38, "SMS": 4, "push": 34, "Push ": 3, "wechat": 21}

Dirt = Sequence[tuple[float, Callable[[str], str]]]


@dataclass(frozen=True)
class _Events:
    """Events by position: session number, user, instant and what it was."""

    session: Ints
    users: Ints
    at: Ints
    kinds: NDArray[np.object_]

    def __len__(self) -> int:
        return len(self.at)


def behaviour_files(rng: Rng, people: People, products: Products, span: Span) -> Files:
    """`behaviour/dt=…/part-0.json.gz` for each day: events of that day, and a few of the two days before that
    phones delivered late."""
    events = _events(rng, people, span)
    count = len(events)
    delay = np.where(rng.random(count) < 0.02, rng.integers(1, 3, count), 0)
    folder = span.index(events.at) + delay
    devices = pick(rng, list(_DEVICES), list(_DEVICES.values()), len(people))
    habits = pick(rng, list(_METHODS), list(_METHODS.values()), len(people))
    methods = np.where(
        rng.random(count) < 0.8,
        habits[events.users],
        pick(rng, list(_METHODS), list(_METHODS.values()), count),
    )
    items = products.draw(rng, count)
    words = pick(rng, _WORDS, [1.0] * len(_WORDS), count)
    milliseconds = rng.integers(0, 1000, count)
    in_iso = rng.random(count) < 0.4
    versions = rng.random(count)
    lines: dict[int, list[str]] = defaultdict(list)
    for row in np.argsort(events.at, kind="stable").tolist():
        if folder[row] >= span.days:
            continue
        kind = events.kinds[row]
        event: dict[str, object] = {
            "event_id": f"e{row:010x}",
            "uid": str(people.ids[events.users[row]]),
            "session": f"s{events.session[row]:09d}",
            "event": kind,
            "device": devices[events.users[row]],
            "ts": _time(int(events.at[row]), int(milliseconds[row]), bool(in_iso[row])),
        }
        if kind == "login":
            event["method"] = methods[row]
        elif kind.lower() == "search":
            event["keyword"] = words[row]
        elif kind != "consult":
            event |= _item(products, int(items[row]), float(versions[row]))
        lines[int(folder[row])].append(json.dumps(event, ensure_ascii=False))
    dirt = [
        (0.004, lambda line: _with(line, uid=None)),
        (0.001, lambda line: _with(line, event="app_crash")),
        (0.0005, lambda line: _with(line, ts="yesterday")),
    ]
    return _folders(rng, "behaviour", lines, dirt, span)


def _events(rng: Rng, people: People, span: Span) -> _Events:
    """What people do in sessions, each within its day, with the log-ins and consultations of some of them."""
    chance = np.full(len(people), 0.42)
    chance[people.buyers] = 0.8
    visitors = np.flatnonzero(rng.random(len(people)) < chance)
    sessions = 1 + rng.poisson(1.9 * span.days / 34 * people.eagerness[visitors])
    users = np.repeat(visitors, sessions)
    begun = span.moments(rng, np.maximum(people.registered[users], span.start - 600))
    midnight = span.start + (span.index(begun) + 1) * DAY
    begun = np.minimum(begun, midnight - 1800)
    events = 1 + np.minimum(rng.poisson(2.6, len(users)), 20)
    session = np.repeat(np.arange(len(users), dtype=np.int64), events)
    at = begun[session] + within_group(session) * 80 + rng.integers(0, 75, len(session))
    kinds = pick(rng, list(_EVENTS), list(_EVENTS.values()), len(session))
    logins = np.flatnonzero(rng.random(len(users)) < _LOGIN_SHARE)
    consults = np.flatnonzero(rng.random(len(users)) < _CONSULT_SHARE)
    consulted = begun[consults] + events[consults] * 80 - rng.integers(0, 60, len(consults))
    sessions = np.concatenate([session, logins, consults])
    return _Events(
        session=sessions,
        users=users[sessions],
        at=np.concatenate([at, begun[logins], consulted]),
        kinds=np.concatenate([kinds, np.repeat(["login", "consult"], [len(logins), len(consults)])]),
    )


def _time(at: int, milliseconds: int, in_iso: bool) -> object:
    return local_iso(at, milliseconds) if in_iso else at * 1000 + milliseconds


def _item(products: Products, item: int, version: float) -> dict[str, object]:
    """An item with its price in yuan; old app versions send a text with a currency sign, the oldest no price.
    `version` is between 0, the oldest, and 1."""
    yuan = int(products.prices[item]) / 100
    fields: dict[str, object] = {"item": f"p{item:04d}", "category": products.categories[item]}
    return fields if version < 0.01 else fields | {"price": f"¥{yuan:,.2f}" if version < 0.08 else yuan}


def campaign_files(rng: Rng, people: People, span: Span) -> Files:
    """`campaigns/dt=…/part-0.json.gz` for each day: messages delivered, clicked and joined on that day."""
    lines: dict[int, list[str]] = defaultdict(list)
    number = 0
    for index in range(span.days):
        there = np.flatnonzero(people.registered < span.start + index * DAY)
        users = rng.choice(there, max(12, round(len(people) * 0.015)), replace=False)
        campaigns = pick(rng, list(_CAMPAIGNS), list(_CAMPAIGNS.values()), len(users))
        channels = pick(rng, list(_CHANNELS), list(_CHANNELS.values()), len(users))
        for user, campaign, channel in zip(users, campaigns, channels, strict=True):
            number += 1
            begun = span.start + index * DAY + int(rng.integers(9 * HOUR, 20 * HOUR))
            for at, action in _reactions(rng, begun, float(people.eagerness[user])):
                message = {
                    "message_id": f"m{number:08d}",
                    "uid": str(people.ids[user]),
                    "campaign": campaign,
                    "action": action if rng.random() > 0.05 else f"{action.title()} ",
                    "channel": channel,
                    "at": local_iso(at, int(rng.integers(0, 1000))),
                }
                lines[(at - span.start) // DAY].append(json.dumps(message, ensure_ascii=False))
    dirt = [
        (0.002, lambda line: _with(line, uid=None)),
        (0.002, lambda line: _with(line, action="bounced")),
        (0.001, lambda line: _with(line, at="n/a")),
    ]
    return _folders(rng, "campaigns", lines, dirt, span)


def _reactions(rng: Rng, begun: int, eagerness: float) -> list[tuple[int, str]]:
    """The events of a message, in order: delivered, for some clicked, and for a few of these joined."""
    found = [(begun, "delivered")]
    if rng.random() < 0.2 * min(eagerness, 3):
        clicked = begun + 5 + int(rng.exponential(2 * HOUR))
        found.append((clicked, "clicked"))
        if rng.random() < 0.38:
            found.append((clicked + int(rng.integers(20, 900)), "joined"))
    return found


def _folders(rng: Rng, name: str, lines: dict[int, list[str]], dirt: Dirt, span: Span) -> Files:
    """One file per day with its lines, errors included."""
    files = {}
    for index in range(span.days):
        before = lines[index - 1] if index else []
        files[f"{name}/dt={span.day(index)}/part-0.json.gz"] = _spoiled(rng, lines[index], before, dirt)
    return files


def _spoiled(rng: Rng, lines: list[str], before: list[str], dirt: Dirt) -> bytes:
    """The lines of a folder, errors included: some broken or corrupted, some repeated, some of the day before
    delivered again."""
    spoiled = list(lines)
    for share, spoil in ((0.001, _cut), *dirt):
        for row in some(rng, len(lines), share):
            spoiled[row] = spoil(lines[row])
    repeats = [lines[row] for row in some(rng, len(lines), 0.005)]
    again = [before[row] for row in some(rng, len(before), 0.002)] if before else []
    return ("\n".join([*spoiled, *repeats, *again]) + "\n").encode()


def _cut(line: str) -> str:
    return line[: len(line) // 2]


def _with(line: str, **changes: object) -> str:
    return json.dumps(json.loads(line) | changes, ensure_ascii=False)
