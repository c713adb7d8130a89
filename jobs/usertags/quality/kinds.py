"""The kinds of checks, and every sentence about their results: this is the one place of these texts.

A result is columns (`usertags.quality.checks`). A sentence is made of them where a person reads it
(`usertags.quality.sentences`), by filling in the texts below. Nothing else may depend on them.

`{value}`, `{usual}`, `{low}` and `{high}` are written in the unit of the result; `{rows}` and `{unexpected}`
are counts, `{share}` is one in the other; `{change}`, `{factor}` and `{difference}` hold the value against
the usual; `{name}` is the subject without its `_`. Every other name is one of the result's details.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from usertags.language import Words

Unit = Literal[
    "rows",
    "share",
    "minutes",
    "index",
    "number",
    "characters",
    "checks",
    "batches",
    "links",
    "columns",
    "edges",
]


class CheckKind(StrEnum):
    """What a check looks at. The value stands in `ops.checks`."""

    SUITE_RAN = "suite_ran"
    REPORT = "report"
    ROWS_CHECKED = "rows_checked"
    COLUMNS = "columns"
    RECONCILED = "reconciled"
    DEFINITION = "definition"
    CONTENT = "content"
    ROWS_AS_BEFORE = "rows_as_before"
    EMPTY_AS_BEFORE = "empty_as_before"
    SCALE_AS_BEFORE = "scale_as_before"
    LENGTH_AS_BEFORE = "length_as_before"
    KNOWN = "known"
    FRESH = "fresh"
    WITHIN_DAY = "within_day"
    COVERAGE = "coverage"
    COVERAGE_DRIFT = "coverage_drift"
    VALUE_DRIFT = "value_drift"
    EXCLUSIVE = "exclusive"
    EDGES = "edges"
    SCORES = "scores"
    LINKS = "links"
    ONE_ROW_PER_USER = "one_row_per_user"
    ONE_ROW_PER_RANK = "one_row_per_rank"
    POPULATION = "population"
    UNIQUE_KEY = "unique_key"
    NEVER_EMPTY = "never_empty"
    GIVEN = "given"
    IN_RANGE = "in_range"
    IN_VALUES = "in_values"
    IN_FORM = "in_form"
    ROW_COUNT = "row_count"
    OWN = "own"
    FREQUENT_ID = "frequent_id"
    KEY_TIES = "key_ties"
    FILES = "files"
    USABLE_IDS = "usable_ids"
    ROWS_GONE = "rows_gone"
    ROWS_GONE_KEPT = "rows_gone_kept"


NOT_RUN = Words("the check itself failed", "检查本身未能执行")


@dataclass(frozen=True)
class KindText:
    """What is said of the results of a kind.

    `observed` is said of a result with numbers, `zero` of one that passed with a value of 0, `without` of one
    that has no number, `broken` of one whose check could not be run. `wanted` is None where the bounds say
    all. `action` is None where whoever wrote the check says what to do. `worse` says how far off the value
    is. `chart` is what the value is called over its chart; None where it is not drawn. `anchor` is the
    section of docs/runbook.md.
    """

    title: Words
    looks_at: Words
    observed: Words
    anchor: str
    wanted: Words | None = None
    action: Words | None = None
    chart: Words | None = None
    worse: Words | None = None
    zero: Words | None = None
    without: Words | None = None
    broken: Words = NOT_RUN


# Texts that belong to no kind.
AS_WANTED = Words("as expected", "符合要求")
VALUE = Words("{value}", "{value}")
LISTED = Words("{observed}", "{observed}")
ARGUMENTS = Words("{arguments}", "{arguments}")
UNKNOWN = Words("failed, and what was observed is not known", "未通过，观测值未知")
LEFT_OUT = Words("left out: {left_out}", "未执行：{left_out}")
ROWS_OF = Words("{unexpected} of {rows} rows, {share}", "{rows} 行中的 {unexpected} 行，{share}")
SENTENCE = Words("{table}: {title} (observed {observed}, expected {wanted})",
                 "{table}：{title}（观测：{observed}，要求：{wanted}）")  # fmt: skip
SEE_LOG = Words("see the log of the task", "见任务日志")
USUAL = Words("usual {usual}", "通常 {usual}")
AT_LEAST = Words("at least {low}", "至少 {low}")
AT_MOST = Words("at most {high}", "至多 {high}")
BETWEEN = Words("{low} to {high}", "{low} 至 {high}")
EXACTLY = Words("exactly {low}", "恰好 {low}")
MOSTLY = Words("{wanted}, in at least {mostly} of the rows", "{wanted}，至少占行数的 {mostly}")
WARNS = Words("warns from {warning}", "达到 {warning} 时警告")
BLOCKS = Words("blocks from {critical}", "达到 {critical} 时阻断")
NEVER = Words("any", "不限")
MORE = Words("{shown} and {more} more", "{shown} 等，另有 {more} 个")
SAME_WEEKDAY = Words("the same weekday of {days} weeks", "{days} 周的同一星期日期")
DAYS_BEFORE = Words("{days} days before", "前 {days} 天")
EXPLAINED = Words("{found}: {more}", "{found}：{more}")
SENTENCES_END, LIST_GOES_ON = Words("; ", "；"), Words(", ", "，")
# Times as a configuration writes them, by their last letter.
SPANS: Mapping[str, Words] = {
    "m": Words("{number}m", "{number} 分钟"),
    "h": Words("{number}h", "{number} 小时"),
    "d": Words("{number}d", "{number} 天"),
}

_FAILING = Words("{unexpected} failing rows of {rows}", "{rows} 行中有 {unexpected} 行不符合")
_NONE = Words("no such row", "没有这样的行")
_DEFECT = Words(
    "the published table would be wrong: report it, this is a defect of the pipeline",
    "发布的表会有错误：请上报，这是流水线的缺陷",
)

KINDS: Mapping[CheckKind, KindText] = {
    CheckKind.SUITE_RAN: KindText(
        title=Words("every declared check ran", "声明的检查全部执行"),
        looks_at=Words(
            "Whether Great Expectations ran all the checks of the table: one that was left out has failed.",
            "Great Expectations 是否执行了该表的全部检查：未执行的检查视为未通过。",
        ),
        observed=Words("{value} checks ran", "执行了 {value} 项检查"),
        broken=Words("{value} checks ran", "执行了 {value} 项检查"),
        wanted=Words("{low} checks", "{low} 项检查"),
        action=Words(
            "nobody knows whether the data is good, because the checks themselves failed: see the log of the "
            "task, then run the day again",
            "检查本身未能执行，数据好坏未知：查看任务日志，然后重跑该日",
        ),
        anchor="every-declared-check-ran",
    ),
    CheckKind.REPORT: KindText(
        title=Words("the report of the {subject} stage is there", "{subject}阶段的报告已写出"),
        looks_at=Words(
            "Whether the report of Great Expectations was written.", "Great Expectations 的报告是否已写出。"
        ),
        observed=Words("written", "已写出"),
        without=Words("written", "已写出"),
        broken=Words("not written", "未写出"),
        wanted=Words("written", "已写出"),
        action=Words(
            "the results of the checks stand, see `usertags checks`; the log of the task says why the "
            "pages of Great Expectations could not be written",
            "检查结果有效，见 `usertags checks`；任务日志说明 Great Expectations 的页面为何未能写出",
        ),
        anchor="the-report-of",
    ),
    CheckKind.ROWS_CHECKED: KindText(
        title=Words("rows were checked", "有行可检查"),
        looks_at=Words(
            "Whether the table has any row at all: a check of no row says nothing.",
            "表中是否有行：没有行时检查没有意义。",
        ),
        observed=Words("{value} rows", "{value} 行"),
        wanted=Words("at least {low} row", "至少 {low} 行"),
        action=Words(
            "there is no row to check: see what the source delivered and what was set aside, or what the tag "
            "stage wrote; a source that may have a day without rows says `may_be_empty: true`",
            "没有行可检查：查看数据源交付了什么、隔离了什么，或标签阶段写了什么；"
            "允许某日无数据的数据源写 `may_be_empty: true`",
        ),
        anchor="rows-were-checked",
    ),
    CheckKind.COLUMNS: KindText(
        title=Words("columns as declared", "列与声明一致"),
        looks_at=Words(
            "Whether the table has every column that the configuration declares.",
            "表中是否有配置声明的每一列。",
        ),
        observed=Words("missing: {missing}", "缺少：{missing}"),
        zero=AS_WANTED,
        wanted=Words("{columns}", "{columns}"),
        action=Words(
            "a column that the configuration declares is not there: report it, this is a defect of the "
            "pipeline",
            "缺少配置声明的列：请上报，这是流水线的缺陷",
        ),
        anchor="columns-as-declared",
    ),
    CheckKind.RECONCILED: KindText(
        title=Words("every row is accounted for", "每一行都有去向"),
        looks_at=Words(
            "Rows read = kept + superseded + repeats + set aside: no row is lost or doubled on the way.",
            "读取行数 = 保留 + 被取代 + 重复 + 隔离：途中没有行丢失或翻倍。",
        ),
        observed=Words(
            "{kept} kept, {superseded} superseded, {repeats} repeats, {quarantined} quarantined",
            "保留 {kept}，被取代 {superseded}，重复 {repeats}，隔离 {quarantined}",
        ),
        wanted=Words("{value} rows read", "读取 {value} 行"),
        action=Words(
            "rows were lost or doubled while cleaning: report it, this is a defect of the pipeline",
            "清洗时有行丢失或翻倍：请上报，这是流水线的缺陷",
        ),
        chart=Words("Rows read", "读取行数"),
        anchor="every-row-is-accounted-for",
    ),
    CheckKind.DEFINITION: KindText(
        title=Words("all batches follow the same definition", "所有批次采用同一定义"),
        looks_at=Words(
            "Whether other days still stand as the source's columns or rules were before.",
            "其他日期是否仍按数据源以前的列或规则清洗。",
        ),
        observed=Words(
            "{value} batches by another definition, {first} to {last}",
            "{value} 个批次采用其他定义，{first} 至 {last}",
        ),
        zero=Words("none by another definition", "没有采用其他定义的批次"),
        wanted=Words("none", "没有"),
        action=Words(
            "the source's columns or rules have changed since: clean those days anew "
            "(`usertags run --from {first} --to {last}`)",
            "此后数据源的列或规则已改变：重新清洗这些日期（`usertags run --from {first} --to {last}`）",
        ),
        anchor="all-batches-follow-the-same-definition",
    ),
    CheckKind.CONTENT: KindText(
        title=Words("the rows are not those of an earlier batch", "行与以前的批次不同"),
        looks_at=Words(
            "Whether the same rows were delivered before, as when yesterday's file comes again.",
            "相同的行以前是否交付过，例如昨天的文件再次到来。",
        ),
        observed=Words("the same rows as {batch}", "与 {batch} 的行相同"),
        zero=Words("new rows", "新的行"),
        wanted=Words("new rows", "新的行"),
        action=Words(
            "an old file was delivered again: have the right one delivered and extract the day anew",
            "旧文件再次交付：请交付正确的文件并重新抽取该日",
        ),
        anchor="the-rows-are-not-those-of-an-earlier-batch",
    ),
    CheckKind.ROWS_AS_BEFORE: KindText(
        title=Words("rows as on the days before", "行数与以往相当"),
        looks_at=Words(
            "The rows of the day against those of the same weekday in the weeks before.",
            "当日行数与前几周同一星期日期的行数相比。",
        ),
        observed=Words(
            "{value} rows of {day}, usual {usual} ({basis})", "{day} 有 {value} 行，通常 {usual}（{basis}）"
        ),
        wanted=Words(
            "missing, as a share of the usual: {fall}; more, as a multiple of the usual: {rise}",
            "缺少（占通常的比例）：{fall}；增多（通常的倍数）：{rise}",
        ),
        action=Words(
            "see whether the source delivered the whole day, or twice; a day that is special is released",
            "查看数据源是否完整交付了当日，或交付了两次；特殊日期可放行",
        ),
        chart=Words("Rows of the day", "当日行数"),
        worse=Words("{change} against the usual", "与通常相比 {change}"),
        anchor="rows-as-on-the-days-before",
    ),
    CheckKind.EMPTY_AS_BEFORE: KindText(
        title=Words("{column} empty as often as before", "{column} 的空值与以往相当"),
        looks_at=Words(
            "The share of rows without a value, against the days before.", "无值行的比例，与以往相比。"
        ),
        observed=Words(
            "{value} of the rows without it, usual {usual} ({basis})",
            "{value} 的行无值，通常 {usual}（{basis}）",
        ),
        wanted=Words("a rise of the share: {bounds}", "比例的上升：{bounds}"),
        action=Words(
            "ask the owner of {source} why {column} is no longer filled in",
            "请询问 {source} 的负责人为何不再填写 {column}",
        ),
        chart=Words("Rows without a value", "无值的行"),
        worse=Words("{usual} → {value} without a value", "无值 {usual} → {value}"),
        anchor="empty-as-often-as-before",
    ),
    CheckKind.SCALE_AS_BEFORE: KindText(
        title=Words("{column} in its usual scale", "{column} 的数量级与以往相当"),
        looks_at=Words(
            "The median of the numbers, against the days before: another unit moves it by its factor.",
            "数值的中位数，与以往相比：单位改变会使其按倍数变动。",
        ),
        observed=Words(
            "{value} in the middle, usual {usual} ({basis})", "中位数 {value}，通常 {usual}（{basis}）"
        ),
        wanted=Words("a multiple or a part of the usual: {bounds}", "通常的倍数或几分之一：{bounds}"),
        action=Words(
            "ask the owner of {source} whether the unit of {column} has changed, as yuan to fen",
            "请询问 {source} 的负责人 {column} 的单位是否改变，例如元变为分",
        ),
        chart=Words("Median", "中位数"),
        worse=Words("the usual {factor}", "通常值 {factor}"),
        anchor="in-its-usual-scale",
    ),
    CheckKind.LENGTH_AS_BEFORE: KindText(
        title=Words("{column} in its usual length", "{column} 的长度与以往相当"),
        looks_at=Words(
            "The average length of the ids, against the days before: cut ids no longer join.",
            "标识的平均长度，与以往相比：被截断的标识无法再关联。",
        ),
        observed=Words(
            "{value} characters on average, usual {usual} ({basis})",
            "平均 {value} 个字符，通常 {usual}（{basis}）",
        ),
        wanted=Words("a difference in characters: {bounds}", "字符数的差：{bounds}"),
        action=Words(
            "ask the owner of {source} whether {column} was cut: joins will break",
            "请询问 {source} 的负责人 {column} 是否被截断：关联会失败",
        ),
        chart=Words("Length in characters", "字符长度"),
        worse=Words("{difference} characters against the usual", "与通常相差 {difference} 个字符"),
        anchor="in-its-usual-length",
    ),
    CheckKind.KNOWN: KindText(
        title=Words("{column} is known in {subject}", "{column} 在 {subject} 中存在"),
        looks_at=Words(
            "The share of rows whose value stands in the other source.", "其值在另一数据源中存在的行的比例。"
        ),
        observed=Words(
            "{value} of the rows ({unexpected} of {rows} unknown)",
            "{value} 的行（{rows} 行中 {unexpected} 行未知）",
        ),
        wanted=Words("at least {low}", "至少 {low}"),
        chart=Words("Rows that are known", "已知的行"),
        anchor="is-known-in",
    ),
    CheckKind.FREQUENT_ID: KindText(
        title=Words("no {column} stands for suspiciously many rows", "没有 {column} 对应多得可疑的行"),
        looks_at=Words(
            "The share of the day's rows that have the most frequent id of a user.",
            "当日各行中，最常见的用户标识所占的比例。",
        ),
        observed=Words("{value} of the rows have the same {column}", "{value} 的行具有相同的 {column}"),
        wanted=Words("at most {high}, or few rows per id", "至多 {high}，或每个标识只有少量行"),
        action=Words(
            "the samples have the id: if it stands for nobody, add it to `nulls` of the source and run the "
            "day again",
            "样本中有该标识：如果它不代表任何人，请加入数据源的 `nulls` 并重跑该日",
        ),
        chart=Words("Rows of the most frequent id", "最常见标识的行"),
        anchor="stands-for-suspiciously-many-rows",
    ),
    CheckKind.USABLE_IDS: KindText(
        title=Words("values of {column} are ids", "{column} 的值是有效标识"),
        looks_at=Words(
            "How many personal values stand for nobody, are masked, have lost digits or are not of the form "
            "of their kind of id. They are taken as empty, so that they join nobody.",
            "有多少个人标识值不代表任何人、被打码、丢失数字或不符合该类标识的格式。它们按空值处理，因此不会关联任何人。",
        ),
        observed=Words(
            "{unexpected} of {rows} rows, {share}: {placeholder} stand for nobody, {masked} are masked, "
            "{shortened} have lost digits, {form} are of another form",
            "{rows} 行中的 {unexpected} 行，{share}：{placeholder} 个不代表任何人，{masked} 个被打码，"
            "{shortened} 个丢失数字，{form} 个格式不符",
        ),
        zero=_NONE,
        wanted=Words("at most {high} of the rows", "至多占行数的 {high}"),
        action=Words(
            "ask the owner of the source whether its export has changed; the form of an id is in `ids` of "
            "project.yml",
            "询问数据源负责人导出是否有变化；标识的格式在 project.yml 的 `ids` 中",
        ),
        chart=Words("Values that are no ids", "不是有效标识的值"),
        anchor="values-that-are-no-ids",
    ),
    CheckKind.FRESH: KindText(
        title=Words("newest row within {subject} of the end of the day", "最新的行距日终不超过 {subject}"),
        looks_at=Words(
            "How long before the end of the data day the newest row is.", "最新的行距数据日结束有多久。"
        ),
        observed=Words("{newest}, {value} before the end of the day", "{newest}，距日终 {value}"),
        without=Words("no row", "没有行"),
        wanted=Words("at most {high} before the end of the day", "距日终至多 {high}"),
        chart=Words("Age of the newest row", "最新行的时长"),
        anchor="newest-row-within",
    ),
    CheckKind.WITHIN_DAY: KindText(
        title=Words("{subject} stays within one day", "{subject} 只在一天内出现"),
        looks_at=Words(
            "Whether a value comes back on another day: distinct counts over days would count it twice.",
            "值是否在另一天再次出现：跨天去重计数会重复计算。",
        ),
        observed=Words("{unexpected} values on several days", "{unexpected} 个值出现在多天"),
        wanted=Words("none", "没有"),
        action=Words(
            "distinct counts over days would count these twice: correct the source's time, or take a measure "
            "that does not need `distinct_within: day`",
            "跨天去重计数会重复计算：更正数据源的时间，或改用不需要 `distinct_within: day` 的指标",
        ),
        chart=Words("Values on several days", "出现在多天的值"),
        anchor="stays-within-one-day",
    ),
    CheckKind.COVERAGE: KindText(
        title=Words("{column} in its coverage", "{column} 的覆盖率在范围内"),
        looks_at=Words(
            "The share of all users that carries the tag, against the bounds of its entry.",
            "携带该标签的用户比例，与其条目的范围相比。",
        ),
        observed=Words(
            "{value} of the users ({users} of {rows})", "{value} 的用户（{rows} 人中 {users} 人）"
        ),
        action=Words(
            "the rule of {column} or its sources say what cannot be: correct them, or `coverage`",
            "{column} 的规则或其数据源不合理：请更正，或更正 `coverage`",
        ),
        chart=Words("Users who carry it", "携带该标签的用户"),
        anchor="in-its-coverage",
    ),
    CheckKind.COVERAGE_DRIFT: KindText(
        title=Words("{column} coverage as before", "{column} 的覆盖率与以往相当"),
        looks_at=Words(
            "The users with and without the tag against the last published days, as population stability "
            "index.",
            "有无该标签的用户与最近发布的几天相比，以群体稳定性指数表示。",
        ),
        observed=Words(
            "{value} ({before} → {now} of the users, {days} published days)",
            "{value}（用户的 {before} → {now}，{days} 个已发布日）",
        ),
        wanted=Words("population stability index: {bounds}", "群体稳定性指数：{bounds}"),
        action=Words(
            "look at what changed for {column}, its rule or its sources; if it is meant, release the day",
            "查看 {column} 的规则或数据源有何变化；若属有意，请放行该日",
        ),
        chart=Words("Population stability index", "群体稳定性指数"),
        worse=Words("{before} → {now} of the users", "用户的 {before} → {now}"),
        anchor="coverage-as-before",
    ),
    CheckKind.VALUE_DRIFT: KindText(
        title=Words("{column} values as before", "{column} 的取值分布与以往相当"),
        looks_at=Words(
            "How users spread over the tag's values against the last published days, as population stability "
            "index.",
            "用户在标签各取值上的分布与最近发布的几天相比，以群体稳定性指数表示。",
        ),
        observed=Words(
            "{value} ({groups} groups of users, {days} published days)",
            "{value}（{groups} 组用户，{days} 个已发布日）",
        ),
        wanted=Words("population stability index: {bounds}", "群体稳定性指数：{bounds}"),
        action=Words(
            "look at what changed for {column}, its rule or its sources; if it is meant, release the day",
            "查看 {column} 的规则或数据源有何变化；若属有意，请放行该日",
        ),
        chart=Words("Population stability index", "群体稳定性指数"),
        anchor="values-as-before",
    ),
    CheckKind.EXCLUSIVE: KindText(
        title=Words("exactly one tag of {path}", "{path} 下恰有一个标签"),
        looks_at=Words(
            "Whether each user carries one tag of the path, no more and no less.",
            "每个用户是否恰好携带该路径下的一个标签。",
        ),
        observed=Words("{unexpected} users with none or several", "{unexpected} 个用户没有或有多个"),
        wanted=Words("none", "没有"),
        action=Words(
            "the rules of {path} overlap or leave a gap: correct them so that each user meets one",
            "{path} 的规则有重叠或遗漏：请更正，使每个用户恰好符合一条",
        ),
        chart=Words("Users with none or several", "没有或有多个的用户"),
        anchor="exactly-one-tag-of",
    ),
    CheckKind.EDGES: KindText(
        title=Words("edges of {subject} differ", "{subject} 的分界各不相同"),
        looks_at=Words(
            "Whether the edges between scores differ: equal ones give some score to nobody.",
            "分数之间的分界是否不同：分界相同时有的分数无人得到。",
        ),
        observed=Words("{edges}, {value} of them equal", "{edges}，其中 {value} 个相同"),
        zero=Words("{edges}", "{edges}"),
        wanted=Words("rising", "递增"),
        action=Words(
            "too many users share one value for five scores: read the scores of this dimension with care, or "
            "configure fixed edges",
            "太多用户取值相同，无法分为五个分数：谨慎使用该维度的分数，或配置固定分界",
        ),
        anchor="edges-of",
    ),
    CheckKind.SCORES: KindText(
        title=Words("scores of {subject} are spread", "{subject} 的分数有区分"),
        looks_at=Words(
            "Whether a score is given to nobody, or to more than half of those who ordered in the window.",
            "是否有分数无人得到，或窗口内下单的用户中超过半数得到同一分数。",
        ),
        observed=Words(
            "scores given to nobody: {empty}; to more than half: {most}",
            "无人得到的分数：{empty}；超过半数得到的分数：{most}",
        ),
        zero=AS_WANTED,
        wanted=Words(
            "each score has users, and none more than half of them", "每个分数都有用户，且均不超过半数"
        ),
        action=Words(
            "set `unit` of {subject} under `rfm` in project.yml to the smallest step between its values, "
            "such as 0.01, or configure fixed edges",
            "将 project.yml 中 `rfm` 的 `unit` 里{subject}的单位设为其取值的最小间隔（例如 0.01），"
            "或配置固定分界",
        ),
        anchor="scores-of",
    ),
    CheckKind.LINKS: KindText(
        title=Words("no link takes a person beyond the limits", "没有关联使一人超出上限"),
        looks_at=Words(
            "Whether links between ids were refused because one person would have had too many.",
            "是否有标识之间的关联因一人标识过多而被拒绝。",
        ),
        observed=Words("{value} links refused ({reasons})", "拒绝了 {value} 个关联（{reasons}）"),
        zero=Words("no link refused", "没有关联被拒绝"),
        wanted=Words("none by limit or tangled", "没有因 limit 或 tangled 被拒绝的"),
        action=Words(
            "see ops.refused_links: block an id that people share, correct a wrong link at the source, or "
            "raise the limits under `identity` in project.yml",
            "查看 ops.refused_links：屏蔽多人共用的标识，在数据源更正错误的关联，"
            "或提高 project.yml 中 `identity` 下的上限",
        ),
        anchor="no-link-takes-a-person-beyond-the-limits",
    ),
    CheckKind.ONE_ROW_PER_USER: KindText(
        title=Words("one row per user", "每个用户一行"),
        looks_at=Words("Whether anybody stands in the table twice.", "是否有人在表中出现两次。"),
        observed=_FAILING,
        zero=AS_WANTED,
        wanted=_NONE,
        action=_DEFECT,
        chart=Words("Rows that stand twice", "重复的行"),
        anchor="one-row-per-user",
    ),
    CheckKind.ONE_ROW_PER_RANK: KindText(
        title=Words("one row per user, tag and rank", "每个用户、标签和名次一行"),
        looks_at=Words(
            "Whether anybody stands in the table twice with one rank of a tag.",
            "是否有人以同一标签的同一名次出现两次。",
        ),
        observed=_FAILING,
        zero=AS_WANTED,
        wanted=_NONE,
        action=_DEFECT,
        chart=Words("Rows that stand twice", "重复的行"),
        anchor="one-row-per-user",
    ),
    CheckKind.POPULATION: KindText(
        title=Words("every user of the population", "人群中的全部用户"),
        looks_at=Words(
            "Whether the table has everybody, and nobody else.", "表中是否有人群中的全部用户，且没有其他人。"
        ),
        observed=Words("{value} rows", "{value} 行"),
        action=_DEFECT,
        anchor="every-user-of-the-population",
    ),
    CheckKind.UNIQUE_KEY: KindText(
        title=Words("{subject} stands once", "{subject} 不重复"),
        looks_at=Words("Whether a key stands twice.", "主键是否重复。"),
        observed=_FAILING,
        zero=AS_WANTED,
        wanted=_NONE,
        action=Words(
            "a key stands twice after deduplication: report it, this is a defect of the pipeline",
            "去重后主键仍有重复：请上报，这是流水线的缺陷",
        ),
        chart=Words("Rows that stand twice", "重复的行"),
        anchor="stands-once",
    ),
    CheckKind.NEVER_EMPTY: KindText(
        title=Words("{column} is never empty", "{column} 从不为空"),
        looks_at=Words("Whether a value is missing that no row may lack.", "不可缺少的值是否缺失。"),
        observed=_FAILING,
        zero=AS_WANTED,
        wanted=_NONE,
        action=Words(
            "no row without it may be kept: report it, this is a defect of the pipeline",
            "缺少它的行不应保留：请上报，这是流水线的缺陷",
        ),
        chart=Words("Rows without it", "缺少它的行"),
        anchor="is-never-empty",
    ),
    CheckKind.GIVEN: KindText(
        title=Words("{column} is given", "{column} 有值"),
        looks_at=Words("How many rows lack the value.", "有多少行缺少该值。"),
        observed=_FAILING,
        zero=AS_WANTED,
        wanted=Words("a value", "有值"),
        action=_DEFECT,
        chart=Words("Rows without it", "缺少它的行"),
        anchor="is-given",
    ),
    CheckKind.IN_RANGE: KindText(
        title=Words("{column} in its range", "{column} 在范围内"),
        looks_at=Words("Whether numbers or dates are within their bounds.", "数值或日期是否在其界限内。"),
        observed=_FAILING,
        zero=AS_WANTED,
        chart=Words("Rows outside", "超出的行"),
        anchor="in-its-range",
    ),
    CheckKind.IN_VALUES: KindText(
        title=Words("{column} in its values", "{column} 在取值列表内"),
        looks_at=Words("Whether any value is none of those that are listed.", "是否有值不在列表中。"),
        observed=_FAILING,
        zero=AS_WANTED,
        wanted=Words("one of {values}", "{values} 之一"),
        action=Words(
            "a value came up that tag {column} does not list: add it to `values`, or correct the source",
            "出现了标签 {column} 未列出的值：请加入 `values`，或更正数据源",
        ),
        chart=Words("Rows outside", "超出的行"),
        anchor="in-its-values",
    ),
    CheckKind.IN_FORM: KindText(
        title=Words("{column} in its form", "{column} 符合格式"),
        looks_at=Words("Whether the texts look as they should.", "文本是否符合格式。"),
        observed=_FAILING,
        zero=AS_WANTED,
        wanted=Words("the form {form}", "格式 {form}"),
        chart=Words("Rows of another form", "其他格式的行"),
        anchor="in-its-form",
    ),
    CheckKind.ROW_COUNT: KindText(
        title=Words("number of rows", "行数"),
        looks_at=Words("The rows of the batch against fixed bounds.", "批次行数与固定界限相比。"),
        observed=Words("{value} rows", "{value} 行"),
        chart=Words("Rows", "行数"),
        anchor="number-of-rows",
    ),
    CheckKind.OWN: KindText(
        title=Words("{name}", "{name}"),
        looks_at=Words(
            "A check of this project's own, written in `checks/`.", "本项目自己的检查，写在 `checks/` 中。"
        ),
        observed=_FAILING,
        zero=AS_WANTED,
        chart=Words("Rows that fail", "不符合的行"),
        anchor="a-check-of-your-own",
    ),
    CheckKind.KEY_TIES: KindText(
        title=Words("one newest row per {subject}", "每个 {subject} 有唯一的最新行"),
        looks_at=Words(
            "Whether different rows of one key came in one batch, and nothing says which of them is newer.",
            "同一批次中同一主键是否有内容不同的行，且无法判断哪一行更新。",
        ),
        observed=Words(
            "{unexpected} keys with different rows, none of them the newer one",
            "{unexpected} 个主键有内容不同的行，无法判断哪一行更新",
        ),
        zero=AS_WANTED,
        wanted=Words(
            "different rows of one key only with different versions", "同一主键的不同行须有不同的版本"
        ),
        action=Words(
            "set `version` of the source to a column that is higher in the newer row; if the rows are lines "
            "of one thing, add the column that tells them apart to `key`; otherwise have the source "
            "corrected and extract the day again",
            "将数据源的 `version` 设为新行中值更大的列；若这些行是同一事物的多条明细，"
            "将区分它们的列加入 `key`；否则请更正数据源并重新抽取该日",
        ),
        chart=Words("Keys with different rows", "有不同行的主键"),
        anchor="one-newest-row-per",
    ),
    CheckKind.FILES: KindText(
        title=Words("every file of the delivery is read", "交付的文件全部读取"),
        looks_at=Words(
            "Whether files were left out: their content was read before under another name, or their names "
            "begin with a dot.",
            "是否有文件未读取：其内容此前已以另一名称读取，或文件名以点开头。",
        ),
        observed=Words("not read: {files}", "未读取：{files}"),
        zero=AS_WANTED,
        wanted=Words("no file is left out", "没有未读取的文件"),
        action=Words(
            "if a file is no second copy, read it with `usertags run --day {day} --re-extract "
            "--accept-files`; a hidden file needs another name; otherwise there is nothing to do",
            "若某文件不是重复交付，用 `usertags run --day {day} --re-extract --accept-files` 读取；"
            "隐藏文件需要改名；否则无需处理",
        ),
        chart=Words("Files not read", "未读取的文件"),
        anchor="every-file-of-the-delivery-is-read",
    ),
    CheckKind.ROWS_GONE: KindText(
        title=Words("the delivery lost few rows", "交付中消失的行不多"),
        looks_at=Words(
            "The rows that the day before had and the delivery, which is the whole table, does not.",
            "前一日有、而本次整表交付中没有的行。",
        ),
        observed=Words("{value} of {rows} rows are gone", "{rows} 行中有 {value} 行消失"),
        zero=Words("none is gone", "没有行消失"),
        wanted=AT_MOST,
        action=Words(
            "have the whole table delivered and extract the day again; if these rows are deleted at the "
            "source, release the day, or raise `may_lose` of the source",
            "请交付整张表并重新抽取该日；若这些行确已在数据源删除，放行该日或提高数据源的 `may_lose`",
        ),
        chart=Words("Rows that are gone", "消失的行"),
        anchor="the-delivery-lost-few-rows",
    ),
    CheckKind.ROWS_GONE_KEPT: KindText(
        title=Words("no row is gone at the source", "数据源中没有消失的行"),
        looks_at=Words(
            "The rows that the table no longer has, of a source that does not say what becomes of them.",
            "表中已不存在的行，而数据源的配置未说明如何处理。",
        ),
        observed=Words(
            "{value} of {rows} rows are gone and are kept", "{rows} 行中有 {value} 行消失，仍保留"
        ),
        zero=Words("none is gone", "没有行消失"),
        wanted=Words("none", "没有"),
        action=Words(
            "say `whole: replace` under `read` of the source, so that rows which are gone there are gone "
            "here, or `whole: keep`, so that they stay",
            "在数据源的 `read` 下写 `whole: replace`（数据源中消失的行在此也消失）"
            "或 `whole: keep`（保留这些行）",
        ),
        chart=Words("Rows that are gone and kept", "消失但仍保留的行"),
        anchor="no-row-is-gone-at-the-source",
    ),
}
