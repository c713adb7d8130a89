"""The files of the landing folder: behaviour as JSON lines, questionnaires in GBK, tags set by hand.

Everything here is the content of files, by path; nothing is written. A file ending in .gz is kept unpacked
until it is landed, so that the content does not depend on the version of a compressor.
"""

import csv
import io
import json
from collections import defaultdict
from datetime import UTC, datetime, timedelta

import numpy as np

from demo.draw import DAY, SHANGHAI, Ints, Rng, Span, pick, some, within_group
from demo.people import People
from demo.products import Products

Files = dict[str, bytes]

_EVENTS = {"view": 66, "search": 14, "Search": 1, "favourite": 6, "cart": 9, "share": 3, "VIEW": 1}
_DEVICES = {"iOS": 30, "ios": 4, "ｉＯＳ": 1, "Android": 36, "ANDROID ": 3, "mini_program": 18, "web": 8}
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
_QUESTIONNAIRE = [
    "问卷编号",
    "用户编号",
    "身高cm",
    "体重kg",
    "是否吸烟",
    "每周运动天数",
    "平均睡眠小时",
    "慢病史",
    "提交时间",
]
_CONDITIONS = ["无", "", "高血压", "糖尿病", "高血脂", "哮喘"]
_FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")


def behaviour_files(rng: Rng, people: People, products: Products, span: Span) -> Files:
    """`behaviour/dt=…/part-0.json.gz` for each day: events of that day, and a few of the two days before that
    phones delivered late."""
    session, users, at = _events(rng, people, span)
    count = len(at)
    day = span.index(at)
    delay = np.where(rng.random(count) < 0.02, rng.integers(1, 3, count), 0)
    folder = day + delay
    kinds = pick(rng, list(_EVENTS), list(_EVENTS.values()), count)
    devices = pick(rng, list(_DEVICES), list(_DEVICES.values()), len(people))
    items = products.draw(rng, count)
    words = pick(rng, _WORDS, [1.0] * len(_WORDS), count)
    milliseconds = rng.integers(0, 1000, count)
    in_iso = rng.random(count) < 0.4
    lines: dict[int, list[str]] = defaultdict(list)
    for row in np.argsort(at, kind="stable").tolist():
        kind = kinds[row]
        item = int(items[row])
        event: dict[str, object] = {
            "event_id": f"e{row:010x}",
            "uid": str(people.ids[users[row]]),
            "session": f"s{session[row]:09d}",
            "event": kind,
            "device": devices[users[row]],
            "ts": _time(int(at[row]), int(milliseconds[row]), bool(in_iso[row])),
        }
        if kind.lower() == "search":
            event["keyword"] = words[row]
        else:
            event |= {"item": f"p{item:04d}", "category": products.categories[item]}
        if folder[row] < span.days:
            lines[int(folder[row])].append(json.dumps(event, ensure_ascii=False))
    files = {}
    for index in range(span.days):
        spoiled = _spoil_events(rng, lines[index], lines[index - 1] if index else [])
        path = f"behaviour/dt={span.day(index)}/part-0.json.gz"
        files[path] = ("\n".join(spoiled) + "\n").encode()
    return files


def _events(rng: Rng, people: People, span: Span) -> tuple[Ints, Ints, Ints]:
    """Session number, user and instant of each event; a session stays within its day."""
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
    return session, users[session], at


def _time(at: int, milliseconds: int, in_iso: bool) -> object:
    if in_iso:
        local = datetime.fromtimestamp(at + SHANGHAI, UTC).replace(tzinfo=None)
        return f"{local.isoformat()}.{milliseconds:03d}+08:00"
    return at * 1000 + milliseconds


def _spoil_events(rng: Rng, lines: list[str], before: list[str]) -> list[str]:
    """The lines of a folder with their dirt: some broken, anonymous, unknown, timeless or repeated."""
    spoiled = list(lines)
    for share, spoil in (
        (0.001, lambda line: line[: len(line) // 2]),
        (0.004, lambda line: _with(line, uid=None)),
        (0.001, lambda line: _with(line, event="app_crash")),
        (0.0005, lambda line: _with(line, ts="yesterday")),
    ):
        for row in some(rng, len(lines), share) if lines else ():
            spoiled[row] = spoil(lines[row])
    repeats = [lines[row] for row in some(rng, len(lines), 0.005)] if lines else []
    again = [before[row] for row in some(rng, len(before), 0.002)] if before else []
    return spoiled + repeats + again


def _with(line: str, **changes: object) -> str:
    return json.dumps(json.loads(line) | changes, ensure_ascii=False)


def questionnaire_files(rng: Rng, people: People, span: Span) -> Files:
    """`questionnaires/dt=…/answers.csv` for each day, in GBK with Chinese headings."""
    files = {}
    number = 0
    for index in range(span.days):
        joined = np.flatnonzero(people.registered < span.start + index * DAY)
        count = max(8, round(len(people) * 0.0022))
        users = rng.choice(joined, count)
        rows = [_answers(rng, int(people.ids[user]), number + place) for place, user in enumerate(users)]
        number += count
        _stamp(rng, rows, span, index)
        _spoil_answers(rng, rows, index)
        content = _csv(_QUESTIONNAIRE, rows).encode("gbk")
        if index % 7 == 3:  # a byte that GBK does not know, as a broken transfer leaves it
            content += b"Q\xff\xff,100001,170,60,\r\n"
        files[f"questionnaires/dt={span.day(index)}/answers.csv"] = content
    return files


def _answers(rng: Rng, user: int, number: int) -> list[str]:
    height = float(np.clip(rng.normal(166, 8), 140, 200))
    weight = float(np.clip(rng.normal(23.5, 3.6), 15, 42)) * (height / 100) ** 2
    return [
        f"Q{number:06d}",
        str(user),
        f"{height:.1f}",
        f"{weight:.1f}",
        str(rng.choice(["否", "是", "N", "Y", ""], p=[0.66, 0.17, 0.07, 0.03, 0.07])),
        str(rng.choice(8, p=[0.24, 0.18, 0.17, 0.16, 0.09, 0.08, 0.04, 0.04])),
        f"{float(np.clip(rng.normal(6.9, 1.1), 3, 11)):.1f}",
        str(rng.choice(_CONDITIONS, p=[0.55, 0.13, 0.13, 0.08, 0.08, 0.03])),
        "",
    ]


def _stamp(rng: Rng, rows: list[list[str]], span: Span, index: int) -> None:
    """Local times during the day, in order."""
    day = span.day(index)
    for row, second in zip(rows, np.sort(rng.integers(8 * 3600, 22 * 3600, len(rows))), strict=True):
        row[-1] = str(datetime(day.year, day.month, day.day) + timedelta(seconds=int(second)))


def _spoil_answers(rng: Rng, rows: list[list[str]], index: int) -> None:
    """User numbers in full-width digits and heights in metres; on some days a time or number that is none, a
    missing user, or a row that is cut off."""
    for row in some(rng, len(rows), 0.04):
        rows[row][1] = rows[row][1].translate(_FULL_WIDTH) + "　"
    for row in some(rng, len(rows), 0.01):
        rows[row][2] = f"{float(rows[row][2]) / 100:.2f}"
    chosen = rows[int(rng.integers(0, len(rows)))]
    spoilt = index % 5
    if spoilt == 0:
        chosen[-1] = "2026/13/45"
    elif spoilt == 1:
        chosen[1] = " "
    elif spoilt == 2:
        del chosen[4:]
    elif spoilt == 3:
        chosen[5] = "不固定"
    else:
        chosen[-1] = "昨天下午"


def manual_tag_files(rng: Rng, people: People, span: Span) -> Files:
    """`manual_tags/dt=…/tags.csv` for each day: what health managers set on that day."""
    header = ["user_no", "tag", "set_by", "set_at", "reason", "valid_until"]
    files = {}
    for index in range(span.days):
        joined = np.flatnonzero(people.registered < span.start + index * DAY)
        users = rng.choice(joined, max(6, round(len(people) * 0.0006)))
        rows = [_manual_tag(rng, int(people.ids[user]), span, index) for user in users]
        _stamp_tags(rng, rows, span, index)
        _spoil_tags(rows, index)
        files[f"manual_tags/dt={span.day(index)}/tags.csv"] = _csv(header, rows).encode()
    return files


def _manual_tag(rng: Rng, user: int, span: Span, index: int) -> list[str]:
    reasons = ["电话回访", "血压偏高, 需跟进", '用户说"暂时不要联系"', "复诊提醒", "家属来电\n要求关注"]
    tag = str(rng.choice(["重点关注", "请勿打扰", "需回访"], p=[0.5, 0.2, 0.3]))
    until = span.day(index) + timedelta(days=int(rng.choice([7, 14, 30, 90, 180])))
    return [str(user), tag, f"hm{int(rng.integers(1, 13)):02d}", "", str(rng.choice(reasons)), str(until)]


def _stamp_tags(rng: Rng, rows: list[list[str]], span: Span, index: int) -> None:
    day = span.day(index)
    for row, second in zip(rows, np.sort(rng.integers(9 * 3600, 18 * 3600, len(rows))), strict=True):
        row[3] = str(datetime(day.year, day.month, day.day) + timedelta(seconds=int(second)))


def _spoil_tags(rows: list[list[str]], index: int) -> None:
    """On most days one row is wrong: no end date that could be read, no manager, no user."""
    spoilt = index % 4
    if spoilt == 0:
        rows[0][5] = "2026-02-30"
    elif spoilt == 1:
        rows[1][5] = "长期"
    elif spoilt == 2:
        rows[2][2] = ""
    rows[3][1] = rows[3][1] + " "
    if index % 6 == 5:
        rows[4][0] = ""


def _csv(header: list[str], rows: list[list[str]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()
