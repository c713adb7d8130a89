"""The pages: the content of each page; the templates only do the layout."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from fastapi import HTTPException, Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from plugins.usertags_quality import drawing, runbook, security, texts
from plugins.usertags_quality.airflow_runs import RELEASE_DAG_ID, planned
from plugins.usertags_quality.formatting import moment
from plugins.usertags_quality.loading import Unavailable, in_thread
from plugins.usertags_quality.page_data import PageData, QuarantinedRows, View
from plugins.usertags_quality.page_language import PageLanguage
from usertags.errors import UsertagsError
from usertags.language import Words
from usertags.project.build import ROOT
from usertags.project.lineage import Lineage
from usertags.project.masking import masked, masked_columns
from usertags.project.model import Example, Project, Tag
from usertags.project.units import unit_behind
from usertags.quality import sentences
from usertags.quality.check_ids import check_id
from usertags.quality.checks import CheckRow
from usertags.quality.formats import in_unit, number, percent
from usertags.quality.impact import Impact, impact
from usertags.quality.kinds import CheckKind
from usertags.quality.runbook import RUNBOOK, RUNBOOKS, section_of
from usertags.quality.tag_trends import TagTrend
from usertags.quality.texts import SEVERITIES
from usertags.quality.timeline import Day, Filter, History

CHART_DAYS = 60
CHECK_RUNS = 30
# The minimum number of slots in a chart.
CARD_RUNS = 14
LISTED_DAYS = 60
MONTHS = 3
_RELEASE = ROOT / "dags" / f"{RELEASE_DAG_ID}.py"

# The name of a state, the CSS class of its colour, and its symbol (colour alone is not accessible).
Tone = tuple[Words, str, str]
STATES: dict[str, Tone] = {
    "passed": (texts.STATES["passed"], "good", "✓"),
    "warned": (texts.STATES["warned"], "warn", "!"),
    "released": (texts.STATES["released"], "warn", "↷"),
    "blocked": (texts.STATES["blocked"], "bad", "✕"),
    "waiting": (texts.STATES["waiting"], "wait", "…"),
    "unfinished": (texts.STATES["unfinished"], "wait", "○"),
    "missing": (texts.STATES["missing"], "none", "·"),
}


@dataclass(frozen=True)
class Failure:
    """A failed check with the information for the person on call."""

    result: CheckRow
    since: date
    days: int
    how_bad: str
    affected: Impact
    trend: Markup
    trend_days: int
    sample: tuple[list[str], list[list[str]]]


class Pages:
    """Renders the pages of a page_data."""

    def __init__(self, page_data: PageData) -> None:
        self.page_data = page_data
        self._templates = Environment(
            loader=FileSystemLoader(Path(__file__).parent / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters.update(number=number, percent=percent, moment=moment)
        self._templates.globals.update(states=STATES, severities=SEVERITIES, t=texts)

    def warm(self) -> None:
        """Start reading the data of the pages, and compile their templates."""
        self.page_data.view.begin()
        self.page_data.tags.begin()
        for name in self._templates.list_templates():
            self._templates.get_template(name)

    # ---- quality -----------------------------------------------------------------------------------

    async def overview(self, request: Request) -> Response:
        """The overview of the newest day, trends, and the days as calendar or list."""
        view = await self.page_data.view.get()
        chosen = _filter(request, view.history)
        shown = view.history.filtered(chosen)
        newest = view.history.newest
        focus = _focus(view.history)
        as_list = request.query_params.get("view") == "list"
        everything = request.query_params.get("all") == "1"
        say = _language_of(view)
        return self._page(
            request,
            "overview.html",
            say,
            view=view,
            newest=newest,
            focus=focus,
            release=await self._release(focus),
            failures=_failures(request, view, focus, chosen) if focus else [],
            good=view.history.last_good(),
            waiting=[day for day in view.history.days.values() if day.state == "waiting"],
            blocked=view.history.blocked,
            wanted=chosen,
            choices={name: view.history.choices(name) for name in ("table", "severity", "owner")},
            charts=_charts(request, shown, say),
            as_list=as_list,
            everything=everything,
            months=_months(shown, say, everything=everything),
            listed=list(reversed(shown.last(len(shown.days) if everything else LISTED_DAYS))),
            tones={day.data_day: _tone(day, chosen) for day in shown.days.values()},
            query=_query(request),
        )

    async def day(self, request: Request, day: date) -> Response:
        """A day: its verdict, its checks, its quarantined rows, its runs."""
        view = await self.page_data.view.get()
        found = view.history.days.get(day)
        if found is None:
            raise security.no_such(texts.NO_SUCH_DAY)
        run_id = request.query_params.get("run", "")
        if run_id and run_id not in found.run_ids:
            raise security.no_such(texts.NO_SUCH_RUN)
        stage = request.query_params.get("stage", "")
        chosen = _filter(request, view.history)
        results = [
            result
            for result in found.results
            if chosen.shows(result) and run_id in ("", result.run_id) and stage in ("", result.stage)
        ]
        quarantined, problem = await self._quarantined(day)
        say = _language_of(view)
        return self._page(
            request,
            "day.html",
            say,
            view=view,
            day=found,
            release=await self._release(found),
            run_id=run_id,
            stage=stage if stage in security.STAGES else "",
            failures=[_failure(request, view, result) for result in results if not result.success],
            passed=[result for result in results if result.success],
            good=view.history.last_good(),
            readers_then=view.history.last_good(day),
            before=view.history.days.get(day - timedelta(days=1)),
            after=view.history.days.get(day + timedelta(days=1)),
            wanted=chosen,
            choices={name: view.history.choices(name) for name in ("table", "severity", "owner")},
            quarantined=quarantined,
            quarantined_problem=say.error(problem) if problem else None,
            reports=_reports(found),
        )

    async def _release(self, day: Day | None) -> str:
        """The Airflow page to release a blocked day: the pending approval, otherwise the page to
        trigger a release; empty for other days."""
        if day is None or day.state != "blocked" or not _RELEASE.is_file():
            return ""
        try:
            run = await in_thread(lambda: self.page_data.asked_release(day.data_day), 2)
        except Unavailable:
            run = None
        place = f"dags/{RELEASE_DAG_ID}"
        return f"{place}/runs/{quote(run)}/tasks/approve/required_actions" if run else place

    async def _quarantined(self, day: date) -> tuple[list[QuarantinedRows], UsertagsError | None]:
        try:
            return await in_thread(lambda: self.page_data.quarantined(day), 4), None
        except Unavailable as error:
            return [], error.error

    async def check(self, request: Request, check_id: str) -> Response:
        """A check: its results over the last runs, what is affected, what to do."""
        view = await self.page_data.view.get()
        results = view.history.of_check(check_id)
        if not results:
            raise security.no_such(texts.NO_SUCH_CHECK)
        asked = request.query_params.get("day")
        day = security.checked_day(asked) if asked else None
        result = next((each for each in results if each.data_day == day), None) if day else results[-1]
        if result is None:
            raise security.no_such(texts.NO_SUCH_RESULT)
        upto = [each for each in results if each.data_day <= result.data_day]
        last = upto[-CHECK_RUNS:]
        table = result.table
        quarantined: list[QuarantinedRows] = []
        if table.startswith("clean."):
            found, _ = await self._quarantined(result.data_day)
            quarantined = [each for each in found if f"clean.{each.source}" == table]
        say = _language_of(view)
        return self._page(
            request,
            "check.html",
            say,
            view=view,
            result=result,
            failure=None if result.success else _failure(request, view, result),
            affected=impact(Lineage(view.project), table, result.column),
            last=list(reversed(last)),
            newest=results[-1],
            looks_at=_looks_at(view, result, say),
            chart=_check_chart(request, last, say),
            chart_title=sentences.chart_title(last[-1], say.language),
            newest_value=in_unit(last[-1].value, last[-1].unit, say.language),
            beside=sentences.beside(last[-1], say.language),
            passed_share=sum(each.success for each in last) / len(last),
            last_passed=next((each.data_day for each in reversed(upto) if each.success), None),
            good=view.history.last_good(),
            day=view.history.days[result.data_day],
            sample=_sample(view, result),
            quarantined=quarantined,
            section=section_of(result.kind),
        )

    async def report(
        self, request: Request, day: date, run_id: str, stage: str, keys: security.ReportKeys
    ) -> Response:
        """The report of Great Expectations for a stage of a known run, in a sandbox."""
        view = await self.page_data.view.get()
        found = view.history.days.get(day)
        if found is None or (run_id, stage) not in _reports(found):
            raise security.no_such(texts.NO_SUCH_REPORT)
        key, folder = keys.make(day, run_id, stage), security.report_folder(day, run_id, stage)
        source = f"{_base(request)}/report/{key}/{folder}/index.html"
        about = {"day": found, "run_id": run_id, "stage": stage, "source": source}
        return self._page(request, "report.html", _language_of(view), view=view, **about)

    async def of_airflow(self, request: Request) -> Response:
        """The tab of a DAG, run or task: the data day of the run."""
        dag_id, airflow_run = request.query_params.get("dag_id"), request.query_params.get("run_id")
        if not str(dag_id).startswith("user_tags_"):
            say = await self._language()
            return self._message(request, say, texts.NOTHING_HERE, say.text(texts.NO_CHECKS_IN_DAG))
        if not airflow_run or dag_id != security.DAG_ID:
            return RedirectResponse(f"{_base(request)}/quality", 303)
        found = await in_thread(lambda: planned(airflow_run))
        if found is None:
            say = await self._language()
            return self._message(request, say, texts.NOTHING_HERE_YET, say.text(texts.DAY_NOT_PLANNED))
        day, run_id = found
        view = await self.page_data.view.get()
        known = view.history.days.get(day)
        if known is None or run_id not in known.run_ids:
            say = _language_of(view)
            text = say.text(texts.DAY_NOT_CHECKED, day=day)
            return self._message(request, say, texts.NOTHING_HERE_YET, text)
        task = request.query_params.get("task_id")
        query = {"run": run_id} | ({"stage": task} if task in security.STAGES else {})
        return RedirectResponse(f"{_base(request)}/quality/day/{day}?{urlencode(query)}", 303)

    async def tile(self, request: Request) -> Response:
        """The tile on the home page, as JSON."""
        view = await self.page_data.view.get()
        say = _language_of(view)
        focus, good = _focus(view.history), view.history.last_good()
        tile = _tile(say)
        if focus is None:
            title = say.text(texts.TILE_NO_DAY)
            return JSONResponse(tile | {"tone": "none", "mark": "·", "title": title, "lines": []})
        name, tone, mark = STATES[focus.state]
        newest = view.history.newest
        behind = (newest.data_day - good.data_day).days if good and newest else None
        lines = [_failed_text(focus, say)] if focus.results else []
        lines.append(_readers_text(good, behind, say))
        problem = self.page_data.view.problem
        if problem is not None:
            lines.append(say.text(texts.TILE_OLD, problem=say.error(problem).message))
        return JSONResponse(
            tile
            | {
                "tone": tone,
                "mark": mark,
                "title": say.text(texts.DAY_IS, day=focus.data_day, state=say.text(name).lower()),
                "lines": lines,
                "href": f"plugin/data-quality{_base(request)}/quality",
            }
        )

    # ---- tags --------------------------------------------------------------------------------------

    async def tags(self, request: Request) -> Response:
        """All tags with coverage and growth, largest changes first."""
        trends = await self.page_data.tags.get()
        owner, kind = request.query_params.get("owner", ""), request.query_params.get("kind", "")
        shown = [t for t in trends if owner in ("", t.entry["owner"]) and kind in ("", t.entry["kind"])]
        say = await self._language()
        return self._page(
            request,
            "tags.html",
            say,
            trends=shown,
            count=len(trends),
            day=max((trend.newest.data_day for trend in trends if trend.newest), default=None),
            owners=sorted({trend.entry["owner"] for trend in trends}),
            kinds=sorted({trend.entry["kind"] for trend in trends}),
            owner=owner,
            kind=kind,
            lines={trend.id: _share_line(trend, say) for trend in shown},
        )

    async def tag(self, request: Request, tag_id: str) -> Response:
        """A tag: its definition, owner, values and changes."""
        trend = next((each for each in await self.page_data.tags.get() if each.id == tag_id), None)
        if trend is None:
            raise security.no_such(texts.NO_SUCH_TAG)
        changes: list[tuple[str, str, int]] | None = []
        speakers: dict[str, int] | None = None
        problem: UsertagsError | None = None
        day, run_id, level1 = (trend.entry[name] for name in ("dt", "run_id", "level1"))
        try:
            changes, speakers = await asyncio.gather(
                in_thread(lambda: self.page_data.changes(day, run_id, tag_id), 5),
                in_thread(lambda: self.page_data.speakers(day, run_id, tag_id, level1), 5),
            )
        except Unavailable as error:
            problem = error.error
        project = await in_thread(self.page_data.project)
        known = project.tags.get(tag_id)
        say = PageLanguage(project.quality.language)
        return self._page(
            request,
            "tag.html",
            say,
            trend=trend,
            entry=trend.entry,
            changes=changes,
            precision=_precision(speakers, known, say),
            examples=[_example(example, project) for example in known.examples] if known else [],
            problem=say.error(problem) if problem else None,
            line=_share_line(trend, say, width=1000),
            checks=await self._checks_of(tag_id),
            last=list(reversed(trend.days[-14:])),
        )

    async def _checks_of(self, tag_id: str) -> list[CheckRow]:
        """The latest results of the checks that affect the tag, failed ones first."""
        try:
            view = await self.page_data.view.get()
        except Unavailable:
            return []
        newest = [results[-1] for results in view.history.results.values()]
        lineage = Lineage(view.project)
        affected = [
            each for each in newest
            if any(tag.id == tag_id for tag in impact(lineage, each.table, each.column).tags)
        ]  # fmt: skip
        return sorted(affected, key=lambda each: (each.success, each.check_id))

    # ---- the rest ----------------------------------------------------------------------------------

    async def runbook(self, request: Request) -> Response:
        say = await self._language()
        path = RUNBOOKS[say.language]
        text = await in_thread(lambda: runbook.rendered(path, RUNBOOK))
        return self._page(request, "runbook.html", say, text=text, file=path.name)

    async def refused(self, request: Request, error: HTTPException, *, page: bool) -> Response:
        """The answer to a request that was refused; JSON for a program."""
        say = await self._language()
        text = _refusal(error, say)
        if not page:
            return JSONResponse({"detail": text}, error.status_code)
        if error.status_code == 403:
            text = say.text(texts.NEEDS_ACCESS, detail=text, dag=security.DAG_ID)
        title = texts.REFUSED.get(error.status_code, texts.WENT_WRONG)
        return self._message(request, say, title, text, error.status_code)

    async def unavailable(self, request: Request, error: UsertagsError, *, page: bool) -> Response:
        """The answer while the lake is down; JSON for a program, and for the tile what it shows then."""
        say = await self._language()
        error_text = say.error(error)
        if not page:
            shown = {"tone": "wait", "mark": "○", "title": say.text(texts.TILE_UNAVAILABLE)}
            tile = _tile(say) | shown | {"lines": [say.text(texts.TILE_DOWN)]}
            return JSONResponse({"detail": error_text.message, "tile": tile}, 503)
        about = {"safe": error_text.safe, "next_step": error_text.next_step, "detail": error_text.detail}
        return self._message(request, say, texts.UNAVAILABLE, error_text.message, 503, **about)

    def _message(
        self,
        request: Request,
        say: PageLanguage,
        title: Words,
        text: str,
        status: int = 200,
        *,
        safe: str = "",
        next_step: str = "",
        detail: str = "",
    ) -> Response:
        about = {"title": title, "text": text, "safe": safe, "next_step": next_step, "detail": detail}
        return self._page(request, "message.html", say, status, **about)

    async def _language(self) -> PageLanguage:
        """The language of a page that does not read the history."""
        try:
            language = await in_thread(self.page_data.language, 2)
        except Unavailable:
            language = self.page_data.last_language
        return PageLanguage(language)

    def _page(
        self, request: Request, template: str, say: PageLanguage, status: int = 200, **values: Any
    ) -> Response:
        base = _base(request)
        view: View | None = values.get("view")
        problem = self.page_data.view.problem if view else None
        text = self._templates.get_template(template).render(
            base=base,
            host=base.removesuffix("/usertags"),
            dag_id=security.DAG_ID,
            say=say,
            stale=say.error(problem) if problem else None,
            zone=ZoneInfo(view.project.timezone) if view else None,
            **{"view": None, **values},
        )
        return HTMLResponse(text, status)


def _language_of(view: View) -> PageLanguage:
    return PageLanguage(view.project.quality.language)


def _refusal(error: HTTPException, say: PageLanguage) -> str:
    """Why a request was refused. What Airflow and the web framework answer is English: other languages say
    what its status means."""
    if isinstance(error, security.PageError):
        return say.text(error.words, **error.fields)
    if error.status_code == 403 and say.language != "en":
        return ""
    words = texts.NO_SUCH_PLACE if error.status_code == 404 else texts.ANSWERED
    return say.text(words, detail=error.detail, status=error.status_code)


def _base(request: Request) -> str:
    """The base path of the application, `/usertags` below Airflow's base path."""
    return str(request.scope.get("root_path", "")).rstrip("/")


def _filter(request: Request, history: History) -> Filter:
    """The filter of a URL; unknown values are ignored."""
    given = {name: request.query_params.get(name, "") for name in ("table", "severity", "owner")}
    return Filter(**{name: value for name, value in given.items() if value in history.choices(name)})


def _query(request: Request) -> Any:
    """Creates the query string of a link to the same page with changed parameters."""

    def changed(**values: str) -> str:
        kept = {name: value for name, value in request.query_params.items() if value} | values
        return urlencode({name: value for name, value in kept.items() if value})

    return changed


def _charts(request: Request, shown: History, say: PageLanguage) -> list[dict[str, Any]]:
    """The trends of the newest days: checks passed, rows read, duration."""
    days = shown.last(CHART_DAYS)
    rates = [day.pass_rate for day in days]
    known = [rate for rate in rates if rate is not None]
    least = max(min(known, default=0) - 0.1, 0)
    rows, seconds = [day.rows_read for day in days], [day.seconds for day in days]
    return [
        _chart(request, say, texts.CHART_PASSED, days, rates, [percent(rate) for rate in rates], least),
        _chart(request, say, texts.ROWS_READ, days, rows, [number(count) for count in rows]),
        _chart(request, say, texts.DURATION, days, seconds, [say.duration(each) for each in seconds]),
    ]


def _chart(
    request: Request,
    say: PageLanguage,
    title: Words,
    days: Sequence[Day],
    values: Sequence[float | None],
    shown: Sequence[str],
    least: float = 0.0,
) -> dict[str, Any]:
    """A bar per day; `shown` are the values as texts, `least` is the value of a bar without height."""

    def bar(day: Day, value: float | None, text: str) -> drawing.Bar:
        name, tone, _ = STATES[day.state]
        about = say.text(texts.CHART_DAY, day=day.data_day, value=text, state=say.text(name).lower())
        return drawing.Bar(value, tone, about, f"{_base(request)}/quality/day/{day.data_day}")

    known = [(value, text) for value, text in zip(values, shown, strict=True) if value is not None]
    newest = known[-1][1] if known else say.text(texts.NOTHING_YET)
    low, high = (min(known)[1], max(known)[1]) if known else ("", "")
    ends = {"newest": newest, "low": low, "high": high, "days": len(days)}
    label = say.text(texts.CHART_LABEL, title=say.text(title), **ends)
    drawn = [bar(day, value, text) for day, value, text in zip(days, values, shown, strict=True)]
    return {"title": say.text(title), "svg": drawing.bars(drawn, label, least=least), **ends}


def _focus(history: History) -> Day | None:
    """The main day of the page: the first blocking day, otherwise the newest day with a run."""
    if history.blocked:
        return history.blocked[0]
    with_run = [day for day in history.days.values() if day.state not in ("missing", "waiting")]
    return with_run[-1] if with_run else history.newest


def _failures(request: Request, view: View, day: Day, chosen: Filter) -> list[Failure]:
    return [_failure(request, view, result) for result in day.failed if chosen.shows(result)]


def _failure(request: Request, view: View, result: CheckRow) -> Failure:
    since = view.history.failing_since(result) or result.data_day
    affected = impact(Lineage(view.project), result.table, result.column)
    last = [each for each in view.history.of_check(result.check_id) if each.data_day <= result.data_day][
        -CHECK_RUNS:
    ]
    say = _language_of(view)
    trend = _check_chart(request, last, say, slots=CARD_RUNS)
    days, sample = (result.data_day - since).days + 1, _sample(view, result)
    bad = sentences.how_bad(result, say.language)
    return Failure(result, since, days, bad, affected, trend, len(last), sample)


def _looks_at(view: View, result: CheckRow, say: PageLanguage) -> str:
    """The description of a check: its own description, or that of its kind."""
    own = view.project.own_checks_of(result.table)
    written = (
        each.description
        for each in own
        if check_id(each.table, CheckKind.OWN, subject=each.id) == result.check_id
    )
    return next(written, "") or sentences.looks_at(result, say.language)


def _tile(say: PageLanguage) -> dict[str, Any]:
    """What every tile has: its heading, and its title while no server answers."""
    return {"heading": say.text(texts.DATA_QUALITY), "unavailable": say.text(texts.TILE_UNAVAILABLE)}


def _failed_text(day: Day, say: PageLanguage) -> str:
    words = texts.CHECKS_FAILED if day.failed else texts.TILE_PASSED
    return say.text(words, failed=len(day.failed), checks=len(day.results))


def _readers_text(good: Day | None, behind: int | None, say: PageLanguage) -> str:
    if good is None:
        return say.text(texts.TILE_NO_READERS)
    return say.text(texts.TILE_BEHIND if behind else texts.TILE_NEWEST, day=good.data_day, count=behind)


def _tone(day: Day, chosen: Filter) -> Tone:
    """Name, colour and symbol of a day; with a filter, for the filtered checks."""
    if not chosen:
        return STATES[day.state]
    if not day.results:
        return (texts.NO_SUCH_CHECKS, "none", "·")
    if not day.failed:
        return (texts.PASSED, "good", "✓")
    if any(result.severity == "critical" for result in day.failed):
        return (texts.FAILED, "bad", "✕")
    return (texts.FAILED_NOT_CRITICAL, "warn", "!")


def _months(history: History, say: PageLanguage, *, everything: bool) -> list[tuple[str, list[Day | None]]]:
    """The newest months, each with its days after the empty cells of its first week."""
    grouped = groupby(history.days.values(), key=lambda day: day.data_day.replace(day=1))
    months = []
    for first, days in grouped:
        of_month: list[Day | None] = list(days)
        assert of_month[0] is not None
        months.append((say.month(first), [None] * of_month[0].data_day.weekday() + of_month))
    months.reverse()
    return months if everything else months[:MONTHS]


def _reports(day: Day) -> list[tuple[str, str]]:
    """Run and stage of all reports of a day, newest run first."""
    ended = {(end.run_id, end.stage) for end in day.runs} | {(r.run_id, r.stage) for r in day.results}
    return sorted((each for each in ended if each[1] in security.STAGES), reverse=True)


def _check_chart(
    request: Request, last: Sequence[CheckRow], say: PageLanguage, *, slots: int = CHECK_RUNS
) -> Markup:
    """The value of a check, day by day, beside what was usual or wanted; of a check without one, whether it
    passed."""
    newest, failed = last[-1], sum(not each.success for each in last)
    label = say.text(texts.BARS_LABEL, days=len(last), failed=failed)
    if not sentences.chart_title(newest, say.language):
        chart = [_check_bar(request, each, 0.25 if each.success else 1.0, say) for each in last]
        return drawing.bars(chart, label, top=1.0, slots=slots)
    # A check that passed without a number found nothing.
    values = [0.0 if each.value is None and each.success else each.value for each in last]
    chart = [_check_bar(request, each, value, say) for each, value in zip(last, values, strict=True)]
    against = (newest.usual,) if newest.usual is not None else (newest.low, newest.high)
    marks = [mark for mark in against if mark is not None]
    heights = [*(value for value in values if value is not None), *marks]
    # For shares close to 100 % the remainder is drawn.
    least = max(min(heights) - 0.1, 0.0) if newest.low is not None and max(heights) <= 1 else 0.0
    beside = sentences.beside(newest, say.language)
    shown = in_unit(newest.value, newest.unit, say.language)
    label = say.text(
        texts.BARS_BESIDE if beside else texts.BARS_NEWEST, label=label, value=shown, beside=beside
    )
    return drawing.bars(chart, label, least=least, top=max(heights) * 1.05, marks=marks, slots=slots)


def _check_bar(request: Request, result: CheckRow, value: float | None, say: PageLanguage) -> drawing.Bar:
    tone = "good" if result.success else ("bad" if result.severity == "critical" else "warn")
    outcome = say.text(texts.IS_PASSED if result.success else texts.IS_FAILED)
    shown = "" if result.value is None else in_unit(result.value, result.unit, say.language)
    found = shown if result.success else say.observed(result)
    about = say.text(
        texts.BAR_FOUND if found else texts.BAR_RESULT, day=result.data_day, result=outcome, found=found
    )
    link = f"{_base(request)}/quality/check/{result.check_id}?day={result.data_day}"
    return drawing.Bar(value, tone, about, link)


def _sample(view: View, result: CheckRow) -> tuple[list[str], list[list[str]]]:
    """Columns and rows of the failing rows of a result, masked as the configuration says now."""
    hidden = masked_columns(view.project, result.table)
    shown = [masked(row, hidden) for row in result.samples]
    names = list(dict.fromkeys(name for row in shown for name in row))
    return names, [["" if row.get(name) is None else str(row[name]) for name in names] for row in shown]


def _precision(speakers: dict[str, int] | None, tag: Tag | None, say: PageLanguage) -> str:
    """The known precision of the tag: its manual confirmations, if a source provides them."""
    if tag is None or tag.set_in is None:
        return say.text(texts.PRECISION_UNKNOWN)
    if not speakers:
        return say.text(texts.PRECISION_UNCOUNTED, source=tag.set_in)
    manual, users = speakers.get("explicit", 0), sum(speakers.values())
    counted = {"manual": number(manual), "users": number(users), "share": percent(manual / users)}
    return say.text(texts.PRECISION_COUNTED, source=tag.set_in, **counted)


def _example(example: Example, project: Project) -> tuple[str, str]:
    """What is given, amounts with their currency, and what the rule makes of it."""
    given = [f"{name} {value}{unit_behind(project, name, value)}" for name, value in example.given.items()]
    return ", ".join(given), str(example.expect)


def _share_line(trend: TagTrend, say: PageLanguage, *, width: int = 300) -> Markup:
    days = trend.days[-30:]
    label = say.text(texts.SHARE_LINE, days=len(days))
    return drawing.line([day.share for day in days], label, width=width)
