"""The texts of messages, the gate, releases and reports, in English and Chinese: the one place of them.

What is said of the result of a check is in `usertags.quality.kinds`, the texts of the pages are in
`plugins/usertags_quality/texts.py`. The terms are those of docs/glossary.md.
"""

from collections.abc import Mapping

from usertags.language import Words

# ---- values of columns that people read ----------------------------------------------------------------

SEVERITIES: Mapping[str, Words] = {
    "critical": Words("critical", "严重"),
    "warning": Words("warning", "警告"),
    "info": Words("info", "提示"),
}
STAGES: Mapping[str, Words] = {
    "extract": Words("extract", "抽取"),
    "clean": Words("clean", "清洗"),
    "aggregate": Words("aggregate", "聚合"),
    "tag": Words("tag", "标签"),
    "audit": Words("audit", "审计"),
    "publish": Words("publish", "发布"),
    "release": Words("release", "放行"),
    "release_clean": Words("release_clean", "清洗放行"),
    "release_audit": Words("release_audit", "审计放行"),
}
# The dimensions of RFM.
DIMENSIONS: Mapping[str, Words] = {
    "recency": Words("recency", "最近购买"),
    "frequency": Words("frequency", "购买次数"),
    "monetary": Words("monetary", "消费金额"),
}
# What a stage or a publication ended with.
STATUSES: Mapping[str, Words] = {
    "built": Words("built", "已生成"),
    "passed": Words("passed", "通过"),
    "warned": Words("warned", "有警告"),
    "refused": Words("refused", "被拒绝"),
    "released": Words("released", "人工放行"),
}

# ---- messages ------------------------------------------------------------------------------------------

BLOCKED = Words(
    "is blocked: {count} critical checks failed",
    "被阻断：{count} 项严重检查未通过",
    one="is blocked: 1 critical check failed",
)
WARNED = Words(
    "is published with {count} warnings", "已发布，有 {count} 个警告", one="is published with 1 warning"
)
LATE = Words("is not published by {deadline}", "到 {deadline} 仍未发布")
# By the state of the day.
RECOVERED: Mapping[str, Words] = {
    "passed": Words("is good again: published", "恢复正常：已发布"),
    "warned": Words("is good again: published, with warnings", "恢复正常：已发布，有警告"),
    "released": Words("is good again: published, released by a person", "恢复正常：经人工放行已发布"),
}
UNKNOWN = Words(
    "it is unknown whether {day} is published: the tables do not respond",
    "无法得知 {day} 是否已发布：数据表没有响应",
)
UNKNOWN_REASON = Words(
    "The table catalog or its storage is down, or rejects the credentials. No data is lost.",
    "表目录或其存储无法访问，或拒绝了凭证。数据没有丢失。",
)
UNKNOWN_READERS = Words(
    "Readers may get errors until it is available again.", "在恢复之前，使用者读取数据时可能出错。"
)
REFUSED_BY = Words(
    "Its {stage} checks refused it. Nothing of it is published, and later days wait.",
    "该日被{stage}检查拒绝。其数据均未发布，后面的数据日等待。",
)
WAITS_FOR = Words("It waits for {day}, which is blocked.", "该日等待 {day}，后者被阻断。")
NOT_ENDED = Words(
    "Its run has not ended: the last completed stage is {stage}.",
    "该日的运行尚未结束：最后完成的阶段是{stage}。",
)
NOT_STARTED = Words(
    "None of its stages has ended: check whether its run was started and its sources were read.",
    "该日没有任何阶段结束：检查运行是否已启动、数据源是否已读取。",
)
READERS_SEE_DAY = Words("Readers see this day.", "使用者可见该日。")
READERS_SEE_EARLIER_RUN = Words(
    "Readers still see an earlier run of {day} ({run_id}).", "使用者仍看到 {day} 较早的运行（{run_id}）。"
)
READERS_STILL_SEE = Words("Readers still see {day}.", "使用者仍看到 {day}。")
READERS_SEE_NOTHING = Words(
    "Readers see no data: no day is published yet.", "使用者看不到数据：尚无已发布的数据日。"
)
FAILED_CHECK = Words("{severity}: {table}: {check}", "{severity}：{table}：{check}")
FOUND = Words("  observed {observed}, expected {wanted}", "  观测：{observed}；要求：{wanted}")
TAGS_HIT = Words(
    "  affects {count} tags: {tags}", "  影响 {count} 个标签：{tags}", one="  affects 1 tag: {tags}"
)
TO_DO = Words("  owner: {owner}. Do: {action}", "  负责人：{owner}。处理：{action}")
MORE_FAILED = Words("{count} more on the page of the day.", "另有 {count} 项，见当日页面。")
PAGE = Words("The day: {url}", "当日页面：{url}")
RUNBOOK = Words("Runbook: {url}", "运维手册：{url}")
# The columns of a mail, behind the severity, and its links.
MAIL_COLUMNS = (
    Words("check", "检查"),
    Words("observed", "观测"),
    Words("expected", "要求"),
    Words("owner", "负责人"),
    Words("what to do", "处理"),
)
PAGE_LINK = Words("The day", "当日页面")
RUNBOOK_LINK = Words("What to do", "如何处理")

# ---- the gate ------------------------------------------------------------------------------------------

GATE_REFUSED = Words(
    "{count} critical check(s) of the {stage} stage failed for {day}:\n{lines}",
    "{day} 的{stage}阶段有 {count} 项严重检查未通过：\n{lines}",
)
GATE_LINE = Words("  {sentence}\n    do: {action}", "  {sentence}\n    处理：{action}")
GATE_SAFE = Words(
    "readers keep the last good day; the branch of this run stays for inspection",
    "使用者仍看到最近一个正常的数据日；本次运行的分支保留备查",
)
GATE_NEXT = Words(
    "put the data right and run {day} again, or release it (`usertags release`); later days wait until then",
    "更正数据后重跑 {day}，或人工放行（`usertags release`）；在此之前后面的数据日等待",
)

# ---- releases ------------------------------------------------------------------------------------------

RELEASE_QUESTION = Words(
    "Release {day} although its {stage} checks failed?", "{day} 的{stage}检查未通过，是否放行？"
)
RELEASE_REASON = Words("Reason given:", "放行理由：")
RELEASE_FAILED = Words("Failed, and released with your name:", "未通过、将以您的名义放行的检查：")
RELEASE_READERS = Words("Readers keep {readers_see} until then.", "在此之前使用者可见：{readers_see}。")
RELEASE_PAGE = Words("All checks of {day}", "{day} 的全部检查")
SEE_RUN = Words("run {run_id} of {day}", "{day} 的运行 {run_id}")
SEE_DAY = Words("{day}, the newest published day", "{day}（最新的已发布日）")
SEE_NOTHING = Words("no data: no day is published yet", "没有数据（尚无已发布的数据日）")

# ---- reports of stages ---------------------------------------------------------------------------------

BATCH_EXISTS = Words("batch already exists", "批次已存在")
FILES = Words("{count} files", "{count} 个文件")
FILES_LEFT_OUT = Words("{files}; not read: {left}", "{files}；未读取：{left}")
READ_TO = Words("to {until}", "截至 {until}")
WHOLE_TABLE = Words("whole table", "整张表")
GONE_AT_THE_SOURCE = Words("{count} rows gone at the source", "数据源中消失 {count} 行")
ALREADY_CLEAN = Words("batch is already clean", "批次已清洗")
CLEANED_AGAIN = Words("cleaned again on the current table", "已基于当前表重新清洗")
PROMOTED = Words("the held batch is promoted", "挂起的批次已并入主干")
ROLLED_UP = Words("{days} days", "{days} 天")
ROLLED_UP_PARTIALS = Words("{days} days, {partials} partials", "{days} 天，{partials} 个部分聚合")
NOTHING_CHANGED = Words("nothing changed", "没有变化")
AUDITED = Words("{status}, {failed} failed", "{status}，{failed} 项未通过")
REFUSED_CHECKS = Words("refused, {failed} critical checks failed", "被拒绝，{failed} 项严重检查未通过")
HELD_UNCHANGED = Words("held rows unchanged", "挂起的行保持不变")
HELD_COPIED = Words("held rows copied onto the current main", "挂起的行已复制到当前主干")
HELD_RECOMPUTED = Words("recomputed: the day before was published again", "已重新计算：前一日重新发布过")
REPORTS_REMOVED = Words("{runs} old reports removed", "已删除 {runs} 份旧报告")
REPORTS_NOT_REMOVED = Words("old reports not removed ({error})", "旧报告未能删除（{error}）")
LATER = Words(
    "{rows} rows of a time after {day} stay in the clean table and count from the day of their time on; "
    "{users} of their users are in no table of {day}",
    "{rows} 行的时间晚于 {day}：保留在清洗表中，从其时间所在日起计入；"
    "其中 {users} 个用户不在 {day} 的任何表中",
)
WITHOUT_EVENTS = Words(
    "{users} users have no event up to {day}: a profile or a link makes them users, and they are in the "
    "tables with 0 for counts and sums",
    "{users} 个用户截至 {day} 没有任何事件：他们来自资料或关联，在各表中，计数与合计为 0",
)
# Lines of a report that are neither a source nor a table.
LINES: Mapping[str, Words] = {
    "checks": Words("checks", "检查"),
    "report": Words("report", "报告"),
    "reports": Words("reports", "报告"),
    "without_events": Words("without events", "无事件"),
}
STAGE_DONE = Words("done in {seconds:.1f} s", "完成，用时 {seconds:.1f} 秒")
REPORT_TITLE = Words("{day}, run {run_id}", "{day}，运行 {run_id}")
REPORT_STAGE = Words("stage", "阶段")
REPORT_LINE = Words("source or table", "数据源或表")
# The row counts of a line; those with another text over a narrow column.
COUNTS: Mapping[str, Words] = {
    "read": Words("read", "读取"),
    "kept": Words("kept", "保留"),
    "superseded": Words("superseded", "被取代"),
    "repeats": Words("repeats", "重复"),
    "quarantined": Words("quarantined", "隔离"),
    "written": Words("written", "写入"),
}
NARROW: Mapping[str, Words] = {
    "superseded": Words("super-\nseded", "被取代"),
    "quarantined": Words("set\naside", "隔离"),
}

# ---- results in a terminal -----------------------------------------------------------------------------

CHECK_PASSED = Words("passed", "通过")
CHECK_FAILED = Words("failed", "未通过")
CHECK_NAME = Words("{table}: {title}", "{table}：{title}")
CHECK_FOUND = Words("wanted {wanted}; observed {observed}", "要求：{wanted}；观测：{observed}")
CHECK_TO_DO = Words("{owner}: {action}", "{owner}：{action}")
CHECK_RUN = Words("{stage} of run {run_id}", "运行 {run_id} 的{stage}阶段")
CHECKS_COUNTED = Words("{checks} checks, {failed} failed", "{checks} 项检查，{failed} 项未通过")
