"""Raw rows become typed rows, or say why not."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pyspark.sql import SparkSession

from tests.support.frames import frame, rows
from usertags.project.model import Project, Source
from usertags.sources.files import FILE, LINE, UNPARSED
from usertags.transform.typed import typed

Build = Callable[..., Project]
DAY = date(2024, 7, 2)
ZONE = "Asia/Shanghai"

CSV = {"connection": "files", "files": "events/dt={day}/*.csv", "format": "csv"}
JSON = {"connection": "files", "files": "events/dt={day}/*.json", "format": "json"}
TABLE = {"connection": "shop", "table": "events"}


def events(read: dict[str, Any], columns: dict[str, dict[str, Any]], **parts: Any) -> dict[str, Any]:
    """A source of events with a user and a time beside the columns that a test is about."""
    return {
        "kind": "events",
        "read": read,
        "columns": {
            "customer": {"from": "customer", "type": "string"},
            "at": {"from": "at", "type": "timestamp"},
        }
        | columns,
        "repeats": "keep",
        "user": {"customer": "customer"},
        "time": "at",
    } | parts


def clean(spark: SparkSession, source: Source, raw: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The typed rows of raw rows of text, landed from one file; the usual columns are filled in."""
    usual = {"customer": "u1", "at": "2024-07-02 12:00:00"}
    names = sorted({*usual, *(name for row in raw for name in row if name != UNPARSED)})
    schema = ", ".join(f"`{name}` string" for name in names)
    landed = [
        (
            *[(usual | row).get(name) for name in names],
            "events.csv",
            line,
            row.get(UNPARSED),
            DAY,
        )
        for line, row in enumerate(raw, start=2)
    ]
    added = f", {FILE} string, {LINE} bigint, {UNPARSED} string, batch date"
    return rows(typed(frame(spark, schema + added, landed), source, ZONE))


def one_column(
    spark: SparkSession, build: Build, column: dict[str, Any], texts: Sequence[str | None], read: Any = CSV
) -> list[Any]:
    """What each text becomes in a column: its value, or the reason why its row is set aside."""
    source = build(sources={"events": events(read, {"x": {"from": "x"} | column})}).sources["events"]
    return [row["_reason"] or row["x"] for row in clean(spark, source, [{"x": text} for text in texts])]


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("string", {"a": "a", " a ": " a ", "1.50": "1.50"}),
        ("int", {"12": 12, " -3 ": -3, "12.0": 12, "3000000000": None, "twelve": None, "1,000": None}),
        ("bigint", {"3000000000": 3_000_000_000, "1e3": 1000, "1.2345e3": None}),
        ("boolean", {"true": True, "F": False, "1": True, "maybe": None}),
        ("date", {"2024-02-29": date(2024, 2, 29), "2024-1-5": date(2024, 1, 5), "2023-02-29": None}),
        (
            "decimal(6,2)",
            {"0.10": Decimal("0.10"), "-1234.5": Decimal("-1234.50"), "12345.00": None, "": None, "x": None},
        ),
    ],
)
def test_text_becomes_its_type_or_the_row_says_which_column_failed(
    spark: SparkSession, build: Build, kind: str, expected: dict[str, Any]
) -> None:
    texts = {text: value for text, value in expected.items() if text}
    found = one_column(spark, build, {"type": kind}, list(texts))
    assert found == ["type_x" if value is None else value for value in texts.values()]


def test_a_decimal_is_exact_and_never_rounded(spark: SparkSession, build: Build) -> None:
    found = one_column(
        spark, build, {"type": "decimal(18,3)"}, ["0.1", "2.0005", "2.0050000", "1e2", "1e-30"]
    )
    assert found == [Decimal("0.100"), "type_x", Decimal("2.005"), Decimal("100.000"), "type_x"]


def test_nan_and_infinity_are_no_numbers(spark: SparkSession, build: Build) -> None:
    texts = ["NaN", "nan", "Infinity", "-inf", "1e999", "1.5d", "2f", "0x1p3", "1.5", "-.5e1", "7."]
    found = one_column(spark, build, {"type": "double"}, texts)
    assert found == [None, None] + ["type_x"] * 6 + [1.5, -5.0, 7.0]


@pytest.mark.parametrize("kind", ["double", "decimal(12,2)", "int"])
def test_nan_of_a_database_is_no_number_either(spark: SparkSession, build: Build, kind: str) -> None:
    source = build(sources={"events": events(TABLE, {"x": {"from": "x", "type": kind}})}).sources["events"]
    values = [float("nan"), float("inf"), float("-inf"), 2.0, None]
    raw = [("u1", utc(2024, 7, 2), value, DAY) for value in values]
    landed = frame(spark, "customer string, at timestamp, x double, batch date", raw)
    found = rows(typed(landed, source, ZONE))
    assert [row["_reason"] for row in found] == ["type_x"] * 3 + [None, None]
    assert [row["x"] for row in found] == [None, None, None, 2, None]


def test_an_empty_field_of_a_csv_file_is_null_and_of_json_is_a_text(
    spark: SparkSession, build: Build
) -> None:
    assert one_column(spark, build, {"type": "string"}, ["", None, " "]) == [None, None, " "]
    assert one_column(spark, build, {"type": "string"}, ["", None], read=JSON) == ["", None]


@pytest.mark.parametrize(
    "word", ["\\N", "NULL", "null", "None", "nan", "NaN", "NaT", "<NA>", "\u3000NULL\u00a0"]
)
@pytest.mark.parametrize("read", [CSV, JSON], ids=["csv", "json"])
def test_usual_words_for_null_are_null_in_files_of_texts(
    spark: SparkSession, build: Build, read: dict[str, Any], word: str
) -> None:
    for kind in ("string", "int", "decimal(12,2)", "date"):
        assert one_column(spark, build, {"type": kind}, [word], read) == [None]
    source = build(sources={"events": events(read, {})}).sources["events"]
    assert [row["_reason"] for row in clean(spark, source, [{"customer": word}])] == ["missing_user"]


def test_words_for_null_are_those_of_the_source(spark: SparkSession, build: Build) -> None:
    columns = {"x": {"from": "x", "type": "string"}, "y": {"expr": "upper(x)", "type": "string"}}
    own = build(sources={"events": events(CSV, columns, nulls=["-", "无"])}).sources["events"]
    found = clean(spark, own, [{"x": "-"}, {"x": "无 "}, {"x": "NULL"}, {"x": "a-"}])
    assert [(row["x"], row["y"]) for row in found] == [
        (None, None),
        (None, None),
        ("NULL", "NULL"),
        ("a-", "A-"),
    ]
    table = build(sources={"events": events(TABLE, columns)}).sources["events"]
    assert [row["x"] for row in clean(spark, table, [{"x": "NULL"}])] == ["NULL"]


def test_full_width_signs_become_plain_ones_where_a_column_says_so(spark: SparkSession, build: Build) -> None:
    wide = {"normalise": ["width"]}
    assert one_column(spark, build, {"type": "string"} | wide, ["Ａｂ－１２！", "北京　Ａ", ""]) == [
        "Ab-12!",
        "北京　A",
        None,
    ]
    assert one_column(spark, build, {"type": "int"} | wide, ["１２", "－１２"]) == [12, -12]
    assert one_column(spark, build, {"type": "decimal(12,2)"} | wide, ["１２．５０"]) == [Decimal("12.50")]
    assert one_column(spark, build, {"type": "date"} | wide, ["２０２４－０２－２９"]) == [date(2024, 2, 29)]
    assert one_column(spark, build, {"type": "int"}, ["１２"]) == ["type_x"]
    customer = {"customer": {"from": "customer", "type": "string"} | wide}
    source = build(sources={"events": events(CSV, customer)}).sources["events"]
    assert [row["customer"] for row in clean(spark, source, [{"customer": "　ｕ００１ "}])] == ["u001"]


@pytest.mark.parametrize("white", [" ", "\t", "\u00a0", "\u3000", "\u200b", "\ufeff", "\u2007", "\u200e"])
def test_white_space_around_an_id_is_no_part_of_it(spark: SparkSession, build: Build, white: str) -> None:
    columns = {"no": {"from": "no", "type": "string"}, "x": {"from": "x", "type": "string"}}
    source = build(sources={"events": events(CSV, columns, key=["no"], repeats=None)}).sources["events"]
    texts = dict.fromkeys(("customer", "no", "x"), f"{white}a{white}b{white}")
    (row,) = clean(spark, source, [texts])
    assert (row["customer"], row["no"], row["x"]) == (f"a{white}b", f"a{white}b", texts["x"])
    (blank,) = clean(spark, source, [{"customer": white, "no": "1", "x": None}])
    assert blank["_reason"] == "missing_user"


def test_blanks_are_null_in_every_other_type_and_no_failure(spark: SparkSession, build: Build) -> None:
    kinds = ["int", "double", "boolean", "date", "timestamp", "decimal(12,2)"]
    columns = {f"x{index}": {"from": "x", "type": kind} for index, kind in enumerate(kinds)}
    source = build(sources={"events": events(CSV, columns)}).sources["events"]
    for row in clean(spark, source, [{"x": text} for text in ("", "  ", None)]):
        assert row["_reason"] is None
        assert {row[name] for name in columns} == {None}


def test_an_expression_sees_the_raw_columns_and_is_converted(spark: SparkSession, build: Build) -> None:
    columns = {
        "amount": {
            "expr": "cast(quantity as int) * cast(price as decimal(18,3))",
            "type": "decimal(18,3)",
        },
        "member": {"expr": "regexp_replace(customer_no, '\\\\.0$', '')", "type": "string"},
    }
    source = build(sources={"events": events(CSV, columns)}).sources["events"]
    found = clean(spark, source, [{"quantity": "3", "price": "1.255", "customer_no": "17850.0"}])
    assert (found[0]["amount"], found[0]["member"]) == (Decimal("3.765"), "17850")


def test_wall_clock_of_london_follows_summer_time(spark: SparkSession, build: Build) -> None:
    column = {"type": "timestamp", "timezone": "Europe/London"}
    texts = ["2024-01-15 12:00:00", "2024-07-15 12:00:00", "2024-07-15T12:00", "2024-07-15"]
    assert one_column(spark, build, column, texts) == [
        utc(2024, 1, 15, 12),
        utc(2024, 7, 15, 11),
        utc(2024, 7, 15, 11),
        utc(2024, 7, 14, 23),
    ]


@pytest.mark.parametrize(
    ("form", "twice", "never"),
    [
        (None, "2024-10-27 01:30:00", "2024-03-31 01:30:00"),
        ("dd.MM.yyyy HH:mm", "27.10.2024 01:30", "31.03.2024 01:30"),
    ],
)
def test_an_hour_that_comes_twice_is_the_first_and_one_left_out_is_the_next(
    spark: SparkSession, build: Build, form: str | None, twice: str, never: str
) -> None:
    column = {"type": "timestamp", "timezone": "Europe/London"} | ({"format": form} if form else {})
    found = one_column(spark, build, column, [twice, never])
    assert found == [utc(2024, 10, 27, 0, 30), utc(2024, 3, 31, 1, 30)]


def test_the_project_zone_holds_where_a_column_names_none(spark: SparkSession, build: Build) -> None:
    found = one_column(spark, build, {"type": "timestamp"}, ["2024-07-15 00:00:00.123456"])
    assert found == [utc(2024, 7, 14, 16, 0, 0, 123456)]


def test_a_text_with_an_offset_is_an_instant_whatever_the_zone(spark: SparkSession, build: Build) -> None:
    column = {"type": "timestamp", "timezone": "Europe/London"}
    forms = ["T12:00:00+08:00", " 12:00:00+0800", " 12:00:00+08", "T04:00:00Z", "t04:00:00z", "T04:00Z"]
    found = one_column(spark, build, column, [f"2024-07-15{form}" for form in forms])
    assert found == [utc(2024, 7, 15, 4)] * len(forms)


def test_a_time_alone_never_becomes_a_time_of_today(spark: SparkSession, build: Build) -> None:
    texts = ["10:30:00", "10:30:00+08:00", "10:30", "T10:30:00Z", "now", "2024", "12024-01-05 10:00:00"]
    assert one_column(spark, build, {"type": "timestamp"}, texts) == ["type_x"] * len(texts)
    assert one_column(spark, build, {"type": "date"}, texts) == ["type_x"] * len(texts)


def test_a_format_reads_its_pattern_and_nothing_else(spark: SparkSession, build: Build) -> None:
    stamp = {"type": "timestamp", "timezone": "Europe/London", "format": "dd/MM/yyyy HH:mm"}
    found = one_column(spark, build, stamp, ["15/07/2024 12:00", "2024-07-15 12:00", "31/02/2024 12:00"])
    assert found == [utc(2024, 7, 15, 11), "type_x", "type_x"]
    day = {"type": "date", "format": "yyyyMMdd"}
    found = one_column(spark, build, day, ["20240229", "20230229", "2024-02-29"])
    assert found == [date(2024, 2, 29), "type_x", "type_x"]


# 2019-09-30 20:30 UTC, which is 04:30 of the next day in Shanghai, as sources write it: text and format.
ONE_INSTANT: list[tuple[str, str | None]] = [
    ("2019-09-30T20:30:00Z", None),
    ("2019-09-30 20:30:00 UTC", None),
    ("2019-09-30 20:30:00 utc", None),
    ("2019-09-30 20:30:00 GMT", None),
    ("2019-09-30 20:30:00 +0000", None),
    ("2019-09-30 20:30Z", None),
    ("2019-09-30T13:30:00-07:00", None),
    ("2019-09-30T13:30:00.000-0700", None),
    ("2019-09-30 13:30:00-07", None),
    ("2019-09-30 13:30:00 GMT-7", None),
    ("2019-10-01 04:30:00", None),
    ("2019-10-01 04:30:00 CST", None),
    ("2019-10-01 04:30 Asia/Shanghai", None),
    ("2019-09-30 13:30:00 America/Los_Angeles", None),
    ("2019-10-01T04:30:00+08:00[Asia/Shanghai]", None),
    ("2019-09-30 20:30:00 UTC", "yyyy-MM-dd HH:mm:ss z"),
    ("2019-10-01 04:30:00 CST", "yyyy-MM-dd HH:mm:ss z"),
    ("2019-10-01 04:30:00 Asia/Shanghai", "yyyy-MM-dd HH:mm:ss z"),
    ("2019-09-30 13:30:00 Pacific Daylight Time", "yyyy-MM-dd HH:mm:ss zzzz"),
    ("2019-09-30 20:30:00 +0000", "yyyy-MM-dd HH:mm:ss Z"),
    ("30/Sep/2019:13:30:00 -0700", "dd/MMM/yyyy:HH:mm:ss Z"),
    ("Oct 01 04:30:00 CST 2019", "MMM dd HH:mm:ss zzz yyyy"),
    ("2019-09-30T13:30:00-07:00", "yyyy-MM-dd'T'HH:mm:ssXXX"),
    ("2019-09-30T20:30:00Z", "yyyy-MM-dd'T'HH:mm:ssXXX"),
    ("20190930133000-0700", "yyyyMMddHHmmssXX"),
    ("2019-09-30 13:30:00 -07", "yyyy-MM-dd HH:mm:ss X"),
    ("2019-09-30 13:30:00-07:00", "yyyy-MM-dd HH:mm:ssxxx"),
    ("2019-09-30 13:30:00 GMT-7", "yyyy-MM-dd HH:mm:ss O"),
    ("2019-09-30 13:30 America/Los_Angeles", "yyyy-MM-dd HH:mm VV"),
    ("2019-09-30 08:30 PM +00:00", "yyyy-MM-dd hh:mm a XXX"),
    ("2019-09-30 20:30:00Z", "yyyy-MM-dd HH:mm:ss[XXX]"),
    ("2019-10-01 04:30:00", "yyyy-MM-dd HH:mm:ss[XXX]"),
    ("2019-10-01 04:30", "yyyy-MM-dd HH:mm"),
    ("01.10.2019 04:30", "dd.MM.yyyy HH:mm"),
]


@pytest.mark.parametrize("form", dict.fromkeys(form for _, form in ONE_INSTANT))
def test_an_instant_is_one_event_day_in_every_spelling(
    spark: SparkSession, build: Build, form: str | None
) -> None:
    reading = {"from": "x", "timezone": ZONE} | ({"format": form} if form else {})
    columns = {"at": reading | {"type": "timestamp"}, "day": reading | {"type": "date"}}
    source = build(sources={"events": events(CSV, columns)}).sources["events"]
    texts = [{"x": text} for text, own in ONE_INSTANT if own == form]
    read = [(row["at"], row["day"], row["event_day"], row["_reason"]) for row in clean(spark, source, texts)]
    assert read == [(utc(2019, 9, 30, 20, 30), date(2019, 10, 1), date(2019, 10, 1), None)] * len(texts)


def _offset(moment: datetime, colon: str = ":") -> str:
    digits = f"{moment:%z}"
    return f"{digits[:3]}{colon}{digits[3:]}"


# How a moment is spelled, with the format that reads it; `there` is a zone that the column does not know.
HERE, THERE = ZoneInfo(ZONE), ZoneInfo("America/St_Johns")
SPELLINGS: list[tuple[str | None, Callable[[datetime], str]]] = [
    (None, lambda at: f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"),
    (None, lambda at: f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f} UTC"),
    (None, lambda at: at.astimezone(HERE).isoformat()),
    (None, lambda at: at.astimezone(THERE).isoformat(" ")),
    (None, lambda at: f"{at.astimezone(THERE):%Y-%m-%d %H:%M:%S.%f %z}"),
    (None, lambda at: f"{at.astimezone(THERE).isoformat()}[America/St_Johns]"),
    (None, lambda at: f"{at.astimezone(HERE):%Y-%m-%d %H:%M:%S.%f}"),
    (None, lambda at: f"{at.astimezone(HERE):%Y-%m-%dT%H:%M:%S.%f %Z}"),
    (None, lambda at: f"{at.astimezone(HERE):%Y-%m-%d %H:%M:%S.%f} {ZONE}"),
    ("yyyy-MM-dd HH:mm:ss.SSSSSS", lambda at: f"{at.astimezone(HERE):%Y-%m-%d %H:%M:%S.%f}"),
    ("dd/MMM/yyyy:HH:mm:ss.SSSSSS Z", lambda at: f"{at.astimezone(THERE):%d/%b/%Y:%H:%M:%S.%f %z}"),
    (
        "yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX",
        lambda at: f"{at.astimezone(THERE):%Y-%m-%dT%H:%M:%S.%f}" + _offset(at.astimezone(THERE)),
    ),
    ("yyyyMMddHHmmss.SSSSSSXX", lambda at: f"{at.astimezone(THERE):%Y%m%d%H%M%S.%f%z}"),
    ("MM/dd/yyyy hh:mm:ss.SSSSSS a z", lambda at: f"{at.astimezone(UTC):%m/%d/%Y %I:%M:%S.%f %p UTC}"),
    ("MMM dd HH:mm:ss.SSSSSS zzz yyyy", lambda at: f"{at.astimezone(HERE):%b %d %H:%M:%S.%f %Z %Y}"),
    ("yyyy-MM-dd HH:mm:ss.SSSSSS VV", lambda at: f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f} UTC"),
    ("yyyy-MM-dd HH:mm:ss.SSSSSS[ xxx]", lambda at: f"{at.astimezone(HERE):%Y-%m-%d %H:%M:%S.%f}"),
    (
        "yyyy-MM-dd HH:mm:ss.SSSSSS[ xxx]",
        lambda at: f"{at.astimezone(THERE):%Y-%m-%d %H:%M:%S.%f} " + _offset(at.astimezone(THERE)),
    ),
    ("yy-MM-dd HH:mm:ss.SSSSSS Z", lambda at: f"{at.astimezone(THERE):%y-%m-%d %H:%M:%S.%f %z}"),
]


def _once(local: datetime) -> bool:
    return local.replace(fold=0).utcoffset() == local.replace(fold=1).utcoffset()


def test_any_instant_is_one_event_day_in_every_spelling(spark: SparkSession, build: Build) -> None:
    """Instants of a hundred years of Shanghai, at any microsecond and around its midnights; those of an hour
    that came twice there are left out, because a text without an offset does not tell them apart."""
    chance = Random(15)
    drawn = [
        utc(1970, 1, 1) + timedelta(microseconds=chance.randrange(3_100_000_000_000_000)) for _ in range(60)
    ]
    midnights = [datetime.combine(at.astimezone(HERE), time(), HERE).astimezone(UTC) for at in drawn[:30]]
    around = [at + timedelta(microseconds=step) for at in midnights for step in (-1, 0, 1)]
    instants = [at for at in drawn + around if _once(at.astimezone(HERE))]
    columns = {
        f"{name}_{number}": {"from": f"x{number}", "type": kind, "timezone": ZONE}
        | ({"format": form} if form else {})
        | ({"two_digit_years_from": 1970} if form and form.startswith("yy-") else {})
        for number, (form, _) in enumerate(SPELLINGS)
        for name, kind in (("at", "timestamp"), ("day", "date"))
    }
    source = build(sources={"events": events(CSV, columns)}).sources["events"]
    raw = [{f"x{number}": spell(at) for number, (_, spell) in enumerate(SPELLINGS)} for at in instants]
    for at, texts, row in zip(instants, raw, clean(spark, source, raw), strict=True):
        assert row["_reason"] is None, (row["_reason"], texts)
        assert {row[f"at_{number}"] for number in range(len(SPELLINGS))} == {at}, texts
        assert {row[f"day_{number}"] for number in range(len(SPELLINGS))} == {at.astimezone(HERE).date()}, (
            texts
        )


@pytest.mark.parametrize("form", [None, "yyyy-MM-dd HH:mm:ss z"])
def test_an_abbreviation_of_several_zones_counts_only_in_one_that_uses_it(
    spark: SparkSession, build: Build, form: str | None
) -> None:
    """CST is Chicago to Java, wherever the text is from."""
    for zone, expected in {
        "Asia/Shanghai": utc(2019, 7, 1, 4),
        "America/Chicago": utc(2019, 7, 1, 18),
        "Europe/London": "type_x",
    }.items():
        column = {"type": "timestamp", "timezone": zone} | ({"format": form} if form else {})
        assert one_column(spark, build, column, ["2019-07-01 12:00:00 CST"]) == [expected]


def test_the_date_of_an_instant_is_the_one_in_the_zone_of_its_column(
    spark: SparkSession, build: Build
) -> None:
    texts = ["1995-03-07T16:00:00.000Z", "1995-03-07T15:59:59.999Z", "1995-03-07 00:00:00", "1995-03-07"]
    found = one_column(spark, build, {"type": "date", "timezone": "Asia/Shanghai"}, texts)
    assert found == [date(1995, 3, 8), date(1995, 3, 7), date(1995, 3, 7), date(1995, 3, 7)]
    found = one_column(spark, build, {"type": "date", "timezone": "Europe/London"}, texts)
    assert found == [date(1995, 3, 7)] * 4
    # The project's zone is Shanghai.
    assert one_column(spark, build, {"type": "date"}, texts[:1]) == [date(1995, 3, 8)]


def test_the_date_of_an_instant_of_a_database_is_the_one_in_the_zone_of_its_column(
    spark: SparkSession, build: Build
) -> None:
    zones = {"here": {}, "london": {"timezone": "Europe/London"}, "far": {"timezone": "Pacific/Kiritimati"}}
    columns = {name: {"from": "born", "type": "date"} | zone for name, zone in zones.items()}
    source = build(sources={"events": events(TABLE, columns)}).sources["events"]
    raw = [("u1", utc(2024, 7, 2), born, DAY) for born in (utc(1995, 3, 7, 16), utc(1960, 1, 1, 10))]
    landed = frame(spark, "customer string, at timestamp, born timestamp, batch date", raw)
    found = [(row["here"], row["london"], row["far"]) for row in rows(typed(landed, source, ZONE))]
    assert found == [
        (date(1995, 3, 8), date(1995, 3, 7), date(1995, 3, 8)),
        (date(1960, 1, 1), date(1960, 1, 1), date(1959, 12, 31)),
    ]


def test_the_wall_clock_of_a_date_is_read_in_no_zone(spark: SparkSession, build: Build) -> None:
    """Samoa left out 30 December 2011."""
    day = {"type": "date", "timezone": "Pacific/Apia", "format": "dd.MM.yyyy"}
    assert one_column(spark, build, day, ["30.12.2011", "01.01.0001"]) == [date(2011, 12, 30), date(1, 1, 1)]


def test_numbers_of_a_database_are_read_by_a_format(spark: SparkSession, build: Build) -> None:
    columns = {
        "born": {"from": "born", "type": "date", "format": "yyyyMMdd"},
        "seen": {"from": "born", "type": "timestamp", "format": "yyyyMMdd"},
    }
    source = build(sources={"events": events(TABLE, columns)}).sources["events"]
    raw = frame(
        spark, "customer string, at timestamp, born int, batch date", [("u1", utc(2024, 7, 2), 19950308, DAY)]
    )
    row = rows(typed(raw, source, ZONE))[0]
    assert (row["born"], row["seen"]) == (date(1995, 3, 8), utc(1995, 3, 7, 16))


def test_two_digit_years_are_of_the_hundred_years_that_the_column_says(
    spark: SparkSession, build: Build
) -> None:
    texts = ["23/11/65", "29/02/00", "01/01/30", "31/12/29", "23/11/1965", "29/02/65", "1/1/65"]
    day = {"type": "date", "format": "dd/MM/yy", "two_digit_years_from": 1930}
    assert one_column(spark, build, day, texts) == [
        date(1965, 11, 23),
        date(2000, 2, 29),
        date(1930, 1, 1),
        date(2029, 12, 31),
        "type_x",
        "type_x",
        "type_x",
    ]
    # 1900 was no leap year.
    assert one_column(spark, build, day | {"two_digit_years_from": 1900}, texts[:2]) == [
        date(1965, 11, 23),
        "type_x",
    ]
    stamp = {"type": "timestamp", "format": "yyMMdd HHmm Z", "two_digit_years_from": 1970}
    assert one_column(spark, build, stamp, ["991231 1600 +0000", "700101 0800 +0800"]) == [
        utc(1999, 12, 31, 16),
        utc(1970, 1, 1),
    ]


def test_years_outside_1_to_9999_are_set_aside(spark: SparkSession, build: Build) -> None:
    """In UTC and in the project's zone: most readers of the lake know no other years."""
    texts = ["0001-01-01 00:00:00", "0001-01-01T00:00:00Z", "9999-12-31 23:59:59", "9999-12-31T23:59:59Z"]
    texts += ["0000-06-01 00:00:00", "52274-01-01 00:00:00"]
    found = one_column(spark, build, {"type": "timestamp"}, texts)
    assert found == ["type_x", utc(1, 1, 1), utc(9999, 12, 31, 15, 59, 59), "type_x", "type_x", "type_x"]
    days = ["0001-01-01", "9999-12-31", "0000-12-31", "52274-01-01"]
    assert one_column(spark, build, {"type": "date"}, days) == [date.min, date.max, "type_x", "type_x"]


def test_far_instants_of_a_database_are_set_aside(spark: SparkSession, build: Build) -> None:
    columns = {"x": {"from": "x", "type": "timestamp"}, "day": {"from": "x", "type": "date"}}
    source = build(sources={"events": events(TABLE, columns)}).sources["events"]
    numbers = [1_587_496_943_893_000_000, 9 * 10**18, -9 * 10**18, 0]
    raw = [("u1", utc(2024, 7, 2), number, DAY) for number in numbers]
    landed = frame(spark, "customer string, at timestamp, n bigint, batch date", raw)
    found = rows(typed(landed.selectExpr("* except (n)", "timestamp_micros(n) as x"), source, ZONE))
    read = [(row["_reason"], row["x"], row["day"]) for row in found]
    assert read == [("type_x", None, None)] * 3 + [(None, utc(1970, 1, 1), date(1970, 1, 1))]
    assert "+52275-10-11T13:18:13" in found[0]["_raw"]


def test_types_of_a_database_are_kept_and_its_plain_times_read_in_the_zone(
    spark: SparkSession, build: Build
) -> None:
    columns = {
        "born": {"from": "born", "type": "timestamp", "timezone": "Europe/London"},
        "seen": {"from": "seen", "type": "timestamp", "timezone": "Europe/London"},
        "paid": {"from": "paid", "type": "decimal(12,2)"},
    }
    source = build(sources={"events": events(TABLE, columns)}).sources["events"]
    raw = frame(
        spark,
        "customer string, at timestamp, born date, seen timestamp_ntz, paid decimal(20,6), batch date",
        [
            (
                "u1",
                utc(2024, 7, 2),
                date(2024, 7, 1),
                datetime(2024, 7, 1, 12),
                Decimal("1.050000"),
                DAY,
            )
        ],
    )
    row = rows(typed(raw, source, ZONE))[0]
    assert row["at"] == utc(2024, 7, 2)
    assert row["born"] == utc(2024, 6, 30, 23)
    assert row["seen"] == utc(2024, 7, 1, 11)
    assert (row["paid"], row["_reason"], row["_batch"]) == (Decimal("1.05"), None, DAY)


def test_the_event_day_changes_at_midnight_of_the_project_zone(spark: SparkSession, build: Build) -> None:
    at = {"from": "at", "type": "timestamp", "timezone": "UTC"}
    source = build(sources={"events": events(CSV, {"at": at})}).sources["events"]
    found = clean(spark, source, [{"at": f"2024-02-28 {time}"} for time in ("15:59:59.999999", "16:00:00")])
    assert [row["event_day"] for row in found] == [date(2024, 2, 28), date(2024, 2, 29)]


def test_a_profile_has_no_event_day(spark: SparkSession, build: Build) -> None:
    profile = events(CSV, {}, kind="profile", key=["customer"], repeats=None)
    source = build(sources={"events": profile}).sources["events"]
    found = clean(spark, source, [{"at": ""}, {"customer": " "}])
    assert "event_day" not in found[0]
    assert [row["_reason"] for row in found] == [None, "missing_user"]


# Rows of a source with the rules below, and why each is set aside.
RULES = {"too_small": "n < 10", "negative": "n < 0", "nameless": "customer is null"}
REASONS: list[tuple[dict[str, str], str | None]] = [
    ({"n": "10"}, None),
    ({"n": ""}, None),
    ({"n": "-5"}, "too_small"),
    ({"n": "many", "customer": ""}, "type_n"),
    ({"n": "many", UNPARSED: "u1;many"}, "unparsable"),
    ({"n": "-5", "customer": ""}, "too_small"),
    ({"customer": ""}, "nameless"),
    ({"customer": "  ", "no": ""}, "missing_user"),
    ({"no": " ", "at": ""}, "missing_key"),
    ({"at": ""}, "missing_time"),
    ({"at": "yesterday", "n": "many"}, "type_at"),
]


@pytest.fixture(scope="module")
def rejected(spark: SparkSession, build: Build) -> list[str | None]:
    columns = {"n": {"from": "n", "type": "int"}, "no": {"from": "no", "type": "string"}}
    source = events(CSV, columns, key=["no"], repeats=None, reject=RULES)
    raw = [{"no": "1"} | row for row, _ in REASONS]
    return [row["_reason"] for row in clean(spark, build(sources={"events": source}).sources["events"], raw)]


@pytest.mark.parametrize("index", range(len(REASONS)), ids=[str(reason) for _, reason in REASONS])
def test_the_first_reason_that_holds_sets_a_row_aside(rejected: list[str | None], index: int) -> None:
    assert rejected[index] == REASONS[index][1]


def test_a_row_keeps_what_it_came_as(spark: SparkSession, build: Build) -> None:
    source = build(sources={"events": events(CSV, {"n": {"from": "n", "type": "int"}})}).sources["events"]
    found = clean(spark, source, [{"n": "many"}, {"n": "", "customer": None, UNPARSED: "u1;"}])
    assert json.loads(found[0]["_raw"]) == {
        "at": "2024-07-02 12:00:00",
        "customer": "u1",
        "n": "many",
        FILE: "events.csv",
        LINE: 2,
    }
    assert json.loads(found[1]["_raw"])[UNPARSED] == "u1;"


def test_a_row_that_is_set_aside_keeps_no_personal_value(spark: SparkSession, build: Build) -> None:
    """Not even the hash, which would lead to the person; only that there was a value is shown."""
    columns = {
        "phone": {"from": "Phone No", "type": "string", "pii": "hash"},
        "n": {"from": "n", "type": "int"},
    }
    source = build(sources={"events": events(CSV, columns)}).sources["events"]
    found = clean(spark, source, [{"n": "many", "Phone No": "8f3a"}, {"n": "many", "Phone No": ""}])
    assert [row["_reason"] for row in found] == ["type_n", "type_n"]
    assert [row["phone"] for row in found] == ["8f3a", None]
    assert [json.loads(row["_raw"]).get("Phone No") for row in found] == ["***", None]
    assert "8f3a" not in found[0]["_raw"]


def test_a_dropped_column_reaches_neither_value_nor_content(spark: SparkSession, build: Build) -> None:
    columns = {"phone": {"from": "phone", "type": "string", "pii": "drop"}}
    source = build(sources={"events": events(TABLE, columns)}).sources["events"]
    found = clean(spark, source, [{"phone": "1"}, {"phone": "2"}])
    assert "phone" not in found[0]
    assert found[0]["_content"] == found[1]["_content"]


def test_content_distinguishes_null_from_empty_and_one_microsecond_from_the_next(
    spark: SparkSession, build: Build
) -> None:
    source = build(sources={"events": events(JSON, {"x": {"from": "x", "type": "string"}})}).sources["events"]
    at = "2024-07-02 12:00:00.00000"
    raw = [{"x": None, "at": f"{at}1"}, {"x": "", "at": f"{at}1"}, {"x": None, "at": f"{at}2"}]
    contents = [row["_content"] for row in clean(spark, source, [*raw, *raw])]
    assert len(set(contents)) == len(raw)
    assert contents[:3] == contents[3:]
