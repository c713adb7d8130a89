"""The pages: the content of each page; the templates only do the layout."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from itertools import groupby
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from plugins.usertags_quality import drawing, runbook, security
from plugins.usertags_quality.airflow_runs import RELEASE_DAG_ID, planned
from plugins.usertags_quality.formatting import duration, moment, points
from plugins.usertags_quality.loading import Unavailable, in_thread
from plugins.usertags_quality.page_data import PageData, SetAside, View
from usertags.catalogue.build import ROOT
from usertags.catalogue.masking import masked, masked_columns
from usertags.catalogue.model import Catalogue, Example, Tag
from usertags.catalogue.units import unit_behind
from usertags.config.quality_models import Language
from usertags.errors import UsertagsError
from usertags.quality import sentences
from usertags.quality.check_ids import check_id
from usertags.quality.checks import CheckRow
from usertags.quality.formats import in_unit, number, percent
from usertags.quality.impact import Impact, impact
from usertags.quality.kinds import CheckKind
from usertags.quality.runbook import section_of
from usertags.quality.tag_trends import TagTrend
from usertags.quality.timeline import Day, Filter, History

CHART_DAYS = 60
CHECK_RUNS = 30
# The minimum number of slots in a chart.
CARD_RUNS = 14
LISTED_DAYS = 60
MONTHS = 3
_RELEASE = ROOT / "dags" / f"{RELEASE_DAG_ID}.py"

# The name of a state, the CSS class of its colour, and its symbol (colour alone is not accessible).
STATES = {
    "passed": ("Good", "good", "✓"),
    "warned": ("Published with warnings", "warn", "!"),
    "released": ("Released by a person", "warn", "↷"),
    "blocked": ("Blocked", "bad", "✕"),
    "waiting": ("Waiting", "wait", "…"),
    "unfinished": ("Not finished", "wait", "○"),
    "missing": ("Not run yet", "none", "·"),
}


@dataclass(frozen=True)
class Failure:
    """A failed check with the information for the person on call."""

    result: CheckRow
    since: date
    days: int
    how_bad: str
    hit: Impact
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
        self._templates.filters.update(
            number=number, percent=percent, points=points, duration=duration, moment=moment
        )
        self._templates.globals.update(states=STATES)

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
        return self._page(
            request,
            "overview.html",
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
            charts=self._charts(request, shown),
            as_list=as_list,
            everything=everything,
            months=_months(shown, everything=everything),
            listed=list(reversed(shown.last(len(shown.days) if everything else LISTED_DAYS))),
            tones={day.day: _tone(day, chosen) for day in shown.days.values()},
            query=_query(request),
        )

    def _charts(self, request: Request, shown: History) -> list[dict[str, Any]]:
        days = shown.last(CHART_DAYS)

        def chart(
            title: str, values: Sequence[float | None], texts: Sequence[str], least: float = 0.0
        ) -> Any:
            chart_bars = [
                drawing.Bar(
                    value,
                    STATES[day.state][1],
                    f"{day.day}: {text}, {STATES[day.state][0].lower()}",
                    f"{_base(request)}/quality/day/{day.day}",
                )
                for day, value, text in zip(days, values, texts, strict=True)
            ]
            known = [(value, text) for value, text in zip(values, texts, strict=True) if value is not None]
            newest = known[-1][1] if known else "nothing yet"
            low, high = (min(known)[1], max(known)[1]) if known else ("", "")
            label = f"{title} of {len(days)} days: newest {newest}, least {low}, most {high}"
            return {"title": title, "newest": newest, "low": low, "high": high, "days": len(days),
                    "svg": drawing.bars(chart_bars, label, least=least)}  # fmt: skip

        rates = [day.pass_rate for day in days]
        known = [rate for rate in rates if rate is not None]
        return [
            chart(
                "Checks passed", rates, [percent(rate) for rate in rates], max(min(known, default=0) - 0.1, 0)
            ),
            chart("Rows read", [day.rows_read for day in days], [number(day.rows_read) for day in days]),
            chart("Duration", [day.seconds for day in days], [duration(day.seconds) for day in days]),
        ]

    async def day(self, request: Request, day: date) -> Response:
        """A day: its verdict, its checks, its quarantined rows, its runs."""
        view = await self.page_data.view.get()
        found = view.history.days.get(day)
        if found is None:
            raise security.no_such("day")
        run_id = request.query_params.get("run", "")
        if run_id and run_id not in found.run_ids:
            raise security.no_such("run on this day")
        stage = request.query_params.get("stage", "")
        chosen = _filter(request, view.history)
        results = [
            result
            for result in found.results
            if chosen.shows(result) and run_id in ("", result.run_id) and stage in ("", result.stage)
        ]
        aside, problem = await self._set_aside(day)
        return self._page(
            request,
            "day.html",
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
            aside=aside,
            aside_problem=problem,
            reports=_reports(found),
        )

    async def _release(self, day: Day | None) -> str:
        """The Airflow page to release a blocked day: the pending approval, otherwise the page to
        trigger a release; empty for other days."""
        if day is None or day.state != "blocked" or not _RELEASE.is_file():
            return ""
        try:
            run = await in_thread(lambda: self.page_data.asked_release(day.day), 2)
        except Unavailable:
            run = None
        place = f"dags/{RELEASE_DAG_ID}"
        return f"{place}/runs/{quote(run)}/tasks/approve/required_actions" if run else place

    async def _set_aside(self, day: date) -> tuple[list[SetAside], UsertagsError | None]:
        try:
            return await in_thread(lambda: self.page_data.set_aside(day), 4), None
        except Unavailable as error:
            return [], error.error

    async def check(self, request: Request, check_id: str) -> Response:
        """A check: its results over the last runs, what is affected, what to do."""
        view = await self.page_data.view.get()
        results = view.history.of_check(check_id)
        if not results:
            raise security.no_such("check")
        asked = request.query_params.get("day")
        day = security.checked_day(asked) if asked else None
        result = next((each for each in results if each.day == day), None) if day else results[-1]
        if result is None:
            raise security.no_such("result of this check")
        upto = [each for each in results if each.day <= result.day]
        last = upto[-CHECK_RUNS:]
        table = result.table
        aside: list[SetAside] = []
        if table.startswith("clean."):
            found, _ = await self._set_aside(result.day)
            aside = [each for each in found if f"clean.{each.source}" == table]
        return self._page(
            request,
            "check.html",
            view=view,
            result=result,
            failure=None if result.success else _failure(request, view, result),
            hit=impact(view.catalogue, table, result.column),
            last=list(reversed(last)),
            newest=results[-1],
            looks_at=_looks_at(view, result),
            chart=_check_chart(request, last, _language(view)),
            chart_title=sentences.chart_title(last[-1], _language(view)),
            newest_value=in_unit(last[-1].value, last[-1].unit),
            beside=sentences.beside(last[-1], _language(view)),
            passed_share=sum(each.success for each in last) / len(last),
            last_passed=next((each.day for each in reversed(upto) if each.success), None),
            good=view.history.last_good(),
            day=view.history.days[result.day],
            sample=_sample(view, result),
            aside=aside,
            section=section_of(result.kind),
        )

    async def report(
        self, request: Request, day: date, run_id: str, stage: str, keys: security.ReportKeys
    ) -> Response:
        """The report of Great Expectations for a stage of a known run, in a sandbox."""
        view = await self.page_data.view.get()
        found = view.history.days.get(day)
        if found is None or (run_id, stage) not in _reports(found):
            raise security.no_such("report")
        key, folder = keys.make(day, run_id, stage), security.report_folder(day, run_id, stage)
        source = f"{_base(request)}/report/{key}/{folder}/index.html"
        return self._page(
            request, "report.html", view=view, day=found, run_id=run_id, stage=stage, source=source
        )

    async def of_airflow(self, request: Request) -> Response:
        """The tab of a DAG, run or task: the data day of the run."""
        dag_id, airflow_run = request.query_params.get("dag_id"), request.query_params.get("run_id")
        if not str(dag_id).startswith("user_tags_"):
            text = "This DAG has no usertags checks."
            return self._message(request, "Nothing to show here", text)
        if not airflow_run or dag_id != security.DAG_ID:
            return RedirectResponse(f"{_base(request)}/quality", 303)
        found = await in_thread(lambda: planned(airflow_run))
        if found is None:
            text = "The data day of this run is not known yet: the task plan sets it."
            return self._message(request, "Nothing to show yet", text)
        day, run_id = found
        view = await self.page_data.view.get()
        known = view.history.days.get(day)
        if known is None or run_id not in known.run_ids:
            text = f"The data day of this run is {day}. None of its checks has ended yet."
            return self._message(request, "Nothing to show yet", text)
        task = request.query_params.get("task_id")
        query = {"run": run_id} | ({"stage": task} if task in security.STAGES else {})
        return RedirectResponse(f"{_base(request)}/quality/day/{day}?{urlencode(query)}", 303)

    async def tile(self, request: Request) -> Response:
        """The tile on the home page, as JSON."""
        view = await self.page_data.view.get()
        focus, good = _focus(view.history), view.history.last_good()
        if focus is None:
            return JSONResponse(
                {"tone": "none", "mark": "·", "title": "No day has been run yet", "lines": []}
            )
        title, tone, mark = STATES[focus.state]
        newest = view.history.newest
        behind = (newest.day - good.day).days if good and newest else None
        lines = [_failed_text(focus)] if focus.results else []
        if focus.blocked_by:
            lines.append(f"waits for {focus.blocked_by}")
        lines.append(_readers_text(good, behind))
        return JSONResponse(
            {
                "tone": tone,
                "mark": mark,
                "title": f"{focus.day}: {title.lower()}",
                "lines": lines,
                "href": f"plugin/data-quality{_base(request)}/quality",
                "problem": self.page_data.view.problem.message if self.page_data.view.problem else None,
            }
        )

    # ---- tags --------------------------------------------------------------------------------------

    async def tags(self, request: Request) -> Response:
        """All tags with coverage and growth, largest changes first."""
        trends = await self.page_data.tags.get()
        owner, kind = request.query_params.get("owner", ""), request.query_params.get("kind", "")
        shown = [t for t in trends if owner in ("", t.entry["owner"]) and kind in ("", t.entry["kind"])]
        return self._page(
            request,
            "tags.html",
            trends=shown,
            count=len(trends),
            day=max((trend.newest.day for trend in trends if trend.newest), default=None),
            owners=sorted({trend.entry["owner"] for trend in trends}),
            kinds=sorted({trend.entry["kind"] for trend in trends}),
            owner=owner,
            kind=kind,
            lines={trend.id: _share_line(trend) for trend in shown},
        )

    async def tag(self, request: Request, tag_id: str) -> Response:
        """A tag: its definition, owner, values and changes."""
        trend = next((each for each in await self.page_data.tags.get() if each.id == tag_id), None)
        if trend is None:
            raise security.no_such("tag")
        changes: list[tuple[str, str, int]] | None = []
        speakers: dict[str, int] | None = None
        problem: UsertagsError | None = None
        day, run_id = trend.entry["dt"], trend.entry["run_id"]
        try:
            changes, speakers = await asyncio.gather(
                in_thread(lambda: self.page_data.changes(day, run_id, tag_id), 5),
                in_thread(lambda: self.page_data.speakers(day, run_id, tag_id), 5),
            )
        except Unavailable as error:
            problem = error.error
        catalogue = await in_thread(self.page_data.catalogue)
        known = catalogue.tags.get(tag_id)
        return self._page(
            request,
            "tag.html",
            language=catalogue.quality.language,
            trend=trend,
            entry=trend.entry,
            changes=changes,
            precision=_precision(speakers, known),
            examples=[_example(example, catalogue) for example in known.examples] if known else [],
            problem=problem,
            line=_share_line(trend, width=1000),
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
        hit = [
            each for each in newest
            if any(tag.id == tag_id for tag in impact(view.catalogue, each.table, each.column).tags)
        ]  # fmt: skip
        return sorted(hit, key=lambda each: (each.success, each.check_id))

    # ---- the rest ----------------------------------------------------------------------------------

    async def runbook(self, request: Request) -> Response:
        text = await in_thread(runbook.rendered)
        return self._page(request, "runbook.html", text=text)

    def refused(self, request: Request, status: int, text: str) -> Response:
        title = {403: "Access denied", 404: "Not found"}.get(status, "Something went wrong")
        if status == 403:
            text = f"{text}. This page requires access to the runs of the DAG {security.DAG_ID} in Airflow."
        return self._message(request, title, text, status)

    def unavailable(self, request: Request, error: UsertagsError) -> Response:
        return self._message(
            request, "The quality pages are not available", error.message, 503, error.safe, error.next_step
        )

    def _message(
        self, request: Request, title: str, text: str, status: int = 200, safe: str = "", next_step: str = ""
    ) -> Response:
        return self._page(
            request, "message.html", status, title=title, text=text, safe=safe, next_step=next_step
        )

    def _page(self, request: Request, template: str, status: int = 200, **values: Any) -> Response:
        base = _base(request)
        view: View | None = values.get("view")
        language = _language(view) if view else values.pop("language", "en")
        values = {"view": None, "say": _sentences(language), **values}
        text = self._templates.get_template(template).render(
            base=base,
            host=base.removesuffix("/usertags"),
            dag_id=security.DAG_ID,
            stale=self.page_data.view.problem if view else None,
            zone=ZoneInfo(view.catalogue.timezone) if view else None,
            **values,
        )
        return HTMLResponse(text, status)


def _language(view: View) -> Language:
    return view.catalogue.quality.language


def _sentences(language: Language) -> SimpleNamespace:
    """What makes the sentences of a result in a template."""
    made = (sentences.title, sentences.observed, sentences.wanted, sentences.action)
    return SimpleNamespace(**{make.__name__: partial(make, language=language) for make in made})


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


def _focus(history: History) -> Day | None:
    """The main day of the page: the first blocking day, otherwise the newest day with a run."""
    if history.blocked:
        return history.blocked[0]
    with_run = [day for day in history.days.values() if day.state not in ("missing", "waiting")]
    return with_run[-1] if with_run else history.newest


def _failures(request: Request, view: View, day: Day, chosen: Filter) -> list[Failure]:
    return [_failure(request, view, result) for result in day.failed if chosen.shows(result)]


def _failure(request: Request, view: View, result: CheckRow) -> Failure:
    since = view.history.failing_since(result) or result.day
    hit = impact(view.catalogue, result.table, result.column)
    last = [each for each in view.history.of_check(result.check_id) if each.day <= result.day][-CHECK_RUNS:]
    trend = _check_chart(request, last, _language(view), slots=CARD_RUNS)
    days, sample = (result.day - since).days + 1, _sample(view, result)
    bad = sentences.how_bad(result, _language(view))
    return Failure(result, since, days, bad, hit, trend, len(last), sample)


def _looks_at(view: View, result: CheckRow) -> str:
    """The description of a check: its own description, or that of its kind."""
    own = view.catalogue.own_checks_of(result.table)
    written = (
        each.description
        for each in own
        if check_id(each.table, CheckKind.OWN, subject=each.id) == result.check_id
    )
    return next(written, "") or sentences.looks_at(result, _language(view))


def _failed_text(day: Day) -> str:
    failed = len(day.failed)
    return (
        f"{failed} of {len(day.results)} checks failed" if failed else f"all {len(day.results)} checks passed"
    )


def _readers_text(good: Day | None, behind: int | None) -> str:
    if good is None:
        return "readers have no day yet"
    days = {0: "the newest", 1: "1 day behind"}.get(behind or 0, f"{behind} days behind")
    return f"readers have {good.day}, {days}"


def _tone(day: Day, chosen: Filter) -> tuple[str, str, str]:
    """Name, colour and symbol of a day; with a filter, for the filtered checks."""
    if not chosen:
        return STATES[day.state]
    if not day.results:
        return ("No such check", "none", "·")
    if not day.failed:
        return ("Passed", "good", "✓")
    if any(result.severity == "critical" for result in day.failed):
        return ("Failed", "bad", "✕")
    return ("Failed, not critical", "warn", "!")


def _months(history: History, *, everything: bool) -> list[tuple[str, list[Day | None]]]:
    """The newest months, each with its days after the empty cells of its first week."""
    grouped = groupby(history.days.values(), key=lambda day: day.day.strftime("%B %Y"))
    months = []
    for name, days in grouped:
        of_month: list[Day | None] = list(days)
        assert of_month[0] is not None
        months.append((name, [None] * of_month[0].day.weekday() + of_month))
    months.reverse()
    return months if everything else months[:MONTHS]


def _reports(day: Day) -> list[tuple[str, str]]:
    """Run and stage of all reports of a day, newest run first."""
    ended = {(end.run_id, end.stage) for end in day.runs} | {(r.run_id, r.stage) for r in day.results}
    return sorted((each for each in ended if each[1] in security.STAGES), reverse=True)


def _check_chart(
    request: Request, last: Sequence[CheckRow], language: Language, *, slots: int = CHECK_RUNS
) -> Markup:
    """The value of a check, day by day, beside what was usual or wanted; of a check without one, whether it
    passed."""
    newest, failed = last[-1], sum(not each.success for each in last)
    label = f"The last {len(last)} days: {failed} failed"
    if not sentences.chart_title(newest, language):
        chart = [_check_bar(request, each, 0.25 if each.success else 1.0, language) for each in last]
        return drawing.bars(chart, label, top=1.0, slots=slots)
    # A check that passed without a number found nothing.
    values = [0.0 if each.value is None and each.success else each.value for each in last]
    chart = [_check_bar(request, each, value, language) for each, value in zip(last, values, strict=True)]
    against = (newest.usual,) if newest.usual is not None else (newest.low, newest.high)
    marks = [mark for mark in against if mark is not None]
    heights = [*(value for value in values if value is not None), *marks]
    # For shares close to 100 % the remainder is drawn.
    least = max(min(heights) - 0.1, 0.0) if newest.low is not None and max(heights) <= 1 else 0.0
    beside = sentences.beside(newest, language)
    label = f"{label}; newest {in_unit(newest.value, newest.unit)}" + (f", {beside}" if beside else "")
    return drawing.bars(chart, label, least=least, top=max(heights) * 1.05, marks=marks, slots=slots)


def _check_bar(request: Request, result: CheckRow, value: float | None, language: Language) -> drawing.Bar:
    tone = "good" if result.success else ("bad" if result.severity == "critical" else "warn")
    said = "passed" if result.success else "failed"
    shown = "" if result.value is None else in_unit(result.value, result.unit)
    found = shown if result.success else sentences.observed(result, language)
    link = f"{_base(request)}/quality/check/{result.check_id}?day={result.day}"
    return drawing.Bar(value, tone, f"{result.day}: {said}" + (f", {found}" if found else ""), link)


def _sample(view: View, result: CheckRow) -> tuple[list[str], list[list[str]]]:
    """Columns and rows of the failing rows of a result, masked as the configuration says now."""
    hidden = masked_columns(view.catalogue, result.table)
    shown = [masked(row, hidden) for row in result.samples]
    names = list(dict.fromkeys(name for row in shown for name in row))
    return names, [["" if row.get(name) is None else str(row[name]) for name in names] for row in shown]


def _precision(speakers: dict[str, int] | None, tag: Tag | None) -> str:
    """The known precision of the tag: its manual confirmations, if a source provides them."""
    if tag is None or tag.set_in is None:
        return (
            "Unknown: no source confirms whether the tag is correct. A source with manually set tags "
            "(`explicit`) can provide this."
        )
    if not speakers:
        return f"Set manually in {tag.set_in}; no user carries it, or too many to count here."
    said, users = speakers.get("explicit", 0), sum(speakers.values())
    return (
        f"Set manually in {tag.set_in} for {number(said)} of the {number(users)} users who carry it "
        f"({percent(said / users)}); for the others only the rule applies."
    )


def _example(example: Example, catalogue: Catalogue) -> tuple[str, str]:
    """What is given, amounts with their currency, and what the rule makes of it."""
    given = [f"{name} {value}{unit_behind(catalogue, name, value)}" for name, value in example.given.items()]
    return ", ".join(given), str(example.expect)


def _share_line(trend: TagTrend, *, width: int = 300) -> Markup:
    days = trend.days[-30:]
    label = f"Share of users over {len(days)} published days"
    return drawing.line([day.share for day in days], label, width=width)
