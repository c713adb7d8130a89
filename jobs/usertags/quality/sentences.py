"""Sentences about results, made of their columns and the texts in `usertags.quality.kinds` where a person
reads them.

Nothing reads a sentence again: what a program needs of a result stands in its columns.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from usertags.language import Language, Words, name_of
from usertags.quality import kinds
from usertags.quality.checks import Check, CheckResult
from usertags.quality.formats import in_unit, number, percent
from usertags.quality.kinds import KINDS, CheckKind, KindText
from usertags.quality.texts import DIMENSIONS, STAGES

# Of a list this much is shown.
_LISTED = 12
# The kinds that are about something with a name of its own in each language.
_NAMES: Mapping[CheckKind, Mapping[str, Words]] = {
    CheckKind.REPORT: STAGES,
    CheckKind.EDGES: DIMENSIONS,
    CheckKind.SCORES: DIMENSIONS,
}
# The details that are shares of users or rows.
_SHARES = frozenset({"before", "now", "mostly"})


class _Fields(dict[str, str]):
    """What a text is filled in with; a dash stands for what a result does not have."""

    def __missing__(self, name: str) -> str:
        return "–"


def title(result: CheckResult | Check, language: Language = "en") -> str:
    """What the check is called."""
    return _filled(KINDS[result.kind].title, _named(result, language), language)


def looks_at(result: CheckResult, language: Language = "en") -> str:
    """What checks of its kind look at, for the person on duty."""
    return _filled(KINDS[result.kind].looks_at, _named(result, language), language)


def observed(result: CheckResult, language: Language = "en") -> str:
    """What the check found."""
    fields = _fields(result, language)
    text = _filled(_observed(result, KINDS[result.kind]), fields, language)
    more = [_filled(kinds.LEFT_OUT, fields, language)] if result.details.get("left_out") else []
    more += [result.error, kinds.SEE_LOG.of(language)] if result.error is not None else []
    if not more:
        return text
    return kinds.EXPLAINED.filled(language, found=text, more=kinds.SENTENCES_END.of(language).join(more))


def _observed(result: CheckResult, text: KindText) -> Words:
    if result.error is not None:
        return kinds.UNKNOWN if result.details.get("details_unknown") else text.broken
    if result.value is None and result.unexpected is None:
        known = kinds.LISTED if "observed" in result.details else text.without
        return known or (kinds.AS_WANTED if result.success else kinds.UNKNOWN)
    if result.kind is CheckKind.OWN and result.unexpected is None:
        return kinds.VALUE
    return text.zero if result.success and result.value == 0 and text.zero is not None else text.observed


def wanted(result: CheckResult, language: Language = "en") -> str:
    """The bounds of the check, or what else it wants."""
    fields = _fields(result, language)
    if result.kind is CheckKind.IN_RANGE:
        fields = _Fields({name: text for name, text in fields.items() if name not in ("low", "high")})
        ends = {"low": result.details.get("min"), "high": result.details.get("max")}
        fields |= {name: _plain(value) for name, value in ends.items() if value is not None}
    text = kinds.ARGUMENTS if "arguments" in result.details else KINDS[result.kind].wanted
    wanted = _filled(text or _bounded(fields), fields, language)
    return _filled(kinds.MOSTLY, fields | {"wanted": wanted}, language) if "mostly" in fields else wanted


def _bounded(fields: Mapping[str, str]) -> Words:
    if "low" not in fields:
        return kinds.AT_MOST if "high" in fields else kinds.NEVER
    if "high" not in fields:
        return kinds.AT_LEAST
    return kinds.EXACTLY if fields["low"] == fields["high"] else kinds.BETWEEN


def action(result: CheckResult | Check, language: Language = "en") -> str:
    """What to do when it fails: in the words of whoever wrote the check, or those of its kind."""
    text = KINDS[result.kind].action
    if result.action is not None or text is None:
        return result.action or ""
    return _filled(text, _named(result, language), language)


def sentence(result: CheckResult, language: Language = "en") -> str:
    """A result in one line."""
    parts = {"title": title, "observed": observed, "wanted": wanted}
    fields = _Fields({name: make(result, language) for name, make in parts.items()}, table=result.table)
    return _filled(kinds.SENTENCE, fields, language)


def how_bad(result: CheckResult, language: Language = "en") -> str:
    """How far off the value is, and how many rows failed; what was observed where neither is known."""
    fields, text = _fields(result, language), KINDS[result.kind].worse
    compared = result.usual is not None or "before" in result.details
    parts = [_filled(text, fields, language)] if text is not None and compared else []
    if result.unexpected is not None and result.rows:
        parts.append(_filled(kinds.ROWS_OF, fields, language))
    return kinds.SENTENCES_END.of(language).join(parts) or observed(result, language)


def beside(result: CheckResult, language: Language = "en") -> str:
    """What the value is held against; nothing where there is no such number."""
    fields = _fields(result, language)
    if result.usual is not None:
        return _filled(kinds.USUAL, fields, language)
    return "" if result.low is None and result.high is None else _filled(_bounded(fields), fields, language)


def chart_title(result: CheckResult, language: Language = "en") -> str:
    """What the value is called over its chart; nothing where it is not drawn."""
    chart = KINDS[result.kind].chart
    return "" if chart is None or result.value is None else _filled(chart, _named(result, language), language)


def _filled(text: Words, fields: Mapping[str, str], language: Language) -> str:
    return text.of(language).format_map(fields)


def _named(result: CheckResult | Check, language: Language) -> _Fields:
    """What a check is about, which its results do not change."""
    subject = _subject(result, language)
    found = _Fields(table=result.table, source=result.table.partition(".")[2], subject=subject)
    found |= {"column": result.column or subject, "name": subject.replace("_", " ")}
    details = result.details if isinstance(result, CheckResult) else {}
    return _Fields(found | {name: _detail(name, value, language) for name, value in details.items()})


def _subject(result: CheckResult | Check, language: Language) -> str:
    """What a check is about that is no column: the name of a stage or of a dimension of RFM, and a span of
    time in the language."""
    subject = result.subject or ""
    names = _NAMES.get(result.kind)
    if names is not None:
        return name_of(subject, names, language)
    span = kinds.SPANS.get(subject[-1:]) if result.kind is CheckKind.FRESH else None
    return subject if span is None else span.filled(language, number=subject[:-1])


def _fields(result: CheckResult, language: Language) -> _Fields:
    found = _named(result, language)
    numbers = {name: getattr(result, name) for name in ("value", "usual", "low", "high")}
    found |= {
        name: in_unit(value, result.unit, language) for name, value in numbers.items() if value is not None
    }
    counts = {"rows": result.rows, "unexpected": result.unexpected}
    found |= {name: number(count) for name, count in counts.items() if count is not None}
    found |= {"share": percent(result.unexpected_share), "basis": _basis(result, language)}
    return _Fields(found | _against_usual(result))


def _basis(result: CheckResult, language: Language) -> str:
    """Which earlier days the usual value is of."""
    days = {"days": str(result.details.get("days", "–"))}
    weekday = result.details.get("compared") == "weekday"
    return _filled(kinds.SAME_WEEKDAY if weekday else kinds.DAYS_BEFORE, days, language)


def _against_usual(result: CheckResult) -> dict[str, str]:
    if result.value is None or not result.usual:
        return {}
    times = result.value / result.usual
    factor = f"× {times:,.3g}" if times >= 1 else f"÷ {1 / times:,.3g}" if times else "× 0"
    change = percent((result.value - result.usual) / result.usual, signed=True)
    return {"change": change, "factor": factor, "difference": f"{result.value - result.usual:+.2f}"}


def _detail(name: str, value: Any, language: Language) -> str:
    if name in _SHARES:
        return percent(value)
    if isinstance(value, Mapping) and set(value) <= {"warning", "critical"}:
        return _graded(value, language)
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_plain(each)}" for key, each in value.items())
    return _list(value, language) if isinstance(value, list | tuple) else _plain(value)


def _graded(bounds: Mapping[str, Any], language: Language) -> str:
    """Bounds that warn and that block."""
    levels = (("warning", kinds.WARNS), ("critical", kinds.BLOCKS))
    given = {name: _plain(bounds[name]) for name, _ in levels if bounds.get(name) is not None}
    parts = [_filled(text, given, language) for name, text in levels if name in given]
    return kinds.LIST_GOES_ON.of(language).join(parts) or _filled(kinds.NEVER, {}, language)


def _list(values: Sequence[Any], language: Language) -> str:
    shown, more = ", ".join(map(str, values[:_LISTED])), len(values) - _LISTED
    return _filled(kinds.MORE, {"shown": shown, "more": str(more)}, language) if more > 0 else shown


def _plain(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.12g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
