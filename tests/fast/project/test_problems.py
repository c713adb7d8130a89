"""What a configuration means: rules, names and kinds that do not fit together, each on its line."""

from pathlib import Path

import pytest

from tests.support.folders import CONNECTIONS, MEASURES, ORDERS, PROJECT_YML, TAGS, USERS, Folder
from tests.support.places import ROOT
from usertags.project.build import load_project

WHEN = "orders_180d >= vip_orders or users.gender = 'f'"
CITY = "value: users.city"
STATUS = 'status: {expr: "lower(status)", type: string}'


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder.small(tmp_path)


def one_problem(folder: Folder, file: str, old: str, new: str, message: str) -> None:
    """The mistake is one problem, on the line where it was made."""
    line = folder.replace(file, old, new)
    assert folder.problems() == [f"{file}:{line}: {message}"]


# ---- rules: what peers turn into 1=1, or let through -------------------------------------------


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("paid_365d >= ", "the expression cannot be parsed: something is missing after `paid_365d >=`"),
        (
            "paid_365d >= (1",
            "the expression cannot be parsed: a closing bracket is missing, or an operator or"
            " comma before it near `paid_365d >= (1`",
        ),
        ("大于 3 单", "the expression cannot be parsed: unexpected text near `大于 3`"),
        (
            "orders_180d > 1; drop table users",
            "only one expression is allowed: remove `;`, near `orders_180d > 1; drop table us`",
        ),
        ("(select 1) = 1", "a query is not allowed: an expression reads the columns of one row"),
        ("orders_180d", "a condition must be true or false, but it is number: orders_180d"),
        ("1 = 1", "is the same for every user: it reads no measure or column"),
        ("true", "is the same for every user: it reads no measure or column"),
        (
            "paid_365d between 20000 and 19999",
            "paid_365d BETWEEN 20000 AND 19999 never matches: the lower bound"
            " comes first (did you mean between 19999 and 20000?)",
        ),
        ("orders_180d > 5 and orders_180d < 3", "this is never true: orders_180d > 5 and orders_180d < 3"),
        (
            "last_order_at >= current_date()",
            "current_date() reads the wall clock, so a rerun would differ; take"
            " the date from a column (did you mean data_day?)",
        ),
        (
            "orders_180d > rand() * 10",
            "rand() is random or depends on how Spark splits the work, so a rerun would differ",
        ),
        (
            "last_status > 3",
            "cannot compare last_status (text) with 3 (number): write cast(last_status as int)",
        ),
        ("orders_180d = 'three'", "cannot compare orders_180d (number) with 'three' (text)"),
        ("orders_18d >= 3", "unknown name: orders_18d (did you mean orders_180d?)"),
        ("users.gendr = 'f'", "unknown name: users.gendr (did you mean users.gender?)"),
        ("orders_180d >= vip_order", "unknown name: vip_order (did you mean vip_orders?)"),
        ("lowr(users.city) = 'x'", "the function lowr() is not allowed (did you mean lower?)"),
    ],
)
def test_a_rule_that_cannot_be_right_is_refused(folder: Folder, rule: str, message: str) -> None:
    one_problem(folder, TAGS, f"when: {WHEN}", f'when: "{rule}"', message)


def test_a_rule_that_cannot_be_read_makes_no_tag(folder: Folder) -> None:
    """Not one that is true of everyone either: there is no project at all."""
    folder.replace(TAGS, WHEN, "orders_180d >=")
    assert len(folder.problems()) == 1


def test_events_are_no_input_of_a_rule(folder: Folder) -> None:
    line = folder.replace(TAGS, WHEN, "orders.amount > 3")
    (problem,) = folder.problems()
    assert problem.startswith(f"{TAGS}:{line}: unknown name: orders.amount; available: data_day, ")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("- value: large", "- value: huge", "'huge' is not listed in `values`"),
        ("else: small", "else: tiny", "'tiny' is not listed in `values`"),
        (
            "when: paid_365d >= 1000",
            "when: paid_365 >= 1000",
            "unknown name: paid_365 (did you mean paid_365d?)",
        ),
        (
            "given: {paid_365d: 1000}",
            "given: {paid_36d: 1000}",
            "the example gives 'paid_36d', which is not an input of any rule (did you mean paid_365d?)",
        ),
        (
            "given: {paid_365d: 1000}",
            "given: {paid_365d: much}",
            "the example gives paid_365d something that is not of type decimal(38,2)",
        ),
        (
            "users.gender: m}",
            "users.gender: true}",
            "the example gives users.gender something that is not of type string",
        ),
        ("expect: large", "expect: huge", "'huge' is not listed in `values`"),
        ("expect: true", "expect: yess", "a rule's example expects true or false"),
        (
            CITY,
            "value: orders_180d\n    type: date",
            "the value is of type number and cannot be read as date",
        ),
        (
            CITY,
            "value: orders_180d\n    type: decimal(3,5)",
            "decimal(3,5) has more digits than a decimal can have",
        ),
        (CITY, "value: \"'上海'\"", "is the same for every user: it reads no measure or column"),
        ("  基础属性: basic\n", "", "level '基础属性' has no English id in `levels`: add it"),
        (
            "交易: true",
            "成交: true",
            "`exclusive` names an unknown path: '消费属性/客户价值/成交' (did you mean"
            " 消费属性/客户价值/交易?)",
        ),
        (
            "kind: rfm\n    value: segment",
            "kind: rfm\n    value: sgment",
            "unknown name: sgment (did you mean segment?)",
        ),
    ],
)
def test_what_a_tag_says_fits_together(folder: Folder, old: str, new: str, message: str) -> None:
    line = folder.replace(TAGS, old, new, new.splitlines()[-1] if new else "")
    if message.startswith("level"):
        line = folder.line(TAGS, "path: [基础属性")
    assert folder.problems() == [f"{TAGS}:{line}: {message}"]


def test_cases_without_a_case_are_refused(folder: Folder) -> None:
    line = folder.replace(
        TAGS,
        "    cases:\n      - value: large\n        when: paid_365d >= 1000\n"
        "      - value: middle\n        when: paid_365d between 100 and 999.99\n",
        "    cases: []\n",
    )
    assert folder.problems() == [f"{TAGS}:{line}: is the same for every user: it reads no measure or column"]


def test_two_tags_with_one_name(folder: Folder) -> None:
    folder.replace(TAGS, "name: 城市", "name: 分群")
    first, second = (
        folder.line(TAGS, "name: 分群\n    title: City"),
        folder.line(TAGS, "name: 分群\n    title: S"),
    )
    message = "duplicate tag name '分群'"
    assert folder.problems() == [f"{TAGS}:{first}: {message}", f"{TAGS}:{second}: {message}"]


@pytest.mark.parametrize("name", ["user_id", "dt", "run_id"])
def test_a_tag_is_not_called_like_a_column_of_every_user(folder: Folder, name: str) -> None:
    one_problem(
        folder, TAGS, "  city:\n", f"  {name}:\n", f"{name!r} is a reserved column name: choose another name"
    )


# ---- sources ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("connection: shop", "connection: shp", "unknown connection 'shp' (did you mean shop?)"),
        ("connection: shop", "connection: landing", "connection 'landing' is of kind files, not sql"),
        (
            "key: [order_id, line_no]",
            "key: [order_id, lineno]",
            "`key` must name a declared column, not 'lineno' (did you mean line_no?)",
        ),
        ("key: [order_id, line_no]", "key: []", "`key` must name at least one column"),
        (
            "version: updated_at",
            "version: update_at",
            "`version` must name a declared column, not 'update_at' (did you mean updated_at?)",
        ),
        (
            "{customer: customer}",
            "{customer: custmer}",
            "`user` must name a declared column, not 'custmer' (did you mean customer?)",
        ),
        ("{customer: customer}", "{customer: note}", "column 'note' is dropped and cannot be used here"),
        (
            "time: ordered_at",
            "time: order_at",
            "`time` must name a declared column, not 'order_at' (did you mean ordered_at?)",
        ),
        ("time: ordered_at", "time: status", "`time` must be a timestamp or date, not string"),
        (
            "timezone: Asia/Shanghai",
            "timezone: Asia/Shangai",
            "'Asia/Shangai' is not a time zone (did you mean Asia/Shanghai?)",
        ),
        (
            "timezone: Asia/Shanghai",
            "timezone: Asia/Shanghai, format: yyyy-mm-dd",
            "the format 'yyyy-mm-dd' has m (minutes) in place of M (month) (did you mean MM?)",
        ),
        (
            "timezone: Asia/Shanghai",
            "timezone: Asia/Shanghai, format: dd/MM/yy",
            "the format 'dd/MM/yy' has two-digit years: `two_digit_years_from` must say the first of the "
            "hundred years that they stand for (1930: 1930 to 2029)",
        ),
        (
            "type: decimal(12,2)\n",
            "type: decimal(40,2)\n",
            "decimal(40,2) is not a valid decimal: precision up to 38, scale up to the precision",
        ),
        (
            "cast(quantity as int) *",
            "cast(quantity as integr) *",
            "the expression cannot be parsed: no such type near `cast(quantity as integr`",
        ),
        ("negative: amount < 0", "negative: amout < 0", "unknown name: amout (did you mean amount?)"),
        ("negative: amount < 0", "negative: note is null", "unknown name: note"),
        ("negative: amount < 0", "negative: 1 = 1", "is constant: it reads no column"),
        (
            "negative: amount < 0",
            "negative: ordered_at > now()",
            "now() reads the wall clock, so a rerun would differ; take the date from a column",
        ),
        (
            'remark: {expr: "trim(remark)", type: string}',
            'remark: {expr: "TRY_CAST (remark as int)", type: int}',
            "a `try_` function makes null of what it cannot read: add `null_when`, the condition under which "
            "null is right, or a `reject` rule with `remark is null`",
        ),
        (
            "cast(quantity as int) *",
            "try_cast(quantity as int) *",
            "a `try_` function makes null of what it cannot read: add `null_when`, the condition under which "
            "null is right, or a `reject` rule with `amount is null`",
        ),
        (
            'remark: {expr: "trim(remark)", type: string}',
            'remark: {expr: "trim(remark)", type: string, null_when: "trim(remark)"}',
            "a condition must be true or false, but it is text: trim(remark)",
        ),
        (
            'remark: {expr: "trim(remark)", type: string}',
            "remark: {from: remark, type: string, null_when: \"remark = '-'\"}",
            "columns.remark: `null_when` is only allowed with `expr`",
        ),
        (
            "cast(quantity as int) *",
            "number(quantity, 'deutsch') *",
            "number() needs the way in which the numbers are written, one of en, zh, de, fr, ch, in, "
            "not 'deutsch'",
        ),
        ("  cursor: updated_at\n  lookback: 1h", "  lookback: 1h", "a `lookback` requires a `cursor`"),
        (
            "time: ordered_at\n",
            "order_by: [lin_no]\ntime: ordered_at\n",
            "`order_by` must name a declared column, not 'lin_no' (did you mean line_no?)",
        ),
        (
            "time: ordered_at\n",
            "order_by: [note]\ntime: ordered_at\n",
            "column 'note' is dropped and cannot be used here",
        ),
        (
            "remark: {expr",
            "event_day: {expr",
            "'event_day' is a reserved column name of events: choose another name",
        ),
        (
            "from: line_no",
            "from: batch",
            "'batch' is a reserved column name of raw tables: rename the column in the source",
        ),
        (
            "from: line_no",
            "from: 'line_${no}'",
            "the name line_${no} holds ${, which Spark would replace with one of its settings",
        ),
    ],
)
def test_what_a_source_says_fits_together(folder: Folder, old: str, new: str, message: str) -> None:
    line = folder.replace(ORDERS, old, new)
    (problem,) = folder.problems()
    assert problem.startswith(f"{ORDERS}:{line}: {message}")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            'remark: {expr: "trim(remark)", type: string}',
            'remark: {expr: "try_cast(remark as int)", type: int, null_when: "remark = \'-\'"}',
        ),
        ("cast(quantity as int) *", "try_cast(quantity as int) *"),
        ('"trim(remark)"', "\"replace(remark, 'try_cast(', '')\""),
        ("cast(quantity as int) *", "number(quantity, 'de') *"),
    ],
    ids=["null_when", "reject", "a text", "number"],
)
def test_null_of_a_try_function_is_expected_somewhere(folder: Folder, old: str, new: str) -> None:
    folder.replace(ORDERS, "negative: amount < 0", "negative: amount < 0 or amount is null")
    folder.replace(ORDERS, old, new)
    assert folder.project().sources["orders"]


@pytest.mark.parametrize(
    ("new", "at", "message"),
    [
        (
            "  - column: amout\n    not_null: true",
            "- column",
            "`checks` must name a declared column, not 'amout' (did you mean amount?)",
        ),
        (
            "  - column: note\n    not_null: true",
            "- column",
            "column 'note' is dropped and cannot be used here",
        ),
        (
            "  - column: amount\n    between: [20000, 0]",
            "between",
            "`between` is empty: the lower bound must come first",
        ),
        ("  - column: amount\n    between: [null, null]", "between", "`between` needs at least one bound"),
        (
            "  - column: status\n    between: [0, 1]",
            "between",
            "`between` needs a numeric column, but status is of type string",
        ),
        (
            "  - column: ordered_at\n    between: [0, 1]",
            "between",
            "`between` needs a numeric column, but ordered_at is of type timestamp",
        ),
        (
            "  - column: amount\n    matches: '^1'",
            "matches",
            "`matches` needs a column of type string, but amount is of type decimal(12,2)",
        ),
        (
            "  - column: status\n    matches: '['",
            "matches",
            "`matches` is not a valid regular expression: unterminated character set at position 0",
        ),
        ("  - rows: {min: 10, max: 5}", "rows", "`rows` is empty: the lower bound must come first"),
        ("  - rows: {}", "rows", "`rows` needs at least one bound"),
    ],
)
def test_a_check_that_nothing_could_meet_is_refused(folder: Folder, new: str, at: str, message: str) -> None:
    line = folder.replace(ORDERS, "  - column: amount\n    between: [0, 20000]", new, at)
    assert folder.problems() == [f"{ORDERS}:{line}: {message}"]


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ('  extra: {expr: "upper(Phone)", type: string}', "'Phone' is personal data of column 'phone'"),
        ('  extra: {expr: "upper(PHONE)", type: string}', "'PHONE' is personal data of column 'phone'"),
        ("  extra: {from: phone, type: string}", "'phone' is personal data of column 'phone'"),
        ("  extra: {from: Note, type: string}", "'Note' is personal data of column 'note'"),
    ],
)
def test_personal_data_is_read_by_its_own_column_only(folder: Folder, column: str, message: str) -> None:
    line = folder.replace(ORDERS, "  ordered_at:", f"{column}\n  ordered_at:")
    assert folder.problems() == [f"{ORDERS}:{line}: {message} and cannot be read here"]


def test_personal_data_is_read_by_one_pii_column(folder: Folder) -> None:
    folder.replace(ORDERS, "  note: {from: Note,", "  note: {from: Phone,")
    (problem,) = folder.problems()
    assert "'Phone' is personal data of column 'note' and cannot be read here" in problem


def test_personal_data_is_no_cursor(folder: Folder) -> None:
    one_problem(
        folder,
        ORDERS,
        "cursor: updated_at",
        "cursor: Phone",
        "cursor 'Phone' is personal data of column 'phone'",
    )


# ---- measures --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("    source: orders\n", "    source: order\n", "unknown source 'order' (did you mean orders?)"),
        (
            "    source: orders\n",
            "    source: users\n",
            "users is a profile: use its columns directly, as users.column",
        ),
        (
            "value: count(distinct order_id)\n",
            "value: count(distinct orderid)\n",
            "unknown name: orderid (did you mean order_id?)",
        ),
        ("value: count(distinct order_id)\n", "value: count(distinct note)\n", "unknown name: note"),
        (
            "value: count(distinct order_id)\n",
            "value: sum(status)\n",
            "sum() needs a number, but status (text) is not; write cast(status as decimal(18,3))",
        ),
        (
            "    distinct_within: day\n",
            "",
            "a distinct count needs `distinct_within`: `day` if a value"
            " never occurs on another day (the clean stage checks it)",
        ),
        (
            'value: "sum(amount)"',
            'value: "sum(amount)", distinct_within: day',
            "`distinct_within` requires count(distinct …)",
        ),
        (
            "where: status in ('paid', 'done')",
            "where: statu in ('paid')",
            "unknown name: statu (did you mean status?)",
        ),
        (
            "where: status in ('paid', 'done')",
            "where: status = 3",
            "cannot compare status (text) with 3 (number): write cast(status as int)",
        ),
        (
            "where: status in ('paid', 'done')",
            "where: 1 = 1",
            "is constant: it reads no column",
        ),
    ],
)
def test_what_a_measure_says_fits_together(folder: Folder, old: str, new: str, message: str) -> None:
    line = folder.replace(MEASURES, old, new)
    if not new:
        line = folder.line(MEASURES, "    value: count(distinct order_id)")
    (problem,) = folder.problems()
    assert problem.startswith(f"{MEASURES}:{line}: {message}")


@pytest.mark.parametrize("name", ["user_id", "data_day", "frequency", "segment"])
def test_a_measure_is_not_called_like_a_column_of_every_user(folder: Folder, name: str) -> None:
    """It would stand beside that column, or take its place."""
    message = f"{name!r} is a reserved column name: choose another name"
    one_problem(folder, MEASURES, "  last_status:", f"  {name}:", message)


def test_a_measure_is_not_called_like_a_profile_column_in_tables(folder: Folder) -> None:
    message = "'users__city' is the column name of users.city in tables: choose another name"
    one_problem(folder, MEASURES, "  last_status:", "  users__city:", message)


# ---- project and connections -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        (
            PROJECT_YML,
            "Asia/Shanghai",
            "Asia/Shangai",
            "'Asia/Shangai' is not a time zone (did you mean Asia/Shanghai?)",
        ),
        (PROJECT_YML, "lake: lake", "lake: lak", "unknown connection 'lak' (did you mean lake?)"),
        (PROJECT_YML, "lake: lake", "lake: shop", "connection 'shop' is of kind sql, not lake"),
        (
            PROJECT_YML,
            "ever: orders_lifetime",
            "ever: orders",
            "unknown measure 'orders' (did you mean orders_365d?)",
        ),
        (
            PROJECT_YML,
            "ever: orders_lifetime",
            "ever: orders_365d",
            "`ever` counts orders of all time: no window",
        ),
        (
            PROJECT_YML,
            "recency: last_order_at",
            "recency: orders_365d",
            "`recency` is the time of the last order",
        ),
        (
            PROJECT_YML,
            "when: r_score = 5",
            "when: r_scor = 5",
            "unknown name: r_scor (did you mean r_score?)",
        ),
        (
            PROJECT_YML,
            "when: r_score = 5",
            "when: r_score = 'high'",
            "cannot compare r_score (number) with 'high' (text)",
        ),
    ],
)
def test_what_the_project_says_fits_together(
    folder: Folder, file: str, old: str, new: str, message: str
) -> None:
    one_problem(folder, file, old, new, message)


def test_rfm_is_over_one_window(folder: Folder) -> None:
    folder.replace(PROJECT_YML, "frequency: orders_365d", "frequency: orders_180d")
    line = folder.line(PROJECT_YML, "rfm:")
    assert folder.problems() == [
        f"{PROJECT_YML}:{line}: recency, frequency and monetary need the same window"
    ]


def test_a_segment_is_not_made_of_segments(folder: Folder) -> None:
    line = folder.replace(PROJECT_YML, "when: r_score = 5", "when: segment = 'x'")
    (problem,) = folder.problems()
    assert problem.startswith(f"{PROJECT_YML}:{line}: unknown name: segment; available: f_score, frequency, ")


def test_an_rfm_tag_needs_rfm(folder: Folder) -> None:
    text = folder.read(PROJECT_YML)
    folder.write(PROJECT_YML, text[: text.index("rfm:")])
    line = folder.line(TAGS, "kind: rfm")
    assert folder.problems() == [f"{TAGS}:{line}: an rfm tag needs `rfm` in project.yml"]


def test_the_store_of_files_is_a_lake(folder: Folder) -> None:
    line = folder.replace(CONNECTIONS, "kind: files", "kind: files\n    store: lak", "store")
    assert folder.problems() == [
        f"{CONNECTIONS}:{line}: `store` must name a connection of kind lake, not 'lak' (did you mean lake?)"
    ]


# ---- one mistake is reported once ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        (CONNECTIONS, "kind: sql", "kind: sq"),
        (ORDERS, "kind: events", "kind: event"),
        (ORDERS, "source: orders", "sorce: orders"),
        (ORDERS, "lower(status)", "lowr(status)"),
        (ORDERS, "connection: shop", "connection: shp"),
        (ORDERS, "key: [order_id, line_no]", "key: [order_id"),
        (USERS, "key: [customer]", "key: [custmer]"),
        (USERS, "kind: profile", "kind: profil"),
        (USERS, '"lower(trim(gender))"', '"lower(trim(gender)"'),
        (MEASURES, "value: count(distinct order_id)\n", "value: count(distinct orderid)\n"),
        (MEASURES, "window: 180d\n", "window: 180\n"),
        (MEASURES, "measures:", "measure:"),
        (MEASURES, '"last(status)"', '"last(status)'),
        (TAGS, "parameters:", "parameter:"),
    ],
)
def test_what_uses_a_broken_entry_is_not_reported_as_well(
    folder: Folder, file: str, old: str, new: str
) -> None:
    """A source, measure or connection that cannot be used takes its measures, RFM, tags and examples with it
    in silence: its own line is the one to mend."""
    line = folder.replace(file, old, new)
    (problem,) = folder.problems()
    if ": invalid YAML: " not in problem:
        assert problem.startswith(f"{file}:{line}: ")


def test_other_mistakes_in_what_uses_a_broken_entry_are_still_reported(folder: Folder) -> None:
    source = folder.replace(ORDERS, "lower(status)", "lowr(status)")
    typing = folder.replace(TAGS, WHEN, "orders_18d >= 3")
    example = folder.replace(TAGS, "given: {paid_365d: 1000}", "given: {pay_365d: 1000}")
    case = folder.replace(TAGS, "- value: middle", "- value: medium")
    assert [problem.split(": ")[0] for problem in folder.problems()] == [
        f"{ORDERS}:{source}",
        f"{TAGS}:{typing}",
        f"{TAGS}:{case}",
        f"{TAGS}:{example}",
    ]


def test_every_suggestion_is_shown_once(folder: Folder) -> None:
    for file, old, new in [
        (PROJECT_YML, "Asia/Shanghai", "Asia/Shangai"),
        (PROJECT_YML, "when: r_score = 5", "when: r_scor = 5"),
        (CONNECTIONS, "kind: files", "kind: file"),
        (ORDERS, "amount < 0", "amout < 0"),
        (USERS, "trim(city)", "trm(city)"),
        (TAGS, WHEN, "orders_18d >= 3"),
        (TAGS, "when: paid_365d between 100 and 999.99", "when: paid_365d between 999 and 100"),
    ]:
        folder.replace(file, old, new)
    problems = folder.problems()
    assert [problem.count("did you mean") for problem in problems] == [1] * 5 + [0] * (len(problems) - 5)


@pytest.mark.parametrize("configs", ["configs", "examples/online_retail", "examples/rfm_orders"])
def test_what_ships_has_no_problem(configs: str) -> None:
    project = load_project(ROOT / configs)
    assert project.tags
    for tag in project.tags.values():
        assert tag.inputs, f"{tag.id} reads nothing"
        assert tag.examples, f"{tag.id} has no example"


# ---- amounts -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "rest"),
    [
        ("count(*)", "window: 30d"),
        ("count(amount)", ""),
        ("max(ordered_at)", ""),
        ("last(status)", ""),
        ("gap_mean(event_day)", "window: 30d"),
        ("count(*)", "by: status"),
    ],
)
def test_what_is_no_amount_has_no_currency(folder: Folder, value: str, rest: str) -> None:
    entry = ", ".join(
        part for part in ("source: orders", f'value: "{value}"', rest, "unit: currency") if part
    )
    folder.write("measures/more.yml", f"measures:\n  m: {{{entry}}}\n")
    assert folder.problems() == [
        f"measures/more.yml:2: `unit: currency` is of an amount, and {value} is none"
    ]


@pytest.mark.parametrize(
    "entry",
    [
        'value: "avg(amount)", window: 30d',
        'value: "max(amount)"',
        'value: "last(amount)"',
        'value: "sum(amount)", by: status',
    ],
)
def test_what_is_made_of_amounts_is_one(folder: Folder, entry: str) -> None:
    folder.write("measures/more.yml", f"measures:\n  m: {{source: orders, {entry}, unit: currency}}\n")
    assert folder.project().measures["m"].unit == "currency"


def test_there_is_one_unit(folder: Folder) -> None:
    line = folder.replace(MEASURES, "    window: 180d\n", "    window: 180d\n    unit: currencies\n", "unit")
    assert folder.problems() == [
        f"{MEASURES}:{line}: orders_180d.unit: must be 'currency' (did you mean currency?)"
    ]
