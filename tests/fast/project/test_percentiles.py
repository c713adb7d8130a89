"""Percentiles, measures of days and dictionaries: what does not fit together, and what a version covers."""

from pathlib import Path

import pytest

from tests.support.folders import MEASURES, ORDERS, PROJECT_YML, TAGS, Folder

MORE = "measures/more.yml"
NEEDS = "dictionaries/needs.yml"
CITY = "value: users.city"


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder.small(tmp_path)


def measure(folder: Folder, entry: str) -> None:
    folder.write(MORE, f"measures:\n  new: {{{entry}}}\n")


def version(folder: Folder, tag: str = "city") -> str:
    return folder.project().tags[tag].definition_version


# ---- percentiles ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("percentile_of: paid_365", "unknown measure 'paid_365' (did you mean paid_365d?)"),
        ("percentile_of: new", "'new' is a percentile itself: use the measure that it is based on"),
        (
            "percentile_of: last_order_at",
            "a percentile needs a numeric measure, but last_order_at is of type timestamp",
        ),
        (
            "percentile_of: last_status",
            "a percentile needs a numeric measure, but last_status is of type string",
        ),
        (
            "percentile_of: paid_365d, where: 'paid_36d > 0'",
            "unknown name: paid_36d (did you mean paid_365d?)",
        ),
        ("percentile_of: paid_365d, where: 'users.city is null'", "unknown name: users.city"),
        ("percentile_of: paid_365d, where: 'new > 5'", "unknown name: new"),
        ("percentile_of: paid_365d, where: '1 = 1'", "is constant: it reads no measure"),
        (
            "percentile_of: paid_365d, where: \"data_day > '2024-01-01'\"",
            "is constant: it reads no measure",
        ),
        (
            "percentile_of: paid_365d, where: paid_365d",
            "a condition must be true or false, but it is number: paid_365d",
        ),
        (
            "percentile_of: paid_365d, where: orders_180d > 5 and orders_180d < 3",
            "this is never true: orders_180d > 5 and orders_180d < 3",
        ),
        (
            "percentil_of: paid_365d, where: paid_365d > 0",
            "new: unknown key 'percentil_of' (did you mean percentile_of?)",
        ),
        ("percentile_of: paid_365d, window: 30d", "new: unknown key 'window'"),
        ("percentile_of: [paid_365d]", "new.percentile_of: must be a text"),
    ],
)
def test_a_percentile_that_cannot_be_computed(folder: Folder, entry: str, message: str) -> None:
    measure(folder, entry)
    (problem,) = folder.problems()
    assert problem.startswith(f"{MORE}:2: {message}")


def test_a_percentile_of_a_percentile_is_refused(folder: Folder) -> None:
    folder.write(MORE, "measures:\n  one: {percentile_of: paid_365d}\n  two: {percentile_of: one}\n")
    assert folder.problems() == [
        f"{MORE}:3: 'one' is a percentile itself: use the measure that it is based on"
    ]


def test_a_percentile_of_a_broken_measure_is_no_problem_of_its_own(folder: Folder) -> None:
    line = folder.replace(
        MEASURES,
        'paid_365d: {source: orders, value: "sum(amount)"',
        'paid_365d: {source: orders, value: "sum(amout)"',
    )
    measure(folder, "percentile_of: paid_365d, where: paid_365d > 0")
    folder.replace(TAGS, CITY, "value: new")
    assert folder.problems() == [f"{MEASURES}:{line}: unknown name: amout (did you mean amount?)"]


def test_a_tag_over_a_broken_percentile_is_no_problem_of_its_own(folder: Folder) -> None:
    measure(folder, "percentile_of: last_status")
    folder.replace(TAGS, CITY, "value: new")
    assert len(folder.problems()) == 1


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("user_id", "'user_id' is a reserved column name: choose another name"),
        ("users__city", "'users__city' is the column name of users.city in tables: choose another name"),
        ("orders_180d", "'orders_180d' is already declared at "),
    ],
)
def test_a_percentile_has_a_name_of_its_own(folder: Folder, name: str, message: str) -> None:
    folder.write(MORE, f"measures:\n  {name}: {{percentile_of: paid_365d}}\n")
    problems = [problem for problem in folder.problems() if problem.startswith(f"{MORE}:2: {message}")]
    assert len(problems) == 1


def test_rfm_is_of_measures_alone(folder: Folder) -> None:
    measure(folder, "percentile_of: paid_365d")
    line = folder.replace(PROJECT_YML, "monetary: paid_365d", "monetary: new")
    assert folder.problems() == [f"{PROJECT_YML}:{line}: `monetary` cannot be a percentile: new"]


def test_a_tag_reads_a_percentile_as_a_whole_number(folder: Folder) -> None:
    measure(folder, "percentile_of: paid_365d, where: paid_365d > 0")
    folder.replace(TAGS, CITY, "value: new\n    examples: [{given: {new: 90}, expect: 90}]")
    tag = folder.project().tags["city"]
    assert (tag.type, tag.inputs) == ("double", ("new",))
    line = folder.replace(TAGS, "given: {new: 90}", "given: {new: 90.5}")
    assert folder.problems() == [f"{TAGS}:{line}: the example gives new something that is not of type int"]


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        (MORE, "percentile_of: paid_365d", "percentile_of: orders_365d"),
        (MORE, ", where: orders_180d > vip_orders", ""),
        (MORE, "orders_180d > vip_orders", "orders_180d >= vip_orders"),
        (TAGS, "vip_orders: 3", "vip_orders: 4"),
        (MEASURES, "window: 180d", "window: 90d"),
        (MEASURES, '"sum(amount)", where: "status = \'paid\'", window: 365d', '"sum(amount)", window: 365d'),
        (ORDERS, 'expr: "lower(status)"', 'expr: "lower(trim(status))"'),
    ],
)
def test_the_version_of_a_percentile_is_what_it_is_made_of(
    folder: Folder, file: str, old: str, new: str
) -> None:
    measure(folder, "percentile_of: paid_365d, where: orders_180d > vip_orders, description: words")
    folder.replace(TAGS, CITY, "value: new")
    before = version(folder)
    folder.replace(file, old, new)
    assert version(folder) != before


def test_the_words_of_a_percentile_are_no_part_of_its_version(folder: Folder) -> None:
    measure(folder, "percentile_of: paid_365d, where: orders_180d > 3, description: words")
    folder.replace(TAGS, CITY, "value: new")
    before = version(folder)
    folder.replace(MORE, "orders_180d > 3, description: words", "(ORDERS_180D>3), description: others")
    assert version(folder) == before


# ---- measures of days and of distinct values -----------------------------------------------


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ('value: "gap_mean(event_day)"', "gap_mean() needs a `window`"),
        ('value: "gap_stddev(event_day)"', "gap_stddev() needs a `window`"),
        (
            'value: "gap_mean(ordered_at)", window: 9d',
            "gap_mean() is of the days between events, not of ordered_at (did you mean gap_mean(event_day)?)",
        ),
        (
            'value: "gap_mean(event_day)", window: 9d, distinct_within: day',
            "`distinct_within` requires count(distinct …)",
        ),
        (
            'value: "count(distinct status)", distinct_within: window',
            "`distinct_within: window` keeps the values of every day: it needs a `window`",
        ),
        (
            'value: "count(distinct event_day)", distinct_within: approx',
            "distinct values of event_day are always counted exactly: remove `distinct_within`",
        ),
        (
            'value: "count(distinct status)", distinct_within: month',
            "new.distinct_within: must be 'day', 'window' or 'approx'",
        ),
        ('value: "count(distinct event_dy)"', "unknown name: event_dy (did you mean event_day?)"),
    ],
)
def test_a_measure_of_days_that_cannot_be_merged(folder: Folder, entry: str, message: str) -> None:
    measure(folder, f"source: orders, {entry}")
    assert folder.problems() == [f"{MORE}:2: {message}"]


@pytest.mark.parametrize(
    ("entry", "function", "partials", "type_"),
    [
        ('value: "count(distinct event_day)"', "distinct_days", "count", "bigint"),
        ('value: "count(distinct event_day)", distinct_within: day', "distinct_days", "count", "bigint"),
        ('value: "gap_mean(event_day)", window: 9d', "gap_mean", "count", "double"),
        ('value: "gap_stddev(event_day)", window: 9d', "gap_stddev", "count", "double"),
        (
            'value: "count(distinct status)", distinct_within: window, window: 9d',
            "distinct_values",
            "values",
            "bigint",
        ),
        ('value: "count(distinct status)", distinct_within: approx', "distinct_sketch", "sketch", "bigint"),
    ],
)
def test_what_a_day_keeps(folder: Folder, entry: str, function: str, partials: str, type_: str) -> None:
    measure(folder, f"source: orders, {entry}")
    found = folder.project().measures["new"]
    assert (found.function, found.type) == (function, type_)
    assert [partial.function for partial in found.partials] == [partials]


def test_days_and_gaps_and_counts_of_one_condition_are_one_partial(folder: Folder) -> None:
    entries = ["count(*)", "count(distinct event_day)", "gap_mean(event_day)", "gap_stddev(event_day)"]
    lines = [
        f'  m{number}: {{source: orders, value: "{value}", where: "amount > 0", window: 9d}}\n'
        for number, value in enumerate(entries)
    ]
    folder.write(MORE, f"measures:\n{''.join(lines)}")
    measures = folder.project().measures
    assert len({part.id for number in range(4) for part in measures[f"m{number}"].partials}) == 1


def test_measures_of_one_partial_have_versions_of_their_own(folder: Folder) -> None:
    versions = set()
    for value in ("count(*)", "count(distinct event_day)", "gap_mean(event_day)", "gap_stddev(event_day)"):
        measure(folder, f'source: orders, value: "{value}", window: 9d')
        versions.add(folder.project().version)
    assert len(versions) == 4


def test_the_time_of_an_event_is_part_of_what_its_day_means(folder: Folder) -> None:
    measure(folder, 'source: orders, value: "count(distinct event_day)"')
    folder.replace(TAGS, CITY, "value: new")
    before = version(folder)
    folder.replace(ORDERS, "timezone: Asia/Shanghai}", "timezone: UTC}")
    assert version(folder) != before


# ---- dictionaries and user_id --------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        (TAGS, CITY, "value: lookup('needs', users.city)"),
        (TAGS, "paid_365d >= 1000", "lookup('needs', last_status) = 'x'"),
        (MEASURES, 'value: "last(status)"', "value: \"last(lookup('needs', status))\""),
        (MEASURES, "where: status in ('paid', 'done')", "where: lookup('needs', status) = 'x'"),
        (ORDERS, 'expr: "lower(status)"', "expr: \"lookup('needs', status)\""),
        (ORDERS, "negative: amount < 0", "negative: lookup('needs', status) = 'x'"),
    ],
)
def test_a_dictionary_is_part_of_every_version_that_it_decides(
    folder: Folder, file: str, old: str, new: str
) -> None:
    folder.replace(file, old, new)
    versions = []
    for content in ("{a: x, b: y}", "{b: y, a: x}", "{a: x, b: z}", "{a: x}"):
        folder.write(NEEDS, f"dictionaries: {{needs: {content}}}\n")
        versions.append(folder.project().version)
    assert versions[0] == versions[1]
    assert len(set(versions)) == 3


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        (TAGS, CITY, "value: lookup('need', users.city)"),
        (TAGS, "paid_365d >= 1000", "lookup('need', last_status) = 'x'"),
        (TAGS, "orders_180d >= vip_orders or", "lookup('need', last_status) = 'x' or"),
        (PROJECT_YML, "r_score = 5 and f_score = 5", "lookup('need', octant) = 'x'"),
        (MEASURES, 'value: "last(status)"', "value: \"last(lookup('need', status))\""),
        (MEASURES, "where: status in ('paid', 'done')", "where: lookup('need', status) = 'x'"),
        (ORDERS, 'expr: "lower(status)"', "expr: \"lookup('need', status)\""),
        (ORDERS, "negative: amount < 0", "negative: lookup('need', status) = 'x'"),
    ],
)
def test_a_dictionary_that_is_not_there_is_named_with_the_nearest(
    folder: Folder, file: str, old: str, new: str
) -> None:
    folder.write(NEEDS, "dictionaries: {needs: {a: x}}\n")
    line = folder.replace(file, old, new)
    assert folder.problems() == [f"{file}:{line}: no dictionary 'need' (did you mean needs?)"]
    folder.write(file, folder.read(file).replace("'need'", "'needs'"))
    folder.project()


def test_a_rule_reads_who_the_user_is(folder: Folder) -> None:
    folder.replace(
        TAGS,
        CITY,
        "value: \"if(hash_bucket(concat(user_id, ':welcome'), 2) = 0, 'A', 'B')\"\n"
        '    examples: [{given: {user_id: "customer:u1"}, expect: A}]',
    )
    tag = folder.project().tags["city"]
    assert tag.inputs == ("user_id",)
    line = folder.replace(TAGS, 'user_id: "customer:u1"', "user_id: 7")
    assert folder.problems() == [
        f"{TAGS}:{line}: the example gives user_id something that is not of type string"
    ]
