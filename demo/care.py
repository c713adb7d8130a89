"""Data entered by users and health managers: questionnaires in GBK, and manually set tags.

The functions return file contents by path; nothing is written.
"""

import csv
import io
from datetime import datetime, timedelta

import numpy as np

from demo.draw import DAY, HOUR, Files, Rng, Span, pick, some
from demo.people import People

_QUESTIONNAIRE = [
    "问卷编号",
    "用户编号",
    "身高cm",
    "体重kg",
    "是否吸烟",
    "每周运动天数",
    "平均睡眠小时",
    "慢病史",
    "过敏史",
    "感兴趣的话题",
    "提交时间",
]
_CONDITIONS = ["无", "", "高血压", "糖尿病", "高血脂", "哮喘"]
_ALLERGIES = {
    "无": 66, "没有": 4, "": 8, "花粉": 6, "海鲜": 5, "青霉素": 4, "牛奶": 2, "尘螨": 3,
    "青霉素、海鲜": 1, " 花粉 ": 1,
}  # fmt: skip
_TOPICS = {"睡眠": 28, "护肤": 26, "减重": 20, "养生": 16, "母婴": 10}
_MANUAL = ["user_no", "tag", "action", "value", "set_by", "set_at", "reason", "valid_until"]
_TAGS = {"重点关注": 34, "请勿打扰": 14, "需回访": 20, "睡眠需求": 17, "健康备注": 15}
_NOTES = {"术后恢复": 25, "用药中": 45, "需营养指导": 30}
_REASONS = ["电话回访", "血压偏高, 需跟进", '用户说"暂时不要联系"', "复诊提醒", "家属来电\n要求关注"]
_FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")


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
        str(pick(rng, list(_ALLERGIES), list(_ALLERGIES.values()), 1)[0]),
        _interests(rng),
        "",
    ]


def _interests(rng: Rng) -> str:
    """The topics ticked on the form, none to three; another version of the form joins them with commas."""
    weights = np.array(list(_TOPICS.values())) / sum(_TOPICS.values())
    wanted = int(rng.choice(4, p=[0.2, 0.42, 0.28, 0.1]))
    chosen = rng.choice(list(_TOPICS), wanted, replace=False, p=weights)
    return str(rng.choice(["、", "，"], p=[0.9, 0.1])).join(chosen)


def _stamp(rng: Rng, rows: list[list[str]], span: Span, index: int, at: int = -1) -> None:
    """Local times during the day, in order, no two the same; `at` is their place in a row."""
    day = span.day(index)
    seconds = np.sort(rng.choice(np.arange(8 * HOUR, 22 * HOUR), len(rows), replace=False))
    for row, second in zip(rows, seconds, strict=True):
        row[at] = str(datetime(day.year, day.month, day.day) + timedelta(seconds=int(second)))


def _spoil_answers(rng: Rng, rows: list[list[str]], index: int) -> None:
    """User numbers in full-width digits and heights in metres; on some days an invalid time or number, a
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
    """`manual_tags/dt=…/tags.csv` for each day: the tags that were set or withdrawn on that day, by health
    managers and customer service, and the interests that users chose themselves."""
    files = {}
    earlier: list[list[str]] = []
    for index in range(span.days):
        joined = np.flatnonzero(people.registered < span.start + index * DAY)
        managed = rng.choice(joined, max(6, round(len(people) * 0.0018)))
        rows = [_managed(rng, int(people.ids[user]), span, index) for user in managed]
        chose = rng.choice(joined, max(4, round(len(people) * 0.0014)))
        rows += [_chosen(rng, int(people.ids[user])) for user in chose]
        if earlier:
            rows += [_withdrawn(rng, earlier[place]) for place in some(rng, len(earlier), 0.08 / index)]
        rng.shuffle(rows)
        _stamp(rng, rows, span, index, at=5)
        earlier += [list(row) for row in rows if row[2] == "set"]
        _spoil_tags(rng, rows, index)
        files[f"manual_tags/dt={span.day(index)}/tags.csv"] = _csv(_MANUAL, rows).encode()
    return files


def _managed(rng: Rng, user: int, span: Span, index: int) -> list[str]:
    """A tag that a health manager or customer service sets; only a note has a value."""
    tag = str(pick(rng, list(_TAGS), list(_TAGS.values()), 1)[0])
    note = str(pick(rng, list(_NOTES), list(_NOTES.values()), 1)[0]) if tag == "健康备注" else ""
    until = span.day(index) + timedelta(days=int(rng.choice([7, 14, 30, 90, 180])))
    reason = str(rng.choice(_REASONS))
    return [str(user), tag, "set", note, _setter(rng, tag), "", reason, str(until)]


def _setter(rng: Rng, tag: str) -> str:
    """A health manager; for tags from phone calls, customer service equally often."""
    if tag in ("请勿打扰", "需回访") and rng.random() < 0.5:
        return f"cs{int(rng.integers(1, 7)):02d}"
    return f"hm{int(rng.integers(1, 13)):02d}"


def _chosen(rng: Rng, user: int) -> list[str]:
    topic = str(pick(rng, list(_TOPICS), list(_TOPICS.values()), 1)[0])
    return [str(user), "兴趣", "set", topic, "user", "", "", ""]


def _withdrawn(rng: Rng, row: list[str]) -> list[str]:
    """The withdrawal of a tag that was set earlier: an interest by the user, any other by a manager."""
    user, tag = row[:2]
    if tag == "兴趣":
        return [user, tag, "withdraw", "", "user", "", "", ""]
    reason = str(rng.choice(["用户要求", "已处理", "误设"]))
    return [user, tag, "withdraw", "", _setter(rng, tag), "", reason, ""]


def _spoil_tags(rng: Rng, rows: list[list[str]], index: int) -> None:
    """Tags and actions as typed by people; on most days one row is wrong: an unreadable end date,
    no manager, no user, an unknown action, a note without text. On some days a row is repeated."""
    for row in some(rng, len(rows), 0.03):
        rows[row][1] += " "
    for row in some(rng, len(rows), 0.05):
        rows[row][2] = rows[row][2].title()
    spoilt = index % 6
    if spoilt == 0:
        rows[0][7] = "2026-02-30"
    elif spoilt == 1:
        rows[1][7] = "长期"
    elif spoilt == 2:
        rows[2][4] = ""
    elif spoilt == 3:
        rows[3][2] = "续期"
    elif spoilt == 4:
        rows[4][1:4] = ["健康备注", "set", ""]
    else:
        rows[0][0] = ""
        rows.append(list(rows[1]))


def _csv(header: list[str], rows: list[list[str]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()
