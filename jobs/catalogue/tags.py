"""Building tags: rules over the measures and profile columns of one user."""

from collections.abc import Mapping
from difflib import get_close_matches

from jobs.catalogue.model import RFM_COLUMNS, Measure, Rfm, Tag
from jobs.catalogue.versions import version_of
from jobs.config.expressions import Expression, ExpressionError, parse_boolean, parse_scalar
from jobs.config.loader import Located, Settings
from jobs.config.models import Case, Example, RfmEntry, TagEntry
from jobs.errors import ConfigProblem

_TYPES = {"number": "double", "text": "string", "unknown": "string"}


def build_tag(
    name: str,
    located: Located[TagEntry],
    inputs: Mapping[str, str],
    versions: Mapping[str, object],
    settings: Settings,
    problems: list[ConfigProblem],
) -> Tag | None:
    """One tag.

    `inputs` are the names that a rule may use with their Spark types; `versions` says what each of them
    is made of, so that the tag's definition_version changes when any of it does.
    """
    entry = located.entry
    columns = dict(inputs) | (dict(RFM_COLUMNS) if entry.kind == "rfm" else {})
    expression = _expression(located, columns, settings, problems)
    _check_levels(located, settings, problems)
    _check_examples(located, columns, problems)
    if expression is None:
        return None
    used = tuple(sorted(expression.columns))
    type_ = "boolean" if entry.when else (entry.type or _TYPES.get(expression.type, expression.type))
    return Tag(
        id=name,
        name=entry.name,
        title=entry.title,
        path=(entry.path[0], entry.path[1], entry.path[2]),
        kind=entry.kind,
        sql=expression.sql,
        type=type_,
        inputs=used,
        values=tuple(entry.values) if entry.values is not None else None,
        definition=_definition(entry),
        description=entry.description,
        validity=entry.validity,
        owner=entry.owner,
        status=entry.status,
        examples=tuple(entry.examples),
        definition_version=version_of(
            [expression.sql, type_, entry.validity, [(column, versions.get(column)) for column in used]]
        ),
    )


def build_rfm(
    entry: RfmEntry,
    located: Located[object],
    measures: Mapping[str, Measure],
    settings: Settings,
    problems: list[ConfigProblem],
) -> Rfm | None:
    """RFM over three measures of the same window, and `ever`, the frequency without a window."""
    names = {
        "recency": entry.recency,
        "frequency": entry.frequency,
        "monetary": entry.monetary,
        "ever": entry.ever,
    }
    found = _rfm_measures(names, located, measures, settings, problems)
    segments = []
    for index, segment in enumerate(entry.segments):
        try:
            rule = parse_boolean(segment.when, columns=dict(RFM_COLUMNS), parameters=settings.parameters)
            segments.append((segment, rule.sql))
        except ExpressionError as error:
            place = ("rfm", "segments", index, "when")
            problems.append(located.problem(str(error), *place, suggestion=error.suggestion))
    if found is None or len(segments) != len(entry.segments):
        return None
    parts = [entry.model_dump(), [(item.id, sql) for item, sql in segments]]
    used = [(measure.partials, measure.window, measure.offset) for measure in found.values()]
    return Rfm(entry, tuple(segments), version_of([parts, used]))


def _rfm_measures(
    names: dict[str, str],
    located: Located[object],
    measures: Mapping[str, Measure],
    settings: Settings,
    problems: list[ConfigProblem],
) -> dict[str, Measure] | None:
    found: dict[str, Measure] = {}
    for role, name in names.items():
        if name in measures:
            found[role] = measures[name]
        elif name not in settings.broken and name not in settings.measures:
            hint = get_close_matches(name, sorted(measures), n=1)
            problems.append(
                located.problem(f"no measure {name!r}", "rfm", role, suggestion=hint[0] if hint else None)
            )
    if len(found) < len(names):
        return None
    windows = {(found[role].window, found[role].offset) for role in ("recency", "frequency", "monetary")}
    before = len(problems)
    if len(windows) > 1:
        problems.append(located.problem("recency, frequency and monetary need the same window", "rfm"))
    if found["ever"].window is not None:
        problems.append(located.problem("`ever` counts orders of all time: no window", "rfm", "ever"))
    if found["recency"].type not in ("timestamp", "date"):
        problems.append(located.problem("`recency` is the time of the last order", "rfm", "recency"))
    for role in ("frequency", "ever", "monetary"):
        if found[role].type in ("string", "timestamp", "date", "boolean"):
            problems.append(located.problem(f"`{role}` is a number", "rfm", role))
    return found if len(problems) == before else None


def _expression(
    located: Located[TagEntry],
    columns: dict[str, str],
    settings: Settings,
    problems: list[ConfigProblem],
) -> Expression | None:
    entry = located.entry
    try:
        if entry.when is not None:
            return parse_boolean(entry.when, columns=columns, parameters=settings.parameters)
        if entry.value is not None:
            return parse_scalar(entry.value, columns=columns, parameters=settings.parameters)
    except ExpressionError as error:
        place = "when" if entry.when is not None else "value"
        if not _mentions_broken(str(error), settings):
            problems.append(located.problem(str(error), place, suggestion=error.suggestion))
        return None
    return _cases(located, columns, settings, problems)


def _mentions_broken(message: str, settings: Settings) -> bool:
    """A rule over an entry that could not be read is wrong only because of that entry."""
    return any(f"'{name}'" in message or f"`{name}`" in message for name in settings.broken)


def _cases(
    located: Located[TagEntry],
    columns: dict[str, str],
    settings: Settings,
    problems: list[ConfigProblem],
) -> Expression | None:
    entry = located.entry
    before = len(problems)
    branches = [
        _case(located, index, case, columns, settings, problems)
        for index, case in enumerate(entry.cases or ())
    ]
    if entry.else_ is not None and entry.else_ not in (entry.values or ()):
        problems.append(located.problem(f"{entry.else_!r} is in no `values`", "else"))
    if len(problems) > before:
        return None
    otherwise = f" ELSE {_literal(entry.else_)}" if entry.else_ is not None else ""
    sql = f"CASE {' '.join(sql for sql, _ in branches)}{otherwise} END"
    used = frozenset(name for _, names in branches for name in names)
    text = any(isinstance(case.value, str) for case in entry.cases or ())
    return Expression(sql=sql, columns=used, type="text" if text else "number")


def _case(
    located: Located[TagEntry],
    index: int,
    case: Case,
    columns: dict[str, str],
    settings: Settings,
    problems: list[ConfigProblem],
) -> tuple[str, frozenset[str]]:
    if case.value not in (located.entry.values or ()):
        problems.append(located.problem(f"{case.value!r} is in no `values`", "cases", index, "value"))
    try:
        rule = parse_boolean(case.when, columns=columns, parameters=settings.parameters)
    except ExpressionError as error:
        if not _mentions_broken(str(error), settings):
            problems.append(located.problem(str(error), "cases", index, "when", suggestion=error.suggestion))
        return "", frozenset()
    return f"WHEN {rule.sql} THEN {_literal(case.value)}", rule.columns


def _literal(value: object) -> str:
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace("'", "\\'")
        return f"'{escaped}'"
    return str(value)


def _definition(entry: TagEntry) -> str:
    """The rule as a person wrote it, on one line."""
    if entry.cases is None:
        return " ".join((entry.when or entry.value or "").split())
    parts = [f"{case.value} when {case.when}" for case in entry.cases]
    parts += [f"else {entry.else_}"] if entry.else_ is not None else []
    return " ".join("; ".join(parts).split())


def _check_levels(located: Located[TagEntry], settings: Settings, problems: list[ConfigProblem]) -> None:
    for index, level in enumerate(located.entry.path):
        if level not in settings.levels:
            message = f"level {level!r} has no English id: add it to `levels`"
            problems.append(located.problem(message, "path", index))


def _check_examples(
    located: Located[TagEntry], columns: Mapping[str, str], problems: list[ConfigProblem]
) -> None:
    for index, example in enumerate(located.entry.examples):
        _check_example(located, index, example, columns, problems)


def _check_example(
    located: Located[TagEntry],
    index: int,
    example: Example,
    columns: Mapping[str, str],
    problems: list[ConfigProblem],
) -> None:
    for name in example.given:
        if name not in columns:
            hint = get_close_matches(name, sorted(columns), n=1)
            problems.append(
                located.problem(
                    f"the example gives {name!r}, which no rule can use",
                    "examples",
                    index,
                    "given",
                    suggestion=hint[0] if hint else None,
                )
            )
    entry = located.entry
    if entry.when is not None and not isinstance(example.expect, bool):
        problems.append(located.problem("a rule's example expects true or false", "examples", index))
    if entry.values is not None and example.expect not in (None, *entry.values):
        problems.append(located.problem(f"{example.expect!r} is in no `values`", "examples", index, "expect"))
