"""Reading a configuration folder: what is wrong with it, all at once, each on its line."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.folders import CONNECTIONS, MEASURES, ORDERS, PROJECT_YML, SMALL, TAGS, USERS, Folder
from usertags.errors import ConfigError, ConfigProblem
from usertags.project.build import load_project
from usertags.project.loader import load
from usertags.store.connections import files_root, from_environment


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder.small(tmp_path)


def test_the_small_folder_has_no_problem(folder: Folder) -> None:
    project = folder.project()
    assert list(project.sources) == ["orders", "users"]
    assert len(project.measures) == 6
    assert list(project.tags) == ["important", "size", "city", "segment"]
    assert [tag.id for tag in project.published_tags()] == ["important", "size"]


# ---- one mistake, one problem, on its line -------------------------------------------------

TYPE = "a type: string, int, bigint, double, boolean, date, timestamp or decimal(p,s) such as decimal(18,2)"
NAME = "a name (lowercase letters, digits and _, letter first, at most 60 characters) such as order_lines"

UNKNOWN_KEYS = [
    (PROJECT_YML, "currency: CNY", "curency: CNY", "unknown key 'curency' (did you mean currency?)"),
    (PROJECT_YML, "  ever:", "  evr:", "rfm: unknown key 'evr' (did you mean ever?)"),
    (CONNECTIONS, "    url:", "    ulr:", "shop: unknown key 'ulr' (did you mean url?)"),
    (ORDERS, "kind: events", "kindd: events", "unknown key 'kindd' (did you mean kind?)"),
    (ORDERS, "lookback: 1h", "look_back: 1h", "read: unknown key 'look_back' (did you mean lookback?)"),
    (ORDERS, "type: int}", "typ: int}", "columns.line_no: unknown key 'typ' (did you mean type?)"),
    (ORDERS, "severity:", "severty:", "checks.0: unknown key 'severty' (did you mean severity?)"),
    (MEASURES, "measures:", "measure:", "unknown key 'measure' (did you mean measures?)"),
    (MEASURES, "    where:", "    were:", "orders_180d: unknown key 'were' (did you mean where?)"),
    (TAGS, "parameters:", "parametres:", "unknown key 'parametres' (did you mean parameters?)"),
    (
        TAGS,
        "- given: {orders_180d: 3}",
        "- gven: {orders_180d: 3}",
        "important.examples.0: unknown key 'gven' (did you mean given?)",
    ),
    (TAGS, "else: small", "otherwise: small", "size: unknown key 'otherwise'"),
]

WRONG_VALUES = [
    (
        PROJECT_YML,
        "CNY",
        "yuan",
        "currency: 'yuan' is not a currency code of three capital letters such as CNY",
    ),
    (PROJECT_YML, "project: small", "project: Small", f"project: 'Small' is not {NAME}"),
    (
        PROJECT_YML,
        "scoring: quantile",
        "scoring: quantiles",
        "rfm.scoring: must be 'quantile', 'mean' or 'fixed' (did you mean quantile?)",
    ),
    (
        PROJECT_YML,
        "scoring: quantile",
        "unit: {monetary: 0}\n  scoring: quantile",
        "rfm.unit.monetary: must be greater than 0",
    ),
    (
        PROJECT_YML,
        "scoring: quantile",
        "unit: {monetary: 0.01}\n  scoring: mean",
        "rfm: `unit` of monetary needs `scoring: quantile` or portraits by `terciles`",
    ),
    (
        CONNECTIONS,
        "kind: files",
        "kind: file",
        "landing.kind: must be one of 'sql', 'files', 'lake' (did you mean files?)",
    ),
    (CONNECTIONS, 'url: "${SHOP_URL}"', "url: 5432", "shop.url: must be a text"),
    (
        ORDERS,
        "kind: events",
        "kind: event",
        "kind: must be 'events', 'profile' or 'links' (did you mean events?)",
    ),
    (ORDERS, "1h", "soon", "read.lookback: 'soon' is not a duration such as 30m, 1h or 2d"),
    (ORDERS, "int}", "integer}", f"columns.line_no.type: 'integer' is not {TYPE} (did you mean int?)"),
    (ORDERS, "int}", "blob}", f"columns.line_no.type: 'blob' is not {TYPE}"),
    (ORDERS, "key: [order_id, line_no]", "key: order_id", "key: must be a list"),
    (ORDERS, "user: {customer: customer}", "user: {Id: customer}", f"user.Id: 'Id' is not {NAME}"),
    (
        ORDERS,
        "user: {customer: customer}",
        "user: {customer: customer, phone: phone}",
        "user: must name exactly one id of the user, as `kind: column`",
    ),
    (ORDERS, "between: [0, 20000]", "between: [0]", "checks.0.between: item 2 is missing"),
    (
        ORDERS,
        "severity: critical",
        "severity: x",
        "checks.0.severity: must be 'critical', 'warning' or 'info'",
    ),
    (MEASURES, "180d\n", "180\n", "orders_180d.window: must be a number of days such as 180d"),
    (MEASURES, "180d\n", "year\n", "orders_180d.window: 'year' is not a number of days such as 180d"),
    (
        MEASURES,
        "    window: 180d\n",
        "    half_life: 2w\n    window: 180d\n",
        "orders_180d.half_life: '2w' is not a number of days such as 180d",
    ),
    (
        PROJECT_YML,
        "rfm:\n",
        "retention: {reports: 90}\nrfm:\n",
        "retention.reports: must be a number of days such as 180d",
    ),
    (
        ORDERS,
        "between: [0, 20000]",
        "fresh_within: 2 hours",
        "checks.0.fresh_within: '2 hours' is not a duration such as 30m, 1h or 2d",
    ),
    (
        ORDERS,
        "column: amount\n    between: [0, 20000]",
        "fresh_within: 0h",
        "checks.0: `fresh_within` must be longer than 0",
    ),
    (MEASURES, "last_status:", "lastStatus:", f"'lastStatus' is not {NAME}"),
    (
        TAGS,
        "status: draft",
        "status: drafted",
        "city.status: must be 'draft', 'active' or 'retired' (did you mean draft?)",
    ),
    (
        TAGS,
        "validity: 30d",
        "validity: monthly",
        "size.validity: 'monthly' is not static, dynamic or a number of days such as 30d",
    ),
    (
        TAGS,
        "path: [基础属性, 客户价值, 交易]",
        "path: [基础属性, 客户价值]",
        "city.path: List should have at least 3 items after validation, not 2",
    ),
    (
        TAGS,
        "values: [large, middle, small]",
        "values: [large, [middle], small]",
        "size.values.1: must be a text or a whole number or a number",
    ),
    (TAGS, "基础属性: basic", "基础属性: Basic", f"'Basic' is not {NAME}"),
    (TAGS, "levels:\n", "levels:\n  5: five\n", "5 is not a text: put it in quotes"),
    (TAGS, "交易: true", "交易: maybe", "`exclusive` of a path must be true or false"),
]

RULES_OF_AN_ENTRY = [
    (
        ORDERS,
        "kind: events\n",
        "nulls: [NULL, '-']\nkind: events\n",
        "nulls: must be texts: put quotes around the words, such as 'NULL' or '0'",
    ),
    (
        ORDERS,
        "phone: {from: Phone,",
        "phone: {normalise: [width], from: Phone,",
        "columns.phone: `normalise` is not allowed for personal data, which is normalised before its hash, "
        "as `ids` of project.yml says",
    ),
    (
        CONNECTIONS,
        "embedded: store",
        "embedded: store\n    catalog: {type: rest}\n    s3: {endpoint: a, access_key: b, secret_key: c}",
        "lake: needs either `embedded: store`, or both `catalog` and `s3`",
    ),
    (
        CONNECTIONS,
        "    kind: sql",
        "    kind: sql\n    airflow: shop",
        "shop: needs exactly one of url, embedded and airflow",
    ),
    (
        USERS,
        "format: csv",
        "format: csv\n  cursor: day",
        "read: a `cursor` requires a `table`; new files are found by their names",
    ),
    (
        ORDERS,
        "key: [order_id, line_no]",
        "key: [order_id, line_no]\nrepeats: drop",
        "needs either a `key`, or `repeats: drop` or `repeats: keep`",
    ),
    (
        ORDERS,
        "phone: {from: Phone,",
        "phone: {expr: lower(Phone),",
        "columns.phone: a pii column needs `from`: an expression would read it in plain text",
    ),
    (
        ORDERS,
        "phone: {from: Phone, type: string",
        "phone: {from: Phone, type: bigint",
        "columns.phone: a hashed column must have the type string",
    ),
    (
        ORDERS,
        "from: ordered_at, type: timestamp",
        "from: ordered_at, type: string",
        "columns.ordered_at: `timezone` and `format` are only allowed for timestamps and dates",
    ),
    (
        ORDERS,
        "from: ordered_at, type: timestamp",
        "from: ordered_at, type: timestamp, two_digit_years_from: 1930",
        "columns.ordered_at: `two_digit_years_from` needs a `format` with yy",
    ),
    (MEASURES, "    window: 180d", "    offset: 30d", "orders_180d: an `offset` needs a `window`"),
    (TAGS, "value: users.city", "value: users.city\n    else: none", "city: `else` belongs to `cases`"),
    (
        TAGS,
        "value: users.city",
        "value: users.city\n    when: users.city = '上海'",
        "city: needs exactly one of when, value, cases, prefer, follows; or `set` alone",
    ),
]

# The line that a message is about, where it is not the first of those that were put in.
ABOUT = {"5: five": "  5: five", "cursor: day": "  cursor: day", "else: none": "    else: none"} | {
    "airflow: shop": "  shop:",
    "when: users.city = '上海'": "  city:\n",
}


@pytest.mark.parametrize(("file", "old", "new", "message"), UNKNOWN_KEYS + WRONG_VALUES + RULES_OF_AN_ENTRY)
def test_one_mistake_is_one_problem_on_its_line(
    folder: Folder, file: str, old: str, new: str, message: str
) -> None:
    line = folder.replace(file, old, new)
    last = new.strip().splitlines()[-1].strip()
    line = folder.line(file, ABOUT[last]) if last in ABOUT else line
    assert folder.problems() == [f"{file}:{line}: {message}"]


@pytest.mark.parametrize(
    ("file", "line", "place", "message"),
    [
        (PROJECT_YML, "timezone: Asia/Shanghai\n", "project: small", "`timezone` is missing"),
        (PROJECT_YML, "  frequency: orders_365d\n", "rfm:", "rfm: `frequency` is missing"),
        (CONNECTIONS, "    kind: files\n", "  landing:", "landing: `kind` is missing"),
        (CONNECTIONS, '    root: "${LANDING_DIR}/in"\n', "  landing:", "landing: `root` is missing"),
        (ORDERS, "kind: events\n", "source: orders", "`kind` is missing"),
        (ORDERS, "source: orders\n", "kind: events", "`source` is missing"),
        (ORDERS, "  connection: shop\n", "read:", "read: `connection` is missing"),
        (ORDERS, "  table: order_lines\n", "read:", "read: needs either `table` or `files`"),
        (USERS, "  format: csv\n", "read:", "read: files need a `format`: csv, json or parquet"),
        (ORDERS, "    type: decimal(12,2)\n", "  amount:\n", "columns.amount: `type` is missing"),
        (
            ORDERS,
            "    expr: \"nullif(trim(user_id), '')\"\n",
            "  customer:\n",
            "columns.customer: needs either `from` or `expr`",
        ),
        (ORDERS, "    owner: finance\n", "  - column: amount", "checks.0: `owner` is missing"),
        (
            MEASURES,
            "    value: count(distinct order_id)\n",
            "  orders_180d:",
            "orders_180d: `value` is missing",
        ),
        (TAGS, "    owner: finance\n", "  size:", "size: `owner` is missing"),
        (
            TAGS,
            "    when: orders_180d >= vip_orders or users.gender = 'f'\n",
            "  important:",
            "important: needs exactly one of when, value, cases, prefer, follows; or `set` alone",
        ),
        (
            TAGS,
            "    values: [large, middle, small]\n",
            "    cases:\n",
            "size: a tag with `cases` lists its `values`",
        ),
    ],
)
def test_what_is_missing_is_named_where_it_belongs(
    folder: Folder, file: str, line: str, place: str, message: str
) -> None:
    folder.replace(file, line, "")
    assert folder.problems() == [f"{file}:{folder.line(file, place)}: {message}"]


def test_key_version_and_repeats_fit_together(folder: Folder) -> None:
    folder.replace(ORDERS, "key: [order_id, line_no]\n", "repeats: keep\n")
    at = folder.line(ORDERS, "version: updated_at")
    assert folder.problems() == [f"{ORDERS}:{at}: a `version` needs a `key`"]
    folder.replace(ORDERS, "version: updated_at\n", "")
    at = folder.line(ORDERS, "lookback: 1h")
    assert folder.problems() == [f"{ORDERS}:{at}: a `lookback` needs a `key`, because it reads rows again"]
    folder.replace(ORDERS, "  lookback: 1h\n", "")
    assert folder.project().sources["orders"].repeats == "keep"
    folder.replace(ORDERS, "repeats: keep\n", "")
    message = "needs either a `key`, or `repeats: drop` or `repeats: keep`"
    assert folder.problems() == [f"{ORDERS}:1: {message}"]


def test_what_becomes_of_rows_that_are_gone_is_said_of_a_source_that_is_read_whole(folder: Folder) -> None:
    folder.replace(ORDERS, "  lookback: 1h\n", "  whole: replace\n")
    at = folder.line(ORDERS, "whole: replace")
    message = "`whole` is not allowed with a `cursor`, which reads only new rows"
    assert folder.problems() == [f"{ORDERS}:{at}: read: {message}"]
    folder.replace(ORDERS, "  cursor: updated_at\n", "")
    orders = folder.project().sources["orders"]
    assert (orders.read.may_lose, orders.loses_rows, orders.asks_for_whole) == (0.2, True, False)
    folder.replace(ORDERS, "whole: replace", "whole: keep\n  may_lose: 0.5")
    at = folder.line(ORDERS, "may_lose: 0.5")
    message = "`may_lose` is only allowed with `whole: replace`"
    assert folder.problems() == [f"{ORDERS}:{at}: read: {message}"]
    folder.replace(ORDERS, "whole: keep", "whole: replace")
    folder.replace(ORDERS, "key: [order_id, line_no]\nversion: updated_at\n", "repeats: keep\n")
    at = folder.line(ORDERS, "whole: replace")
    message = "`whole: replace` needs a `key` or `repeats: drop`: a delivery has the rows of the one before"
    assert folder.problems() == [f"{ORDERS}:{at}: {message}"]


def test_events_need_their_time_and_a_profile_its_key(folder: Folder) -> None:
    folder.replace(ORDERS, "time: ordered_at\n", "")
    folder.replace(USERS, "key: [customer]\n", "repeats: drop\n")
    assert folder.problems() == [
        f"{ORDERS}:1: events need `time`, the column with the time of the event",
        f"{USERS}:1: a profile needs a `key`: it has one current row per user",
    ]


# ---- YAML -----------------------------------------------------------------------------------


@pytest.mark.parametrize("file", [PROJECT_YML, CONNECTIONS, ORDERS, USERS, MEASURES, TAGS])
def test_broken_yaml_is_one_problem_and_hides_no_other(folder: Folder, file: str) -> None:
    """What the broken file declares is not missed elsewhere, and mistakes in other files are still found."""
    spoiled = USERS if file == ORDERS else ORDERS
    line = folder.replace(spoiled, "{customer: customer}", "{customer: custmer}")
    folder.write(file, folder.read(file) + "broken: [1, 2\n")
    (other,) = [problem for problem in folder.problems() if not problem.startswith(f"{file}:")]
    assert (
        other
        == f"{spoiled}:{line}: `user` must name a declared column, not 'custmer' (did you mean customer?)"
    )
    (broken,) = [problem for problem in folder.problems() if problem.startswith(f"{file}:")]
    assert ": invalid YAML: " in broken


def test_broken_yaml_says_on_which_line(folder: Folder) -> None:
    line = folder.replace(ORDERS, "key: [order_id, line_no]", "key: order_id: line_no")
    assert folder.problems() == [
        f"{ORDERS}:{line}: invalid YAML: mapping values are not allowed in this context"
    ]


@pytest.mark.parametrize(
    ("file", "first", "second"),
    [
        (ORDERS, "key: [order_id, line_no]", "key: [line_no]"),
        (ORDERS, "  table: order_lines", "  table: orders"),
        (MEASURES, "    window: 180d", "    window: 30d"),
        (TAGS, "    when: orders_180d >= vip_orders or users.gender = 'f'", "    when: 1 = 1"),
        (CONNECTIONS, "    kind: sql", "    kind: lake"),
    ],
)
def test_a_key_that_stands_twice_is_refused(folder: Folder, file: str, first: str, second: str) -> None:
    line = folder.replace(file, first, f"{first}\n{second}", second)
    key = second.strip().partition(":")[0]
    assert folder.problems() == [f"{file}:{line}: duplicate key {key!r}"]


def test_a_name_that_stands_in_two_files_is_refused(folder: Folder) -> None:
    folder.write("measures/more.yml", "measures:\n  orders_180d: {source: orders, value: count(*)}\n")
    folder.write("sources/zz.yml", folder.read(USERS))
    folder.write("tags/zz.yml", "levels:\n  消费属性: spending\nparameters: {vip_orders: 4}\n")
    at = f"{folder.path}/" + "{}"
    assert [problem.replace(at[:-2], "") for problem in folder.problems()] == [
        f"measures/more.yml:2: 'orders_180d' is already declared at {MEASURES}:2",
        f"sources/zz.yml:1: 'users' is already declared at {USERS}:1",
        "tags/zz.yml:2: '消费属性' has a different value elsewhere",
        "tags/zz.yml:3: 'vip_orders' has a different value elsewhere",
    ]


def test_levels_and_parameters_of_one_file_serve_all(folder: Folder) -> None:
    text = folder.read(TAGS)
    head, tags = text.split("tags:\n")
    folder.write("tags/levels.yml", head)
    folder.write(TAGS, f"tags:\n{tags}")
    assert folder.project().version == load_project(SMALL).version


@pytest.mark.parametrize(
    ("file", "key"),
    [
        (MEASURES, "    where: status in ('paid', 'done')"),
        (MEASURES, "    window: 180d"),
        (ORDERS, "  cursor: updated_at"),
        (ORDERS, "version: updated_at"),
        (TAGS, "    else: small"),
    ],
)
def test_a_key_without_a_value_is_not_as_good_as_no_key(folder: Folder, file: str, key: str) -> None:
    """A condition that was forgotten would count everything."""
    name = key.partition(":")[0]
    line = folder.replace(file, key, f"{name}:")
    message = f"`{name.strip()}` has no value: set one or remove the key"
    assert f"{file}:{line}: {message}" in folder.problems()


def test_personal_data_is_not_landed_in_clear_because_pii_was_left_empty(folder: Folder) -> None:
    line = folder.replace(ORDERS, "pii: hash", "pii: ")
    assert folder.problems() == [f"{ORDERS}:{line}: `pii` has no value: set one or remove the key"]


def test_yes_no_on_off_and_times_of_the_day_are_texts(folder: Folder) -> None:
    folder.replace(TAGS, "values: [large, middle, small]", "values: [large, middle, small, yes, 10:30]")
    folder.replace(TAGS, "else: small", "else: yes")
    folder.replace(ORDERS, "between: [0, 20000]", "in_set: [1, on, 1.5]")
    settings = load(folder.path)
    assert settings.problems == []
    entry = settings.tags["size"].entry
    assert (entry.values, entry.else_) == (["large", "middle", "small", "yes", "10:30"], "yes")
    assert settings.sources["orders"].entry.checks[0].in_set == [1, "on", 1.5]


@pytest.mark.parametrize("word", ["false", "False", "no", "NO", "off", "Off", '"off"'])
def test_what_is_off_is_written_as_earlier_versions_read_it(folder: Folder, word: str) -> None:
    folder.replace(ORDERS, "checks:\n", f"compare: {word}\nchecks:\n")
    folder.replace(TAGS, "    status: draft\n", f"    status: draft\n    drift: {word}\n")
    folder.replace(TAGS, "交易: true", f"交易: {word}")
    folder.replace(ORDERS, "checks:\n", f"may_be_empty: {word}\nchecks:\n")
    folder.replace(TAGS, "expect: false", f"expect: {word}")
    settings = load(folder.path)
    assert settings.sources["orders"].entry.compare == "off"
    assert settings.tags["city"].entry.drift == "off"
    assert settings.tags["important"].entry.examples[1].expect is False
    assert not settings.exclusive and not settings.sources["orders"].entry.may_be_empty


@pytest.mark.parametrize("word", ["true", "TRUE", "yes", "Yes", "on", "ON"])
def test_what_is_on_is_written_as_earlier_versions_read_it(folder: Folder, word: str) -> None:
    folder.replace(TAGS, "交易: true", f"交易: {word}")
    folder.replace(ORDERS, "    between: [0, 20000]\n", f"    not_null: {word}\n")
    folder.replace(ORDERS, "checks:\n", f"may_be_empty: {word}\nchecks:\n")
    folder.replace(TAGS, "expect: true", f"expect: {word}")
    settings = load(folder.path)
    assert len(settings.exclusive) == 1 and settings.tags["important"].entry.examples[0].expect is True
    entry = settings.sources["orders"].entry
    assert entry.checks[0].not_null is True and entry.may_be_empty is True


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        (ORDERS, "checks:\n", "compare: on\nchecks:\n", "compare: must be `off` or a mapping with bounds"),
        (ORDERS, "checks:\n", "compare: 5\nchecks:\n", "compare: must be `off` or a mapping with bounds"),
        (
            ORDERS, "    between: [0, 20000]\n", "    not_null: no\n",
            "checks.0.not_null: must be `true`, or left out",
        ),
        (
            ORDERS, "    between: [0, 20000]\n", "    references: users\n",
            "checks.0.references: 'users' is not a column of another source, as source.column, such as "
            "users.customer",
        ),
        (
            ORDERS, "    between: [0, 20000]\n", "    references: [users, customer]\n",
            "checks.0.references: must be a column of another source, as source.column, such as "
            "users.customer",
        ),
        (
            ORDERS, "  - column: amount\n    between: [0, 20000]\n", "  - fresh_within: 2 hours\n",
            "checks.0.fresh_within: '2 hours' is not a duration such as 30m, 1h or 2d",
        ),
        (
            PROJECT_YML, "lake: lake\n", "lake: lake\nretention: {reports: 3 months}\n",
            "retention.reports: '3 months' is not a number of days such as 180d",
        ),
        (
            PROJECT_YML, "    - id: champions", "    - id: 1st",
            f"rfm.segments.0.id: '1st' is not {NAME}",
        ),
        (
            MEASURES, "    window: 180d", "    by: status\n    half_life: month\n    window: 180d",
            "orders_180d.half_life: 'month' is not a number of days such as 180d",
        ),
    ],
)  # fmt: skip
def test_a_value_of_another_form_is_reported_what_was_expected(
    folder: Folder, file: str, old: str, new: str, message: str
) -> None:
    folder.replace(file, old, new)
    assert message in [problem.split(": ", 1)[1] for problem in folder.problems()]


def test_the_address_of_a_spark_server_is_reported_by_an_example(folder: Folder) -> None:
    folder.write("spark/session.yml", "remote: http://spark:15002\n")
    assert folder.problems() == [
        "spark/session.yml:1: remote: 'http://spark:15002' is not `embedded` or the address of a Spark "
        "Connect server such as sc://spark:15002"
    ]


def test_a_truth_value_where_words_and_numbers_stand_is_refused(folder: Folder) -> None:
    """`values: [true]` would become 1."""
    word = "must be a text or a whole number or a number"
    values = folder.replace(TAGS, "values: [large, middle, small]", "values: [large, middle, small, true]")
    case = folder.replace(TAGS, "value: large", "value: false")
    other = folder.replace(TAGS, "else: small", "else: True")
    check = folder.replace(ORDERS, "between: [0, 20000]", "in_set: [1, false]")
    assert sorted(folder.problems()) == sorted(
        [
            f"{ORDERS}:{check}: checks.0.in_set.1: {word}",
            f"{TAGS}:{values}: size.values.3: {word}",
            f"{TAGS}:{case}: size.cases.0.value: {word}",
            f"{TAGS}:{other}: size.else: {word}",
        ]
    )


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("2026-02-30", "invalid value 2026-02-30: day is out of range for month"),
        ("!!bool maybe", "maybe is no value of the YAML tag tag:yaml.org,2002:bool"),
        ("!!timestamp soon", "soon is no value of the YAML tag tag:yaml.org,2002:timestamp"),
        ("!env SECRET", "unknown YAML tag !env"),
        ("!!python/name:os.system", "unknown YAML tag tag:yaml.org,2002:python/name:os.system"),
        ("{{ ds }}", "a key must be a single word: put text with brackets or braces in quotes"),
        ("{[a, b]: c}", "a key must be a single word: put text with brackets or braces in quotes"),
        ("&again [*again]", "an alias refers to a value that contains it"),
        ("\x07", "invalid YAML: the character U+0007 is not allowed"),
    ],
)
def test_what_yaml_cannot_make_a_value_of_is_a_problem_on_its_line(
    folder: Folder, value: str, message: str
) -> None:
    line = folder.replace(TAGS, "expect: true", f"expect: {value}")
    assert f"{TAGS}:{line}: {message}" in folder.problems()


def test_brackets_without_end_are_a_problem(folder: Folder) -> None:
    folder.write(TAGS, "tags: " + "[" * 100_000)
    assert folder.problems() == [f"{TAGS}:1: is nested too deeply"]


def test_an_alias_that_names_something_else_is_read(folder: Folder) -> None:
    folder.replace(TAGS, "path: [基础属性, 客户价值, 交易]", "path: &place [基础属性, 客户价值, 交易]")
    folder.replace(TAGS, "    kind: rfm\n", "    kind: rfm\n    # the same place\n")
    text = folder.read(TAGS)
    at = text.rindex("path: [消费属性, 客户价值, 交易]")
    folder.write(TAGS, text[:at] + "path: *place" + text[at + len("path: [消费属性, 客户价值, 交易]") :])
    assert folder.project().tags["segment"].path == ("基础属性", "客户价值", "交易")


# ---- files ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["sources/shop.yaml", "tag/vip.yml", "sources/shop/orders.yml", "tags.yml"])
def test_a_file_that_nothing_reads_is_reported(folder: Folder, name: str) -> None:
    folder.write(name, "tags: {}\n")
    (problem,) = folder.problems()
    assert problem.startswith(f"{name}: is not read; configuration files are project.yml, ")


def test_hidden_files_and_other_kinds_of_files_are_left_alone(folder: Folder) -> None:
    for name in ("sources/.orders.yml", ".git/x.yml", "README.md", "tags/tags.yml.bak"):
        folder.write(name, "nothing: [")
    assert folder.project().sources


def test_missing_and_empty_files_are_reported(folder: Folder) -> None:
    (folder.path / CONNECTIONS).unlink()
    folder.write(TAGS, "# nothing yet\n")
    folder.write(USERS, "~\n")
    connections, users, tags = folder.problems()
    assert connections.startswith(f"{CONNECTIONS}:1: cannot be read: ")
    assert users == f"{USERS}:1: is empty"
    assert tags == f"{TAGS}:1: is empty"


def test_a_file_that_is_not_utf8_is_reported(folder: Folder) -> None:
    (folder.path / TAGS).write_bytes("tags: {重要: 1}".encode("gbk"))
    (problem,) = folder.problems()
    assert problem.startswith(f"{TAGS}:1: cannot be read: ")


@pytest.mark.parametrize("text", ["- a\n- b\n", "orders\n", "12\n"])
def test_a_file_that_is_no_mapping_is_one_problem(folder: Folder, text: str) -> None:
    for file in (ORDERS, MEASURES, TAGS):
        folder.write(file, text)
    assert folder.problems() == [
        f"{MEASURES}:1: must be a mapping with measures",
        f"{ORDERS}:1: must be a mapping",
        f"{TAGS}:1: must be a mapping with exclusive, levels, parameters, tags",
    ]


def test_a_folder_that_is_not_there() -> None:
    with pytest.raises(ConfigError, match="nowhere: folder does not exist") as caught:
        load_project(Path("nowhere"))
    assert caught.value.exit_code == 2
    assert "--configs" in caught.value.next_step


def test_a_folder_without_sources(folder: Folder) -> None:
    for file in (ORDERS, USERS, MEASURES, TAGS):
        (folder.path / file).unlink()
    folder.write(
        PROJECT_YML, "project: small\ntimezone: UTC\ncurrency: CNY\nstate: .usertags/small\nlake: lake\n"
    )
    assert folder.problems() == [f"{PROJECT_YML}:1: no sources/*.yml found in the folder"]


# ---- all at once ----------------------------------------------------------------------------


def test_every_problem_of_every_file_is_reported_at_once(folder: Folder) -> None:
    """From the letters of YAML to the meaning of a rule, and with a project.yml that cannot be used."""
    mistakes = [
        (PROJECT_YML, "currency: CNY", "curency: CNY"),
        (CONNECTIONS, "kind: files", "kind: file"),
        (ORDERS, 'lower(status)"', 'lowr(status)"'),
        (ORDERS, "negative: amount < 0", "negative: amount < 'none'"),
        (USERS, "key: [customer]", "key: [custmer]"),
        (MEASURES, "window: 180d\n", "window: half a year\n"),
        (TAGS, "status: draft", "status: drafted"),
        (TAGS, "when: paid_365d between 100 and 999.99", "when: users.cit = 'x'"),
    ]
    for file, old, new in mistakes:
        folder.replace(file, old, new)
    folder.write("measures/more.yml", "measures: [\n")
    with pytest.raises(ConfigError) as caught:
        folder.project()
    found = [(str(Path(each.file).relative_to(folder.path)), each.line) for each in caught.value.problems]
    expected = {(file, folder.line(file, new)) for file, _, new in mistakes}
    # users could not be built, so that what reads users.cit cannot be judged yet.
    expected -= {(TAGS, folder.line(TAGS, "users.cit ="))}
    assert sorted(expected | {("measures/more.yml", 2)}) == found


def test_problems_are_sorted_and_each_stands_once(folder: Folder) -> None:
    problems = [
        ConfigProblem("b.yml", 2, "two", "x"),
        ConfigProblem("b.yml", 10, "ten"),
        ConfigProblem("a.yml", 3, "same"),
        ConfigProblem("b.yml", 2, "two"),
        ConfigProblem("a.yml", 3, "same"),
    ]
    error = ConfigError(problems)
    assert [str(each) for each in error.problems] == [
        "a.yml:3: same",
        "b.yml:2: two",
        "b.yml:2: two (did you mean x?)",
        "b.yml:10: ten",
    ]
    assert str(error).startswith("4 problems in the configuration:\na.yml:3: same\n")
    assert "Still safe: nothing was read or written" in str(error)


def test_reading_is_no_use_of_what_could_not_be_read(folder: Folder) -> None:
    folder.replace(ORDERS, "kind: events", "kind: event")
    settings = load(folder.path)
    assert len(settings.problems) == 1
    assert "orders" not in settings.sources
    assert settings.broken.has("sources", "orders")
    assert not settings.broken.has("measures", "orders")


# ---- nothing that is written can crash the loader, or pass in silence ------------------------


def _spoiled(data: Any) -> Iterator[Any]:
    """The data with each value, one at a time, replaced by something that fits no place."""
    for path in _paths(data):
        for value in ({5: 6}, "1=1"):
            changed = copy.deepcopy(data)
            inside = changed
            for step in path[:-1]:
                inside = inside[step]
            inside[path[-1]] = value
            yield changed


def _paths(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        yield (*path, key)
        yield from _paths(value, (*path, key))


@pytest.mark.parametrize("file", [PROJECT_YML, CONNECTIONS, USERS, MEASURES])
def test_no_value_anywhere_crashes_the_loader(folder: Folder, file: str) -> None:
    """Every value, one at a time, gives way to one that fits no place."""
    data = yaml.safe_load(folder.read(file))
    for changed in _spoiled(data):
        folder.write(file, yaml.safe_dump(changed, allow_unicode=True, sort_keys=False))
        try:
            folder.project()
        except ConfigError as error:
            shown = [str(problem) for problem in error.problems]
            assert all(text.count("did you mean") <= 1 for text in shown)


# ---- secrets and addresses from the environment ----------------------------------------------


def test_an_unset_variable_is_no_problem_until_its_connection_is_used(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SHOP_URL", "LANDING_DIR"):
        monkeypatch.delenv(name, raising=False)
    project = folder.project()
    monkeypatch.setenv("SHOP_URL", "postgresql+psycopg://127.0.0.1/shop")
    assert from_environment("${SHOP_URL}?a=b", project) == "postgresql+psycopg://127.0.0.1/shop?a=b"
    with pytest.raises(ConfigError) as caught:
        files_root("landing", project)
    line = folder.line(CONNECTIONS, "${LANDING_DIR}")
    assert [str(each) for each in caught.value.problems] == [
        f"{folder.path}/{CONNECTIONS}:{line}: ${{LANDING_DIR}} is not set"
    ]
    assert caught.value.next_step == "set it: export LANDING_DIR=…"
    assert caught.value.exit_code == 2


def test_every_unset_variable_of_a_connection_is_named(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SHOP_USER", "SHOP_PASSWORD", "SHOP_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SHOP_HOST", "db.example")
    url = "postgresql+psycopg://${SHOP_USER}:${SHOP_PASSWORD}@${SHOP_HOST}/shop"
    folder.replace(CONNECTIONS, "${SHOP_URL}", url)
    with pytest.raises(ConfigError) as caught:
        from_environment(url, folder.project())
    assert [each.message for each in caught.value.problems] == [
        "${SHOP_PASSWORD} is not set",
        "${SHOP_USER} is not set",
    ]
    assert "db.example" not in str(caught.value)
