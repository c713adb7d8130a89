"""Building tags: rules over the measures and profile columns of one user."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

from jobs.catalogue.explicit import ROW_FIELDS, check_set, set_by_people
from jobs.catalogue.follows import following
from jobs.catalogue.model import RESERVED_TAGS, RFM_COLUMNS, Measure, Rfm, Source, Tag
from jobs.catalogue.preferences import describe_preference, preference
from jobs.catalogue.references import PREFIX, check_usable, written_out
from jobs.catalogue.sensitivity import kept_out_of
from jobs.catalogue.sources import is_type
from jobs.catalogue.versions import version_of
from jobs.config.expression_text import write_text
from jobs.config.expressions import Expression, ExpressionError, parse_boolean, parse_scalar
from jobs.config.loader import Broken, Located, Settings
from jobs.config.models import Case, Example, ProjectEntry, RfmEntry, TagEntry
from jobs.config.quality_models import TagDriftEntry
from jobs.config.validation import close
from jobs.errors import ConfigProblem

_TYPES = {"number": "double", "text": "string", "unknown": "string"}
_RULES = ("when", "value", "cases")
# A tag without a rule of its own is what people set.
_ALWAYS_SET = Expression("NULL", frozenset({"data_day"}), "text")
# Segment rules are read before the segment is known.
_SEGMENT_COLUMNS = {name: type_ for name, type_ in RFM_COLUMNS.items() if name != "segment"}


@dataclass(frozen=True)
class Inputs:
    """What a rule may use: each name's Spark type, and what it is made of (so that the definition_version
    of a tag changes when any of it does). `broken` are the names that are declared and cannot be used.
    `sources` and `measures` are what is declared, measures that no rule can use among them."""

    types: Mapping[str, str]
    versions: Mapping[str, object]
    broken: Broken
    sources: Mapping[str, Source]
    measures: Mapping[str, Measure]

    def lacks(self, name: str) -> bool:
        """Whether an unknown name may be one that is declared but broken: that is reported already."""
        source, dot, rest = name.partition(".")
        if source == "tags" and dot:
            return self.broken.has("tags", rest)
        if dot:
            return self.broken.has("sources", source)
        return self.broken.has("measures", name) or "tags" in self.broken.files


def build_tag(
    name: str,
    located: Located[TagEntry],
    inputs: Inputs,
    tags: Mapping[str, Tag],
    settings: Settings,
    problems: list[ConfigProblem],
) -> Tag | None:
    """One tag; None (and problems) when its rule cannot be read. A rule over something that is broken itself
    is no problem of its own. `tags` are those that it can use, built before it."""
    entry = located.entry
    if name in RESERVED_TAGS:
        problems.append(located.problem(f"{name!r} is a column of every user: choose another name"))
    inputs = _of_kind(entry, inputs)
    usable = check_usable(located, settings.tags, problems)
    expression = _rule(located, _with_tags(inputs, tags), tags, settings, problems) if usable else None
    _check_levels(located, settings, problems)
    _check_examples(located, inputs, problems)
    tables = kept_out_of(located, tags, settings, problems)
    if expression is None:
        return None
    if not expression.columns:
        place = next(key for key in _RULES if getattr(entry, key) is not None)
        problems.append(located.problem("is the same for every user: it reads no measure or column", place))
    _check_type(located, expression, problems)
    expression = written_out(expression, tags)
    type_ = _tag_type(entry, expression)
    set_by = None
    if entry.set_ is not None:
        expression, set_by = set_by_people(entry, expression if _has_rule(entry) else None, type_)
    used = tuple(sorted(expression.columns))
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
            [
                expression.sql,
                type_,
                entry.validity,
                [(column, inputs.versions.get(column)) for column in used],
                *_followed(entry, tags),
            ]
        ),
        set_by=set_by,
        follows=entry.follows,
        sensitivity=entry.sensitivity,
        kept_out_of=tables,
        coverage=entry.coverage,
        drift=_drift(entry, settings),
    )


def _drift(entry: TagEntry, settings: Settings) -> TagDriftEntry | None:
    """The project's bounds, with those that the tag sets itself."""
    if entry.drift == "off":
        return None
    project = settings.project.entry.quality.tags if settings.project else TagDriftEntry()
    return project.model_copy(
        update={name: getattr(entry.drift, name) for name in entry.drift.model_fields_set}
    )


def _has_rule(entry: TagEntry) -> bool:
    return any(getattr(entry, key) is not None for key in _RULES)


def _tag_type(entry: TagEntry, expression: Expression) -> str:
    if entry.when is not None or (entry.kind == "manual" and entry.values is None):
        return "boolean"
    return entry.type or _TYPES.get(expression.type, expression.type)


def _followed(entry: TagEntry, tags: Mapping[str, Tag]) -> list[object]:
    """What a tag that follows another depends on besides its inputs."""
    return [tags[entry.follows.tag].definition_version, entry.follows.what] if entry.follows else []


def _rule(
    located: Located[TagEntry],
    inputs: Inputs,
    tags: Mapping[str, Tag],
    settings: Settings,
    problems: list[ConfigProblem],
) -> Expression | None:
    """What the tag says of a user by the measures and columns of the data day."""
    entry = located.entry
    settable = entry.set_ is None or check_set(located, inputs.sources, settings, problems)
    if entry.prefer is not None:
        return preference(located, inputs.measures, settings, problems)
    if entry.follows is not None:
        return following(located, tags, settings, problems)
    rule = _expression(located, inputs, settings, problems) if _has_rule(entry) else _ALWAYS_SET
    return rule if settable else None


def _with_tags(inputs: Inputs, tags: Mapping[str, Tag]) -> Inputs:
    usable = {f"{PREFIX}{tag.id}": tag.type for tag in tags.values() if not tag.multiple}
    return replace(inputs, types={**inputs.types, **usable})


def _of_kind(entry: TagEntry, inputs: Inputs) -> Inputs:
    if entry.kind != "rfm":
        return inputs
    return replace(inputs, types={**inputs.types, **RFM_COLUMNS})


def _check_type(located: Located[TagEntry], expression: Expression, problems: list[ConfigProblem]) -> None:
    """A declared type that Spark cannot make of the value would fail at night."""
    type_ = located.entry.type
    if type_ is None or not _has_rule(located.entry):
        return
    moments = ("date", "timestamp")
    if not is_type(type_):
        problems.append(located.problem(f"{type_} has more digits than a decimal can have", "type"))
    elif type_ not in (expression.type, "string") and expression.type not in ("text", "unknown"):
        of_moment, to_moment = expression.type in moments, type_ in moments
        if of_moment != to_moment or expression.type == "boolean" or type_ == "boolean":
            message = f"the value is of type {expression.type} and cannot be read as {type_}"
            problems.append(located.problem(message, "type"))


def build_rfm(
    entry: RfmEntry,
    located: Located[ProjectEntry],
    measures: Mapping[str, Measure],
    versions: Mapping[str, object],
    settings: Settings,
    problems: list[ConfigProblem],
) -> Rfm | None:
    """RFM over three measures of the same window, and `ever`, the frequency without a window.

    `versions` says what each measure is made of.
    """
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
            rule = parse_boolean(
                segment.when,
                columns=_SEGMENT_COLUMNS,
                parameters=settings.parameters,
                dictionaries=settings.dictionaries,
            )
            segments.append((segment, rule.sql))
        except ExpressionError as error:
            if not ("tags" in settings.broken.files and _unknown_name(error)):
                place = ("rfm", "segments", index, "when")
                problems.append(located.problem(str(error), *place, suggestion=error.suggestion))
    if found is None or len(segments) != len(entry.segments):
        return None
    scoring = entry.model_dump(include={"scoring", "edges", "portraits"})
    used = {role: versions[measure.id] for role, measure in found.items()}
    return Rfm(
        entry, tuple(segments), version_of([scoring, [(item.id, sql) for item, sql in segments], used])
    )


def _rfm_measures(
    names: dict[str, str],
    located: Located[ProjectEntry],
    measures: Mapping[str, Measure],
    settings: Settings,
    problems: list[ConfigProblem],
) -> dict[str, Measure] | None:
    found: dict[str, Measure] = {}
    for role, name in names.items():
        if name in measures:
            found[role] = measures[name]
        elif name in settings.percentiles:
            problems.append(located.problem(f"`{role}` cannot be a percentile: {name}", "rfm", role))
        elif name not in settings.measures and not settings.broken.has("measures", name):
            hint = close(name, settings.measures)
            problems.append(located.problem(f"no measure {name!r}", "rfm", role, suggestion=hint))
    if len(found) < len(names):
        return None
    scored = [found[role] for role in ("recency", "frequency", "monetary")]
    windows = {(measure.window, measure.offset, measure.calendar) for measure in scored}
    before = len(problems)
    if len(windows) > 1:
        problems.append(located.problem("recency, frequency and monetary need the same window", "rfm"))
    if found["ever"].window is not None or found["ever"].calendar is not None:
        problems.append(located.problem("`ever` counts orders of all time: no window", "rfm", "ever"))
    if found["recency"].type not in ("timestamp", "date"):
        problems.append(located.problem("`recency` is the time of the last order", "rfm", "recency"))
    for role in ("frequency", "ever", "monetary"):
        if found[role].type in ("string", "timestamp", "date", "boolean"):
            problems.append(located.problem(f"`{role}` is a number", "rfm", role))
    return found if len(problems) == before else None


def _expression(
    located: Located[TagEntry],
    inputs: Inputs,
    settings: Settings,
    problems: list[ConfigProblem],
) -> Expression | None:
    entry = located.entry
    try:
        if entry.when is not None:
            return parse_boolean(
                entry.when,
                columns=inputs.types,
                parameters=settings.parameters,
                dictionaries=settings.dictionaries,
            )
        if entry.value is not None:
            return parse_scalar(
                entry.value,
                columns=inputs.types,
                parameters=settings.parameters,
                dictionaries=settings.dictionaries,
            )
    except ExpressionError as error:
        place = "when" if entry.when is not None else "value"
        _unreadable(located, error, inputs, problems, place)
        return None
    return _cases(located, inputs, settings, problems)


def _unreadable(
    located: Located[TagEntry],
    error: ExpressionError,
    inputs: Inputs,
    problems: list[ConfigProblem],
    *place: str | int,
) -> None:
    """Report a rule that cannot be read; one over something that is broken is wrong only because of that."""
    name = _unknown_name(error)
    if name is not None and name in inputs.measures:
        message = f"{name} has a number for each {inputs.measures[name].by}: a tag with `prefer` reads it"
        problems.append(located.problem(message, *place))
    elif name is None or not inputs.lacks(name):
        problems.append(located.problem(str(error), *place, suggestion=error.suggestion))


def _unknown_name(error: ExpressionError) -> str | None:
    return error.unknown_name


def _cases(
    located: Located[TagEntry],
    inputs: Inputs,
    settings: Settings,
    problems: list[ConfigProblem],
) -> Expression | None:
    entry = located.entry
    before = len(problems)
    tried = [
        _case(located, index, case, inputs, settings, problems)
        for index, case in enumerate(entry.cases or ())
    ]
    branches = [branch for branch in tried if branch is not None]
    if entry.else_ is not None and entry.else_ not in (entry.values or ()):
        problems.append(located.problem(f"{entry.else_!r} is in no `values`", "else"))
    if len(problems) > before or len(branches) < len(tried):
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
    inputs: Inputs,
    settings: Settings,
    problems: list[ConfigProblem],
) -> tuple[str, frozenset[str]] | None:
    if case.value not in (located.entry.values or ()):
        problems.append(located.problem(f"{case.value!r} is in no `values`", "cases", index, "value"))
    try:
        rule = parse_boolean(
            case.when,
            columns=inputs.types,
            parameters=settings.parameters,
            dictionaries=settings.dictionaries,
        )
    except ExpressionError as error:
        _unreadable(located, error, inputs, problems, "cases", index, "when")
        return None
    return f"WHEN {rule.sql} THEN {_literal(case.value)}", rule.columns


def _literal(value: object) -> str:
    return write_text(value) if isinstance(value, str) else str(value)


def _definition(entry: TagEntry) -> str:
    """The rule as a person wrote it, on one line."""
    parts = [text for text in (entry.when, entry.value) if text is not None]
    parts += [f"{case.value} when {case.when}" for case in entry.cases or ()]
    parts += [f"else {entry.else_}"] if entry.else_ is not None else []
    parts += [describe_preference(entry.prefer)] if entry.prefer else []
    parts += [f"{entry.follows.what} of {entry.follows.tag}"] if entry.follows else []
    if entry.set_ is not None:
        wins = f" ({entry.set_.wins} wins)" if entry.set_.wins else ""
        parts.append(f"set in {entry.set_.source} as {entry.set_.tag}{wins}")
    return " ".join("; ".join(parts).split())


def _check_levels(located: Located[TagEntry], settings: Settings, problems: list[ConfigProblem]) -> None:
    for index, level in enumerate(located.entry.path):
        if level not in settings.levels and "tags" not in settings.broken.files:
            message = f"level {level!r} has no English id: add it to `levels`"
            problems.append(located.problem(message, "path", index))


def _check_examples(located: Located[TagEntry], inputs: Inputs, problems: list[ConfigProblem]) -> None:
    for index, example in enumerate(located.entry.examples):
        _check_example(located, index, example, inputs, problems)


def _check_example(
    located: Located[TagEntry],
    index: int,
    example: Example,
    inputs: Inputs,
    problems: list[ConfigProblem],
) -> None:
    entry = located.entry
    types = {**inputs.types, **_given_besides(entry)}
    for name, given in example.given.items():
        if name not in types and not inputs.lacks(name):
            message = f"the example gives {name!r}, which no rule can use"
            place = ("examples", index, "given", name)
            problems.append(located.problem(message, *place, suggestion=close(name, types)))
        elif name in types and not _fits(given, types[name]):
            message = f"the example gives {name} something that is not of type {types[name]}"
            problems.append(located.problem(message, "examples", index, "given", name))
    if entry.when is not None and not isinstance(example.expect, bool):
        problems.append(
            located.problem("a rule's example expects true or false", "examples", index, "expect")
        )
    expected = example.expect if entry.prefer and isinstance(example.expect, list) else [example.expect]
    for value in expected if entry.values is not None else ():
        if value not in (None, *(entry.values or ())):
            problems.append(located.problem(f"{value!r} is in no `values`", "examples", index, "expect"))


def _given_besides(entry: TagEntry) -> dict[str, str]:
    """What an example can give that no rule reads by name."""
    if entry.prefer is not None:
        names = (entry.prefer.measure, entry.prefer.support)
        return {name: "numbers by value" for name in names if name is not None}
    if entry.follows is not None:
        return {"today": "value", "before": "the day before"}
    return {"set": "row that sets the tag"} if entry.set_ is not None else {}


def _are_numbers(given: dict[str, object]) -> bool:
    return all(isinstance(number, int | float) and not isinstance(number, bool) for number in given.values())


_FORMS: dict[str, Callable[[dict[str, object]], bool]] = {
    "numbers by value": _are_numbers,
    "row that sets the tag": lambda given: given.keys() <= set(ROW_FIELDS),
    "the day before": lambda given: given.keys() == {"value", "valid_from", "follower"},
}


def _fits(value: object, type_: str) -> bool:
    """Whether an example's value is one of the input's type, as YAML reads it; nothing fits every type."""
    if value is None or type_ == "value":
        return True
    if type_ in _FORMS:
        return isinstance(value, dict) and _FORMS[type_](value)
    if type_ == "string":
        return isinstance(value, str)
    if type_ == "boolean":
        return isinstance(value, bool)
    if type_ in ("date", "timestamp"):
        return isinstance(value, date) or (isinstance(value, str) and _is_moment(value))
    whole = type_ in ("int", "bigint")
    return isinstance(value, int if whole else int | float) and not isinstance(value, bool)


def _is_moment(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
