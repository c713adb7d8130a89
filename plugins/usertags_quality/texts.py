"""The texts of the pages, in English and Chinese: this is the one place of them.

What is said of the result of a check is in `usertags.quality.kinds`; severities, stages and what they ended
with are named in `usertags.quality.texts`. The terms are those of docs/glossary.md.
"""

from collections.abc import Mapping

from usertags.language import Words

# ---- on every page -------------------------------------------------------------------------------------

HTML_LANGUAGE = Words("en", "zh-CN")
STOP = Words(".", "。")
LIST = Words(", ", "，")
DATA_QUALITY = Words("Data quality", "数据质量")
TAGS = Words("Tags", "标签")
RUNBOOK = Words("Runbook", "运维手册")
PAGES = Words("Pages", "页面")
SKIP = Words("Skip to the content", "跳到正文")
NOT_UP_TO_DATE = Words("Not up to date.", "数据不是最新。")
SHOWN_WAS_READ = Words("{problem}. The data shown was read at {at}.", "{problem}。所示数据读取于 {at}。")
NEXT_STEP = Words("Next: {step}.", "下一步：{step}。")
STILL_LOADING = Words(
    "Older days are still being loaded: reload the page in a moment to see them.",
    "较早的数据日仍在加载：稍后刷新页面即可看到。",
)
READ_AT = Words("Data read at {at}, {zone}", "数据读取于 {at}（{zone}）")
PROBLEM = Words("{message}. {step}.", "{message}。{step}。")

# ---- numbers, durations and days -----------------------------------------------------------------------

POINTS = Words("{value:+.1f} pts", "{value:+.1f} 个百分点")
SECONDS = Words("{seconds:.0f} s", "{seconds:.0f} 秒")
MINUTES = Words("{minutes} min", "{minutes} 分钟")
HOURS = Words("{hours} h {minutes:02d} min", "{hours} 小时 {minutes} 分钟")
MONTH = Words("{name} {year}", "{year} 年 {month} 月")
WEEKDAYS = Words("M T W T F S S", "一 二 三 四 五 六 日")

# ---- days and their states -----------------------------------------------------------------------------

STATES: Mapping[str, Words] = {
    "passed": Words("Good", "正常"),
    "warned": Words("Published with warnings", "已发布，有警告"),
    "released": Words("Released by a person", "人工放行"),
    "blocked": Words("Blocked", "被阻断"),
    "waiting": Words("Waiting", "等待中"),
    "unfinished": Words("Not finished", "未完成"),
    "missing": Words("Not run yet", "尚未运行"),
}
DAY_IS = Words("{day}: {state}", "{day}：{state}")
VERDICT = Words("Verdict", "判定结果")
DAYS = Words("Days", "数据日")
DAY = Words("Day", "数据日")
NO_DAY_YET = Words("no day yet", "尚无数据日")
NO_RUN_YET = Words(
    "No day has been run yet. The checks are shown here after the first run of the DAG {dag}.",
    "尚未运行任何数据日。DAG {dag} 首次运行后，这里显示检查结果。",
)
CHECKS_FAILED = Words("{failed} of {checks} checks failed", "{checks} 项检查中有 {failed} 项未通过")
CHECKS_PASSED = Words("All {checks} checks passed", "{checks} 项检查全部通过")
NO_CHECK_YET = Words("No check has ended yet", "尚无检查结束")
READERS_SEE_NONE = Words("; readers see none of its data", "；使用者看不到该日的数据")
RELEASED_BY = Words("Released by {person}: {reason}", "由 {person} 放行：{reason}")
A_PERSON = Words("a person", "某人")
NO_REASON = Words("no reason given", "未说明理由")
READERS_HAVE = Words("Readers have", "使用者可见")
READERS_HAVE_NOW = Words("Readers have now", "使用者目前可见")
GOOD_DAY_PUBLISHED = Words("{day}, published {at}", "{day}，发布于 {at}")
IS_BLOCKED = Words("; {day} is blocked", "；{day} 被阻断")
NEWEST_DAY = Words("Newest day", "最新数据日")
SINCE_GOOD = Words(
    "{newest}, {count} days since the last good one",
    "{newest}，距最近一个正常的数据日 {count} 天",
    one="{newest}, 1 day since the last good one",
)
WAITING = Words("Waiting", "等待")
WAITING_DAY = Words("{count} days: {first}", "{count} 天：{first}", one="1 day: {first}")
WAITING_DAYS = Words("{count} days: {first} to {last}", "{count} 天：{first} 至 {last}")
ALL_CHECKS = Words("All checks of the day", "该日的全部检查")
FAILED_CHECKS = Words("Failed checks", "未通过的检查")
TRENDS = Words("Trends", "趋势")
CHART_PASSED = Words("Checks passed", "检查通过率")
ROWS_READ = Words("Rows read", "读取行数")
DURATION = Words("Duration", "耗时")
CHART_RANGE = Words("{low} to {high} in {days} days", "{days} 天内 {low} 至 {high}")
CHART_LABEL = Words(
    "{title} of {days} days: newest {newest}, least {low}, most {high}",
    "{days} 天的{title}：最新 {newest}，最低 {low}，最高 {high}",
)
CHART_DAY = Words("{day}: {value}, {state}", "{day}：{value}，{state}")
NOTHING_YET = Words("nothing yet", "尚无")
CALENDAR = Words("Calendar", "日历")
AS_LIST = Words("List", "列表")
PASSED = Words("Passed", "通过")
FAILED = Words("Failed", "未通过")
FAILED_NOT_CRITICAL = Words("Failed, not critical", "未通过，非严重")
NO_SUCH_CHECKS = Words("No such check", "没有此类检查")
AND_MORE = Words("and {more} more", "另有 {more} 项")
CELL_FAILED = Words("{cell}, {failed} failed", "{cell}，{failed} 项未通过")
SHOW_ALL_DAYS = Words("Show all {days} days", "显示全部 {days} 天")

BLOCKED_DAY = Words(
    "A critical check failed: readers see no data of this day, and later days wait.",
    "有严重检查未通过：使用者看不到该日的数据，后面的数据日等待。",
)
WAITING_FOR = Words("This day waits until {day} is fixed or released.", "该日等待 {day} 修复或放行。")
MISSING_DAY = Words(
    "No run of this day has finished a stage with checks.", "该日没有运行完成过带检查的阶段。"
)
UNFINISHED_DAY = Words(
    "A run of this day has started but is not published yet.", "该日的运行已开始，但尚未发布。"
)
WARNED_DAY = Words("Published with warnings.", "已发布，有警告。")
GOOD_DAY = Words("Published; no critical or warning check failed.", "已发布；严重和警告级别的检查均通过。")
CHECKS = Words("Checks", "检查")
FAILED_OF = Words("{failed} of {checks} failed", "{checks} 项中有 {failed} 项未通过")
NONE_YET = Words("none yet", "尚无")
PUBLISHED = Words("Published", "发布")
PUBLISHED_AT = Words("{at}, run {run_id}", "{at}，运行 {run_id}")
SHOWN_STAGE = Words("Shown: the {stage} stage", "仅显示：{stage}阶段")
SHOWN_RUN = Words("Shown: of run {run_id}", "仅显示：运行 {run_id}")
SHOWN_STAGE_OF_RUN = Words("Shown: the {stage} stage of run {run_id}", "仅显示：运行 {run_id} 的{stage}阶段")
SHOW_ALL_CHECKS = Words("Show all checks of the day", "显示该日的全部检查")
NONE_SHOWN = Words("None of the checks shown here.", "此处显示的检查均通过。")
QUARANTINED = Words("Quarantined rows", "隔离的行")
NONE_QUARANTINED = Words("None in the batch of this day.", "该日的批次中没有。")
RUNS = Words("Runs", "运行")
RUN = Words("Run", "运行")
STAGE = Words("Stage", "阶段")
ENDED = Words("Ended", "结束时间")
STATUS = Words("Status", "状态")
REPORT = Words("Report", "报告")
IS_PUBLISHED = Words("published", "已发布")
# Quarantine reasons that do not come from a `reject` rule; `type_<column>` has its own text.
QUARANTINE_REASONS: Mapping[str, Words] = {
    "unparsable": Words("unparsable", "无法解析"),
    "missing_user": Words("missing_user", "缺少用户标识"),
    "missing_key": Words("missing_key", "缺少主键"),
    "missing_time": Words("missing_time", "缺少时间"),
}
WRONG_TYPE = Words("type_{column}", "{column} 的类型不符")

APPROVE_RELEASE = Words("Approve or reject the release", "批准或拒绝放行")
RELEASE_WAITS = Words("A release of this day is waiting for approval.", "该日的放行正在等待批准。")
RELEASE_DAY = Words("Release this day", "放行该日")
HOW_TO_RELEASE = Words(
    "Trigger it with day {day} and a reason; the release then needs an approval.",
    "触发时填写数据日 {day} 和理由；随后放行还需批准。",
)

# ---- checks --------------------------------------------------------------------------------------------

CHECK = Words("Check", "检查")
TABLE = Words("Table", "表")
SEVERITY = Words("Severity", "严重程度")
OBSERVED = Words("Observed", "观测")
EXPECTED = Words("Expected", "要求")
OWNER = Words("Owner", "负责人")
DEVIATION = Words("Deviation", "偏差")
SINCE = Words("Since", "开始于")
AFFECTED = Words("Affected", "受影响")
COVERS = Words("Covers", "涉及")
DO = Words("Do:", "处理：")
ROWS = Words("Rows", "行数")
FAILING = Words("Failing", "不符合")
RESULT = Words("Result", "结果")
FILTER = Words("Filter", "筛选")
CLEAR = Words("Clear", "清除")
ALL = Words("all", "全部")
SOURCE = Words("Source", "数据源")
REASON = Words("Reason", "原因")
SAMPLE = Words("Sample", "样例")
A_ROW = Words("a row", "一行")
NOT_KEPT = Words("not kept", "未保留")
FAILING_SAMPLE = Words("Sample of failing rows", "不符合的行的样例")
IS_PASSED = Words("passed", "通过")
IS_FAILED = Words("failed", "未通过")
COLUMN = Words("{table}, column {column}", "{table}，列 {column}")
OWNED_BY = Words("owner {owner}", "负责人 {owner}")
STAGE_OF_RUN = Words("{stage} of run {run_id}", "运行 {run_id} 的{stage}阶段")
OLD_RESULT = Words("This result is from {day}. {latest}.", "这是 {day} 的结果。{latest}。")
LATEST_RESULT = Words("The latest result is from {day}", "最新结果来自 {day}")
FOR_DAYS = Words("{day}, {count} days", "{day}，已 {count} 天")
THIS_DAY = Words("this day", "当日")
LAST_PASSED = Words("{since}, last passed {day}", "{since}，上次通过为 {day}")
NEVER_PASSED = Words("{since}, never passed before", "{since}，此前从未通过")
HOW_TO_GO_ON = Words("Runbook: meaning and next steps", "运维手册：含义与处理步骤")
LAST_DAYS = Words("The last {days} days", "最近 {days} 天")
ONLY_DAY = Words("The only day so far", "目前只有一天")
PASSED_SHARE = Words("{share} passed", "{share} 通过")
DASHED = Words("dashed: {what}", "虚线：{what}")
AS_TABLE = Words("As a table", "以表格显示")
DEPENDS = Words("Depends on this", "依赖该项的内容")
TABLES = Words("Tables: {tables}", "表：{tables}")
NO_TAG_DEPENDS = Words("No published tag depends on this.", "没有已发布的标签依赖该项。")
ROWS_QUARANTINED = Words("Rows of this table quarantined on {day}", "该表在 {day} 隔离的行")
TAGS_COUNTED = Words("{count} tags", "{count} 个标签", one="1 tag")
TABLES_COUNTED = Words("{count} tables", "{count} 张表", one="1 table")
TABLES_ALONE = Words("{tables}, no tag", "{tables}，没有标签")
NO_TAG = Words("no tag", "没有标签")
BAR_RESULT = Words("{day}: {result}", "{day}：{result}")
BAR_FOUND = Words("{day}: {result}, {found}", "{day}：{result}，{found}")
BARS_LABEL = Words("The last {days} days: {failed} failed", "最近 {days} 天：{failed} 天未通过")
BARS_NEWEST = Words("{label}; newest {value}", "{label}；最新 {value}")
BARS_BESIDE = Words("{label}; newest {value}, {beside}", "{label}；最新 {value}，{beside}")
GX_REPORT = Words("Great Expectations report", "Great Expectations 报告")
REPORT_OF = Words("Report of {day}", "{day} 的报告")

# ---- tags ----------------------------------------------------------------------------------------------

TAG = Words("Tag", "标签")
TAGS_LISTED = Words(
    "{tags} tags; sorted by the change of coverage since the previous published day.",
    "{tags} 个标签；按覆盖率自上一个已发布日以来的变化排序。",
)
TAGS_PUBLISHED = Words(
    "{tags} tags as published for {day}; sorted by the change of coverage since the previous published day.",
    "{day} 发布的 {tags} 个标签；按覆盖率自上一个已发布日以来的变化排序。",
)
KIND = Words("Kind", "种类")
COVERAGE = Words("Coverage", "覆盖率")
COVERAGE_CHANGE = Words("Coverage change", "覆盖率变化")
USERS = Words("Users", "用户数")
CHANGE = Words("Change", "变化")
GROWTH = Words("Growth", "增长率")
THIRTY_DAYS = Words("30 days", "30 天")
NEW = Words("new", "新增")
DRAFTS = Words("drafts are not published", "草稿不发布")
RESTRICTED = Words("excluded from the statistics by its sensitivity", "因敏感级别不计入统计")
NOBODY = Words("no user carries it", "没有用户携带")
NO_TAG_MATCHES = Words("No tag matches the filter.", "没有符合筛选条件的标签。")
NOTHING_PUBLISHED = Words("Nothing has been published yet.", "尚未发布任何内容。")
TAG_KINDS: Mapping[str, Words] = {
    "fact": Words("fact", "事实"),
    "rule": Words("rule", "规则"),
    "preference": Words("preference", "偏好"),
    "manual": Words("manual", "人工"),
    "rfm": Words("rfm", "RFM"),
}
TAG_STATUSES: Mapping[str, Words] = {
    "draft": Words("draft", "草稿"),
    "retired": Words("retired", "停用"),
}
VALIDITIES: Mapping[str, Words] = {
    "static": Words("static", "静态"),
    "dynamic": Words("dynamic", "动态"),
}
VALID_DAYS = Words("{days}d", "{days} 天")
CHANGES: Mapping[str, Words] = {
    "added": Words("added", "新增"),
    "removed": Words("removed", "移除"),
    "changed": Words("changed", "改变"),
}
CHANGE_REASONS: Mapping[str, Words] = {
    "data": Words("data", "数据变化"),
    "definition": Words("definition", "定义变化"),
    "identity": Words("identity", "身份归并"),
    "retired": Words("retired", "标签停用"),
}
DEFINITION = Words("Definition", "定义")
KIND_AND_TYPE = Words("{kind}, {type}", "{kind}，{type}")
VALIDITY = Words("Validity", "有效期")
ID = Words("Id", "标识")
VERSION = Words("Version", "版本")
SENSITIVITY = Words("Sensitivity", "敏感级别")
OF_ALL_USERS = Words("{share} of all users on {day}", "{day} 占全部用户的 {share}")
VALUES = Words("Values", "取值")
VALUE = Words("Value", "值")
SHARE = Words("Share", "占比")
SHARE_DRAWN = Words("Of all users", "占全部用户")
MORE_VALUES = Words("and {more} more values", "另有 {more} 个值")
PRECISION = Words("Precision", "准确率")
EXAMPLES = Words("Examples of the rule (run as tests)", "规则示例（作为测试运行）")
INPUT = Words("Input", "输入")
EXPECTED_VALUE = Words("Expected value", "预期值")
CHANGES_TITLE = Words("Changes", "变化")
ON_DAY = Words("on {day}", "{day}")
TOO_MANY_ROWS = Words(
    "Too many rows to count here: query {table} with {command}.",
    "行数太多，无法在此统计：用 {command} 查询 {table}。",
)
NO_CHANGE = Words(
    "No user received the tag, lost it or changed its value.", "没有用户得到、失去该标签或改变其值。"
)
LAST_PUBLISHED = Words(
    "The last {count} published days", "最近 {count} 个已发布日", one="The last 1 published day"
)
TAG_CHECKS = Words("Checks that affect this tag", "影响该标签的检查")
FAILED_LATEST = Words("{failed} failed in their latest run", "{failed} 项在最近一次运行中未通过")
SHARE_LINE = Words("Share of users over {days} published days", "{days} 个已发布日的用户占比")
PRECISION_UNKNOWN = Words(
    "Unknown: no source confirms whether the tag is correct. A source with manually set tags (`explicit`) "
    "can provide this.",
    "未知：没有数据源确认该标签是否正确。人工设置标签的数据源（`explicit`）可以提供。",
)
PRECISION_UNCOUNTED = Words(
    "Set manually in {source}; no user carries it, or too many to count here.",
    "在 {source} 中人工设置；没有用户携带，或用户太多无法在此统计。",
)
PRECISION_COUNTED = Words(
    "Set manually in {source} for {manual} of the {users} users who carry it ({share}); for the others only "
    "the rule applies.",
    "在 {source} 中为携带该标签的 {users} 个用户中的 {manual} 个人工设置（{share}）；其余用户仅按规则得出。",
)

# ---- the tile of the home page -------------------------------------------------------------------------

TILE_NO_DAY = Words("No day has been run yet", "尚未运行任何数据日")
TILE_PASSED = Words("all {checks} checks passed", "{checks} 项检查全部通过")
TILE_NO_READERS = Words("readers have no day yet", "使用者尚无可见的数据日")
TILE_NEWEST = Words("readers have {day}, the newest", "使用者可见 {day}，已是最新")
TILE_BEHIND = Words(
    "readers have {day}, {count} days behind",
    "使用者可见 {day}，落后 {count} 天",
    one="readers have {day}, 1 day behind",
)
TILE_OLD = Words("not up to date: {problem}", "数据不是最新：{problem}")
TILE_UNAVAILABLE = Words("not available", "无法显示")
TILE_DOWN = Words("the lake does not respond", "数据湖没有响应")

# ---- what is said instead of a page --------------------------------------------------------------------

WHAT_HAPPENED = Words("What happened", "发生了什么")
STILL_SAFE = Words("Still safe", "仍然安全")
NEXT = Words("Next", "下一步")
RUNBOOK_MISSING = Words(
    "{file} was not found. Each failed check shows what to do.",
    "找不到 {file}。每项未通过的检查都说明如何处理。",
)
NOTHING_HERE = Words("Nothing to show here", "此处没有可显示的内容")
NOTHING_HERE_YET = Words("Nothing to show yet", "暂无可显示的内容")
NO_CHECKS_IN_DAG = Words("This DAG has no usertags checks.", "该 DAG 没有 usertags 的检查。")
DAY_NOT_PLANNED = Words(
    "The data day of this run is not known yet: the task plan sets it.",
    "该运行的数据日尚未确定：由任务 plan 确定。",
)
DAY_NOT_CHECKED = Words(
    "The data day of this run is {day}. None of its checks has ended yet.",
    "该运行的数据日是 {day}，尚无检查结束。",
)
UNAVAILABLE = Words("The quality pages are not available", "质量页面暂时无法显示")
# By the status of the answer.
REFUSED: Mapping[int, Words] = {
    403: Words("Access denied", "没有访问权限"),
    404: Words("Not found", "未找到"),
}
WENT_WRONG = Words("Something went wrong", "出错了")
NEEDS_ACCESS = Words(
    "{detail}. This page requires access to the runs of the DAG {dag} in Airflow.",
    "{detail}此页面需要在 Airflow 中有权查看 DAG {dag} 的运行。",
)
# What another program answered, in English; Chinese pages say the status alone.
ANSWERED = Words("{detail}", "请求未被接受（状态码 {status}）")
NO_SUCH_PLACE = Words("{detail}", "没有这个页面")
NO_SUCH_FILE = Words("No such file.", "没有这个文件。")
NO_SUCH_DAY = Words("No such day.", "没有这个数据日。")
NO_SUCH_RUN = Words("No such run on this day.", "该日没有这个运行。")
NO_SUCH_CHECK = Words("No such check.", "没有这项检查。")
NO_SUCH_RESULT = Words("No such result of this check.", "该检查没有这个结果。")
NO_SUCH_TAG = Words("No such tag.", "没有这个标签。")
NO_SUCH_REPORT = Words("No such report.", "没有这份报告。")
NO_SUCH_REPORT_PAGE = Words("No such page of the report.", "报告中没有这个页面。")
PAGE_NOT_FOUND = Words("Page not found.", "找不到页面。")
LINK_EXPIRED = Words("The link to the report has expired: reload the page.", "报告链接已过期：请刷新页面。")
NO_REPORT = Words(
    "This page of the report is not there. Reports are removed after {kept} days (`retention` in "
    "project.yml); one that could not be written is a warning of its stage. "
    "What was found stands on the page of the day.",
    "报告中没有此页面。报告在 {kept} 天后删除（project.yml 中的 `retention`）；"
    "未能写出的报告会成为其阶段的警告。检查结果见该日的页面。",
)
# Errors while a page reads the lake. The message of any other error is English: Chinese pages quote it.
LAKE_SLOW = Words("the lake has not answered yet", "数据湖尚未响应")
LAKE_DOWN = Words("the lake does not respond ({cause})", "数据湖没有响应")
PAGES_ARE_SAFE = Words(
    "this page does not change the pipeline or published tables", "此页面不会改变流水线或已发布的表"
)
RELOAD = Words("reload the page in a moment", "稍后刷新页面")
CHECK_SERVICES = Words(
    "check that the catalog and the object storage are running (`usertags services status`)",
    "检查表目录与对象存储是否在运行（`usertags services status`）",
)
CONFIGURATION_WRONG = Words("the configuration cannot be used", "配置有误，无法使用")
CORRECT_CONFIGURATION = Words(
    "correct the configuration and run `usertags check`", "更正配置并运行 `usertags check`"
)
