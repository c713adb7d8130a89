"""What a day takes over from the published day before it, and what has changed since."""

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from tests.support.frames import BEFORE, FEW, ORDERS, frame, rows, tag
from usertags.config.durations import Validity
from usertags.project.model import Project, Tag
from usertags.transform import carry

Build = Callable[..., Project]
Key = tuple[str, str]

DAY = date(2024, 3, 1)
YESTERDAY = date(2024, 2, 29)
LONG_AGO = date(2023, 5, 1)

PROFILE = {
    "kind": "profile",
    "read": {"connection": "shop", "table": "users"},
    "columns": {
        "customer": {"from": "customer", "type": "string"},
        "gender": {"from": "gender", "type": "string"},
    },
    "key": ["customer"],
    "user": {"customer": "customer"},
}
MEASURES = {
    "orders": {"source": "orders", "value": "count(*)"},
    "paid": {"source": "orders", "value": "sum(amount)"},
    "first_item": {"source": "orders", "value": "first(status)"},
}
TAGS = {
    "big": tag(when="orders > 9"),
    "level": tag(value="first_item"),
    "spent": tag(value="paid"),
    "first_bought": tag(value="first_item", validity="static"),
    "was_big": tag(when="orders > 9", validity="static"),
    "gender": tag(kind="fact", value="users.gender", validity="static"),
    "active": tag(when="orders > 0", validity="30d"),
    "mood": tag(value="first_item", validity="30d"),
}
COLUMNS = {
    "big": "boolean",
    "level": "string",
    "spent": "double",
    "first_bought": "string",
    "was_big": "boolean",
    "gender": "string",
    "active": "boolean",
    "mood": "string",
}


@dataclass(frozen=True)
class Remembered:
    """A tag of the day before."""

    user: str
    tag: str
    value: str
    since: date = LONG_AGO
    until: date | None = None


@dataclass(frozen=True)
class Outcome:
    """The tags of a day by user and tag id, its changes, and the profile's values."""

    tags: Mapping[Key, Mapping[str, Any]]
    changes: Mapping[Key, tuple[str, str | None, str | None, str]]
    profile: Mapping[Key, Any]

    def since(self, user: str, name: str) -> tuple[str, date] | None:
        row = self.tags.get((user, name))
        return (row["tag_value"], row["valid_from"]) if row else None

    def until(self, user: str, name: str) -> tuple[str, date] | None:
        row = self.tags.get((user, name))
        return (row["tag_value"], row["valid_until"]) if row else None


@pytest.fixture(scope="module")
def project(build: Build) -> Project:
    return build(sources={"orders": ORDERS, "users": PROFILE}, measures=MEASURES, tags=TAGS)


def a_day(
    spark: SparkSession,
    project: Project,
    today: Mapping[str, Mapping[str, object]],
    before: Sequence[Remembered],
    *,
    tags: Sequence[Tag] | None = None,
    versions: Mapping[str, str] | None = None,
    day: date = DAY,
) -> Outcome:
    """One day: what the rules say of each user of the population, after what was published before."""
    tags = list(project.tags.values()) if tags is None else tags
    known = {item.id: item.definition_version for item in tags} if versions is None else versions
    schema = ", ".join(["user_id string", *(f"{item.id} {COLUMNS[item.id]}" for item in tags)])
    evaluated = frame(
        spark, schema, [(user, *[values.get(item.id) for item in tags]) for user, values in today.items()]
    )
    remembered = frame(
        spark,
        BEFORE,
        [(item.user, item.tag, item.value, item.since, item.until, "before", 1, None) for item in before],
    )
    state = carry.carried(evaluated, remembered, tags, day).persist()
    published = carry.user_tags(state, remembered, tags, project.levels, day)
    changed = rows(carry.changes(published, remembered, tags, known))
    found = rows(published)
    profile = rows(state.drop("_before"))
    state.unpersist()
    assert len(changed) == len({(row["user_id"], row["tag_id"]) for row in changed})
    assert len(found) == len({(row["user_id"], row["tag_id"]) for row in found})
    return Outcome(
        {(row["user_id"], row["tag_id"]): row for row in found},
        {
            (row["user_id"], row["tag_id"]): (
                row["change"],
                row["old_value"],
                row["new_value"],
                row["reason"],
            )
            for row in changed
        },
        {(row["user_id"], item.id): row[item.id] for row in profile for item in tags},
    )


# One day in which something happens to each user; the tests below look at one of them each.
TODAY: dict[str, dict[str, object]] = {
    "keeps": {"big": True, "level": "gold", "spent": 10.5},
    "moves": {"level": "gold", "spent": 3.0},
    "loses": {},
    "gains": {"big": True, "level": "gold"},
    "returns": {"first_bought": "tea", "gender": "female"},
    "shrank": {"was_big": None},
    "no gender": {"gender": None},
    "fresh": {"active": True, "mood": "calm"},
    "last day": {},
    "too late": {},
    "renewed": {"active": True, "mood": "calm"},
    "turned": {"mood": "calm"},
    "nothing": {},
}
WITHIN = DAY + timedelta(days=5)
YESTERDAYS = [
    Remembered("keeps", "big", "true"),
    Remembered("keeps", "level", "gold"),
    Remembered("keeps", "spent", "10.5"),
    Remembered("moves", "level", "silver"),
    Remembered("moves", "spent", "2.5"),
    Remembered("loses", "big", "true"),
    Remembered("loses", "level", "gold"),
    Remembered("left", "big", "true"),
    Remembered("left", "first_bought", "tea"),
    Remembered("left", "active", "true", until=WITHIN),
    Remembered("returns", "first_bought", "coffee"),
    Remembered("returns", "gender", "male"),
    Remembered("shrank", "was_big", "true"),
    Remembered("no gender", "gender", "male"),
    Remembered("last day", "active", "true", until=DAY),
    Remembered("last day", "mood", "calm", until=DAY),
    Remembered("too late", "active", "true", until=YESTERDAY),
    Remembered("too late", "mood", "calm", until=YESTERDAY),
    Remembered("renewed", "active", "true", until=WITHIN),
    Remembered("renewed", "mood", "calm", until=WITHIN),
    Remembered("turned", "mood", "cross", until=WITHIN),
    Remembered("keeps", "retired_tag", "true"),
    Remembered("left", "retired_tag", "true"),
]
FRESH = DAY + timedelta(days=30)


@pytest.fixture(scope="module")
def today(spark: SparkSession, project: Project) -> Outcome:
    return a_day(spark, project, TODAY, YESTERDAYS)


def test_valid_from_stays_while_the_value_stays(today: Outcome) -> None:
    assert today.since("keeps", "big") == ("true", LONG_AGO)
    assert today.since("keeps", "level") == ("gold", LONG_AGO)
    assert today.since("keeps", "spent") == ("10.5", LONG_AGO)
    assert not {name for user, name in today.changes if user == "keeps"} - {"retired_tag"}


def test_valid_from_moves_when_the_value_changes(today: Outcome) -> None:
    assert today.since("moves", "level") == ("gold", DAY)
    assert today.since("moves", "spent") == ("3", DAY)
    assert today.changes["moves", "level"] == ("changed", "silver", "gold", "data")
    assert today.changes["moves", "spent"] == ("changed", "2.5", "3", "data")


def test_a_tag_that_is_no_longer_true_is_revoked(today: Outcome) -> None:
    assert not [user for user, _ in today.tags if user == "loses"]
    assert today.profile["loses", "big"] is None
    assert today.changes["loses", "big"] == ("removed", "true", None, "data")
    assert today.changes["loses", "level"] == ("removed", "gold", None, "data")


def test_a_new_user_begins_today(today: Outcome) -> None:
    assert today.since("gains", "big") == ("true", DAY)
    assert today.changes["gains", "big"] == ("added", None, "true", "data")
    assert today.changes["gains", "level"] == ("added", None, "gold", "data")


def test_a_user_who_left_the_population_keeps_nothing(today: Outcome) -> None:
    assert not [user for user, _ in [*today.tags, *today.profile] if user == "left"]
    assert {name: change for (user, name), change in today.changes.items() if user == "left"} == {
        "big": ("removed", "true", None, "data"),
        "first_bought": ("removed", "tea", None, "data"),
        "active": ("removed", "true", None, "data"),
        "retired_tag": ("removed", "true", None, "retired"),
    }


def test_a_static_tag_keeps_its_first_value(today: Outcome) -> None:
    assert today.since("returns", "first_bought") == ("coffee", LONG_AGO)
    assert today.since("shrank", "was_big") == ("true", LONG_AGO)
    assert today.profile["returns", "first_bought"] == "coffee"
    assert ("returns", "first_bought") not in today.changes
    assert ("shrank", "was_big") not in today.changes


def test_a_static_tag_of_the_profile_alone_follows_its_corrections(today: Outcome) -> None:
    assert today.since("returns", "gender") == ("female", DAY)
    assert today.changes["returns", "gender"] == ("changed", "male", "female", "data")
    assert today.since("no gender", "gender") is None
    assert today.changes["no gender", "gender"] == ("removed", "male", None, "data")


def test_a_period_begins_anew_on_every_day_that_the_rule_holds(today: Outcome) -> None:
    assert today.until("fresh", "active") == ("true", FRESH)
    assert today.until("renewed", "active") == ("true", FRESH)
    assert today.until("renewed", "mood") == ("calm", FRESH)
    assert today.since("renewed", "active") == ("true", LONG_AGO)
    assert today.until("keeps", "big") == ("true", None)


def test_a_period_keeps_a_tag_until_its_last_day_and_not_beyond(today: Outcome) -> None:
    assert today.until("last day", "active") == ("true", DAY)
    assert today.until("last day", "mood") == ("calm", DAY)
    assert today.since("last day", "mood") == ("calm", LONG_AGO)
    assert today.profile["last day", "mood"] == "calm"
    assert ("last day", "mood") not in today.changes
    assert today.until("too late", "active") is None
    assert today.changes["too late", "active"] == ("removed", "true", None, "data")
    assert today.changes["too late", "mood"] == ("removed", "calm", None, "data")


def test_a_new_value_takes_the_place_of_one_that_a_period_keeps(today: Outcome) -> None:
    assert today.until("turned", "mood") == ("calm", FRESH)
    assert today.since("turned", "mood") == ("calm", DAY)
    assert today.changes["turned", "mood"] == ("changed", "cross", "calm", "data")


def test_a_tag_that_left_the_project_is_removed_as_retired(today: Outcome) -> None:
    assert today.changes["keeps", "retired_tag"] == ("removed", "true", None, "retired")
    assert "retired_tag" not in {name for _, name in today.tags}


def test_a_user_without_a_tag_is_in_the_profile_alone(today: Outcome) -> None:
    assert {name for user, name in today.profile if user == "nothing"} == set(TAGS)
    assert not [user for user, _ in [*today.tags, *today.changes] if user == "nothing"]


def test_a_row_says_what_it_is_by(today: Outcome, project: Project) -> None:
    row = today.tags["moves", "spent"]
    assert {name: row[name] for name in ("rank", "share", "confidence", "source", "tag_kind")} == {
        "rank": 1,
        "share": None,
        "confidence": 1.0,
        "source": "rule",
        "tag_kind": "rule",
    }
    assert (row["level1"], row["level2"], row["level3"]) == ("first", "second", "third")
    assert (row["tag_number"], today.tags["moves", "level"]["tag_number"]) == (3.0, None)
    assert row["definition_version"] == project.tags["spent"].definition_version


def test_changes_are_the_difference_of_the_two_days(today: Outcome) -> None:
    assert differences(YESTERDAYS, today) == {key: change[:3] for key, change in today.changes.items()}


def differences(
    before: Iterable[Remembered], after: Outcome
) -> dict[Key, tuple[str, str | None, str | None]]:
    """What tells two snapshots of `user_tags` apart, by value."""
    old = {(item.user, item.tag): item.value for item in before}
    new = {key: row["tag_value"] for key, row in after.tags.items()}
    found: dict[Key, tuple[str, str | None, str | None]] = {}
    for key in old.keys() | new.keys():
        was, now = old.get(key), new.get(key)
        if was != now:
            kind = "added" if was is None else "removed" if now is None else "changed"
            found[key] = (kind, was, now)
    return found


def test_a_change_by_a_new_or_changed_definition_says_so(spark: SparkSession, project: Project) -> None:
    versions = {name: item.definition_version for name, item in project.tags.items() if name != "big"}
    found = a_day(spark, project, TODAY, YESTERDAYS, versions=versions | {"level": "another"})
    assert found.changes["gains", "big"] == ("added", None, "true", "definition")
    assert found.changes["moves", "level"] == ("changed", "silver", "gold", "definition")
    assert found.changes["moves", "spent"] == ("changed", "2.5", "3", "data")
    assert found.changes["keeps", "retired_tag"] == ("removed", "true", None, "retired")


def test_the_first_day_of_all_adds_everything(spark: SparkSession, project: Project) -> None:
    found = a_day(spark, project, TODAY, [], versions={})
    assert {row["valid_from"] for row in found.tags.values()} == {DAY}
    assert found.changes == {
        key: ("added", None, row["tag_value"], "data") for key, row in found.tags.items()
    }


def test_when_the_last_tag_is_retired_all_rows_are_removed(spark: SparkSession, project: Project) -> None:
    found = a_day(spark, project, {"keeps": {}}, YESTERDAYS[:3], tags=[])
    assert not found.tags
    assert found.changes == {
        ("keeps", item.tag): ("removed", item.value, None, "retired") for item in YESTERDAYS[:3]
    }


def test_a_value_that_a_new_type_of_the_tag_cannot_hold_is_not_remembered(
    spark: SparkSession, project: Project
) -> None:
    """A tag that was text and is true or absent now: what was kept alive goes, and the night goes on."""
    before = [Remembered("u", "active", "often", until=WITHIN), Remembered("u", "was_big", "very")]
    found = a_day(spark, project, {"u": {}}, before)
    assert not found.tags
    assert found.changes["u", "active"] == ("removed", "often", None, "data")


def test_from_day_to_day_a_period_ends_where_it_should(spark: SparkSession, project: Project) -> None:
    """True on one day alone: it stays for one more, since its first day, and the changes say so twice."""
    tags = [replace(project.tags["active"], validity=Validity.validated("1d"))]
    before: list[Remembered] = []
    seen: list[tuple[date, str] | None] = []
    kinds: list[list[str]] = []
    for number in range(3):
        day = DAY + timedelta(days=number)
        found = a_day(spark, project, {"u": {"active": number == 0 or None}}, before, tags=tags, day=day)
        before = [
            Remembered(user, name, row["tag_value"], row["valid_from"], row["valid_until"])
            for (user, name), row in found.tags.items()
        ]
        seen.append((before[0].since, before[0].value) if before else None)
        kinds.append([change[0] for change in found.changes.values()])
    assert seen == [(DAY, "true")] * 2 + [None]
    assert kinds == [["added"], [], ["removed"]]


DRAWN = {
    "big": ["true"],
    "level": ["gold", "silver"],
    "spent": ["1", "2.5"],
    "first_bought": ["tea", "coffee"],
    "was_big": ["true"],
    "gender": ["male", "female"],
    "active": ["true"],
    "mood": ["calm", "cross"],
}


def drawn(seed: int) -> tuple[dict[str, dict[str, object]], list[Remembered]]:
    """Users of today, of yesterday and of both, with and without each tag on either day."""
    draw = random.Random(seed)
    users = [f"u{number}" for number in range(60)]
    today: dict[str, dict[str, object]] = {}
    before: list[Remembered] = []
    for user in users:
        if draw.random() < 0.85:
            texts = {name: draw.choice([None, *values]) for name, values in DRAWN.items()}
            today[user] = {name: _typed(name, text) for name, text in texts.items()}
        for name, values in {**DRAWN, "gone": ["true"]}.items():
            if draw.random() < 0.5:
                until = DAY + timedelta(days=draw.choice([-1, 0, 1, 29]))
                kept = until if name in ("active", "mood") else None
                since = DAY - timedelta(days=draw.randrange(1, 400))
                before.append(Remembered(user, name, draw.choice(values), since, kept))
    return today, before


def _typed(name: str, text: str | None) -> object:
    """A value as the projection of tags has it."""
    if text is None or COLUMNS[name] == "string":
        return text
    return float(text) if COLUMNS[name] == "double" else True


def expected(
    today: Mapping[str, Mapping[str, object]], before: Sequence[Remembered]
) -> dict[Key, tuple[str, date, date | None]]:
    """Value, valid_from and valid_until of every tag of the day, one user and tag at a time."""
    memory = {(item.user, item.tag): item for item in before}
    found: dict[Key, tuple[str, date, date | None]] = {}
    for user, values in today.items():
        for name in TAGS:
            said, was = values[name], memory.get((user, name))
            text = None if said is None else str(said).lower().removesuffix(".0")
            until = None
            if name in ("first_bought", "was_big") and was is not None:
                text = was.value
            if name in ("active", "mood"):
                until = FRESH if text is not None else None
                if text is None and was is not None and was.until is not None and was.until >= DAY:
                    text, until = was.value, was.until
            if text is not None:
                since = was.since if was is not None and was.value == text else DAY
                found[user, name] = (text, since, until)
    return found


@settings(FEW, max_examples=4)
@given(seed=st.integers(0, 2**32))
def test_any_two_days_differ_by_their_changes_and_nothing_else(
    spark: SparkSession, project: Project, seed: int
) -> None:
    today, before = drawn(seed)
    found = a_day(spark, project, today, before)
    assert {
        key: (row["tag_value"], row["valid_from"], row["valid_until"]) for key, row in found.tags.items()
    } == expected(today, before)
    assert differences(before, found) == {key: change[:3] for key, change in found.changes.items()}
    assert {key for key, change in found.changes.items() if change[3] == "retired"} == {
        (item.user, item.tag) for item in before if item.tag == "gone"
    }
    carried = {key for key, value in found.profile.items() if value is not None}
    assert carried == found.tags.keys()
