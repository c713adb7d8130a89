"""definition_version names what a tag means: it changes with the meaning, and with nothing else."""

from pathlib import Path

import pytest

from tests.support.folders import MEASURES, ORDERS, PROJECT_YML, SMALL, TAGS, USERS, Folder
from usertags.project.build import load_project
from usertags.project.versions import version_of

ORDERS_TAGS = {"important", "size", "segment"}
"""The tags that read measures of the source of orders; `important` reads the profile too, `city` it alone."""


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder.small(tmp_path)


def changed(folder: Folder) -> set[str]:
    """The tags whose definition_version is another than in tests/configs/small."""
    before, now = load_project(SMALL), folder.project()
    different = {
        name
        for name, tag in now.tags.items()
        if tag.definition_version != before.tags[name].definition_version
    }
    assert (now.version != before.version) or not different, "the project's version covers its tags"
    return different


@pytest.mark.parametrize(
    ("file", "old", "new", "tags"),
    [
        (TAGS, "orders_180d >= vip_orders or", "orders_180d > vip_orders or", {"important"}),
        (TAGS, "users.gender = 'f'", "users.gender = 'm'", {"important"}),
        (TAGS, "vip_orders: 3", "vip_orders: 4", {"important"}),
        (TAGS, "paid_365d >= 1000", "paid_365d >= 1001", {"size"}),
        (TAGS, "      - value: large\n", "      - value: middle\n", {"size"}),
        (TAGS, "else: small", "else: middle", {"size"}),
        (TAGS, "validity: 30d", "validity: 60d", {"size"}),
        (TAGS, "value: users.city", "value: lower(users.city)", {"city"}),
        (MEASURES, "where: status in ('paid', 'done')", "where: status = 'paid'", {"important"}),
        (MEASURES, "window: 180d", "window: 90d", {"important"}),
        (MEASURES, "window: 180d", "window: 180d\n    offset: 30d", {"important"}),
        (
            MEASURES,
            'value: "sum(amount)", where: "status = \'paid\'"',
            'value: "sum(amount)"',
            {"size", "segment"},
        ),
        (ORDERS, 'expr: "lower(status)"', 'expr: "lower(trim(status))"', {"important", "size", "segment"}),
        (ORDERS, "as decimal(12,2))", "as decimal(14,2))", ORDERS_TAGS),
        (ORDERS, "type: timestamp, timezone: Asia/Shanghai", "type: timestamp, timezone: UTC", ORDERS_TAGS),
        (USERS, 'expr: "trim(city)"', 'expr: "upper(city)"', {"city"}),
        (USERS, '"lower(trim(gender))"', '"lower(gender)"', {"important"}),
    ],
)
def test_a_change_of_meaning_is_another_version(
    folder: Folder, file: str, old: str, new: str, tags: set[str]
) -> None:
    folder.replace(file, old, new)
    assert changed(folder) == tags


@pytest.mark.parametrize(
    ("file", "old", "new", "tags"),
    [
        (ORDERS, "nullif(trim(user_id), '')", "nullif(user_id, '')", ORDERS_TAGS),
        (ORDERS, "user: {customer:", "user: {member:", ORDERS_TAGS),
        (ORDERS, "user: {customer: customer}", "user: {customer: phone}", ORDERS_TAGS),
        (ORDERS, "key: [order_id, line_no]", "key: [order_id]", ORDERS_TAGS),
        (ORDERS, "version: updated_at\n", "", ORDERS_TAGS),
        (ORDERS, "time: ordered_at", "time: updated_at", ORDERS_TAGS),
        (ORDERS, "negative: amount < 0", "negative: amount <= 0", ORDERS_TAGS),
        (ORDERS, "from: line_no", "from: line_number", ORDERS_TAGS),
        (USERS, "from: user_no", "from: user_id", {"important", "city"}),
        (PROJECT_YML, "timezone: Asia/Shanghai", "timezone: Asia/Tokyo", {*ORDERS_TAGS, "city"}),
    ],
)
def test_which_rows_are_kept_and_whose_they_are_is_part_of_the_meaning(
    folder: Folder, file: str, old: str, new: str, tags: set[str]
) -> None:
    folder.replace(file, old, new)
    assert changed(folder) == tags


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("scoring: quantile", "scoring: mean"),
        ("when: r_score = 5 and f_score = 5", "when: r_score = 5"),
        ("id: champions\n", "id: best\n"),
        ("monetary: paid_365d", "monetary: orders_365d"),
        ("scoring: quantile", "scoring: quantile\n  portraits: {recency: [30, 60]}"),
        ("scoring: quantile", "scoring: quantile\n  unit: {monetary: 0.01}"),
    ],
)
def test_a_change_of_rfm_is_another_version_of_the_tags_that_read_it(
    folder: Folder, old: str, new: str
) -> None:
    folder.replace(PROJECT_YML, old, new)
    assert changed(folder) == {"segment"}


def test_a_unit_as_it_is_anyway_is_no_other_version(folder: Folder) -> None:
    folder.replace(PROJECT_YML, "scoring: quantile", "scoring: quantile\n  unit: {monetary: 1.0}")
    assert changed(folder) == set()


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        (
            TAGS,
            "when: orders_180d >= vip_orders or",
            "when: |-\n      (ORDERS_180D   >=vip_orders)\n      OR",
        ),
        (TAGS, "orders_180d >= vip_orders or", "orders_180d >= 3 or"),
        (TAGS, "description: 近半年内交易次数≥3", "description: other words"),
        (TAGS, "name: 重要客户", "name: 关键客户"),
        (TAGS, "title: Important customer", "title: Key customer"),
        (TAGS, "    owner: finance\n", "    owner: sales\n"),
        (TAGS, "status: draft", "status: active"),
        (TAGS, "        expect: true", "        expect: false"),
        (TAGS, "path: [基础属性, 客户价值, 交易]", "path: [消费属性, 客户价值, 交易]"),
        (MEASURES, "description: orders that were paid", "description: other words"),
        (MEASURES, "    description: orders that were paid\n", ""),
        (MEASURES, "    window: 180d\n", "    window: 180d\n    owner: finance\n"),
        (MEASURES, "where: status in ('paid', 'done')", "where: (STATUS in('paid','done'))"),
        (MEASURES, "value: count(distinct order_id)\n", "value: COUNT( DISTINCT order_id )\n"),
        (ORDERS, 'expr: "lower(status)"', 'expr: "LOWER( status )"'),
        (ORDERS, 'expr: "trim(remark)"', 'expr: "upper(remark)"'),
        (ORDERS, '  remark: {expr: "trim(remark)", type: string}\n', ""),
        (ORDERS, "missing_user: customer is null", "missing_user: customer  IS  NULL"),
        (ORDERS, "between: [0, 20000]", "between: [0, 30000]"),
        (ORDERS, "table: order_lines", "table: order_lines_copy"),
        (USERS, "birth_date: {from: birth_date", "birth_date: {from: birthday"),
        (PROJECT_YML, "name: Champions", "name: The best"),
        (PROJECT_YML, "when: r_score = 5 and f_score = 5", "when: (r_score=5)  AND f_score = 5"),
        (PROJECT_YML, "currency: CNY", "currency: EUR"),
        (PROJECT_YML, "state: .usertags/small", "state: .usertags/other"),
    ],
)
def test_words_spelling_and_what_is_not_used_change_no_version(
    folder: Folder, file: str, old: str, new: str
) -> None:
    folder.replace(file, old, new)
    assert changed(folder) == set()


def test_what_a_measure_says_to_people_rebuilds_no_roll_up(folder: Folder) -> None:
    """The partials, whose ids name the columns of roll-ups, stay, and so does the project's version."""
    folder.write("measures/share.yml", "measures:\n  share: {percentile_of: paid_365d}\n")
    before = folder.project()
    folder.write(
        "measures/share.yml",
        "measures:\n  share: {percentile_of: paid_365d, owner: finance, description: Among all}\n",
    )
    folder.replace(
        MEASURES,
        "where: \"status = 'paid'\", window: 365d}",
        "where: \"status = 'paid'\", window: 365d, unit: currency, owner: finance, description: Paid}",
    )
    now = folder.project()
    assert (now.measures["paid_365d"].owner, now.percentiles["share"].description) == ("finance", "Among all")
    assert now.version == before.version
    assert changed(folder) == set()
    assert {name: measure.partials for name, measure in now.measures.items()} == {
        name: measure.partials for name, measure in before.measures.items()
    }


def test_where_repeats_are_dropped_every_column_distinguishes_rows(folder: Folder) -> None:
    folder.replace(ORDERS, "key: [order_id, line_no]\nversion: updated_at\n", "repeats: drop\n")
    folder.replace(ORDERS, "  lookback: 1h\n", "")
    before = folder.project().tags["important"].definition_version
    folder.replace(ORDERS, 'expr: "trim(remark)"', 'expr: "upper(remark)"')
    assert folder.project().tags["important"].definition_version != before


def test_the_catalogue_version_covers_what_no_tag_reads_yet(folder: Folder) -> None:
    before = folder.project().version
    folder.replace(MEASURES, '"last(status)"', '"first(status)"')
    assert changed(folder) == set()
    assert folder.project().version != before


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        (TAGS, "  city:\n", "  town:\n"),
        (MEASURES, "  last_status:", "  status_now:"),
        (PROJECT_YML, "timezone: Asia/Shanghai", "timezone: UTC"),
    ],
)
def test_another_project_is_another_version(folder: Folder, file: str, old: str, new: str) -> None:
    before = folder.project().version
    folder.replace(file, old, new)
    assert folder.project().version != before


def test_the_same_words_are_the_same_version_wherever_they_stand(folder: Folder) -> None:
    """The order of files and entries is no part of it, nor is the folder's place."""
    text = folder.read(TAGS)
    at = text.index("  size:\n")
    folder.write("tags/aa.yml", f"tags:\n{text[at:]}")
    folder.write(TAGS, text[:at])
    assert changed(folder) == set()
    assert folder.project().version == load_project(SMALL).version


def test_measures_of_two_sources_share_no_partial(folder: Folder) -> None:
    """Roll-ups of all sources are merged in one table, by the names of their partials."""
    second = folder.read(ORDERS).replace("source: orders", "source: refunds")
    folder.write("sources/refunds.yml", second)
    folder.write(
        "measures/more.yml",
        "measures:\n"
        "  refunds: {source: refunds, value: count(*)}\n"
        "  lines: {source: orders, value: count(*)}\n",
    )
    measures = folder.project().measures
    assert not {p.id for p in measures["refunds"].partials} & {p.id for p in measures["lines"].partials}


def test_a_version_is_twelve_hex_digits_of_its_parts() -> None:
    assert version_of(["a", 1, {"b": None}]) == version_of(["a", 1, {"b": None}])
    assert version_of({"a": 1, "b": 2}) == version_of({"b": 2, "a": 1})
    assert len({version_of(part) for part in ("1", 1, [1], ["1"], None, True)}) == 6
    assert all(sign in "0123456789abcdef" for sign in version_of("重要客户"))
    assert len(version_of("重要客户")) == 12
