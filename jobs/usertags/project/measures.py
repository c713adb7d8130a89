"""Builds measures: an aggregate over a window is split into partials that are merged over days."""

from usertags.config.aggregates import AggregateFunction, Part, aggregate_function
from usertags.config.durations import Days
from usertags.config.expression_tree import Name, Tree
from usertags.config.expression_types import type_of_family
from usertags.config.expressions import (
    EVENT_DAY,
    Aggregate,
    Expression,
    ExpressionError,
    parse_aggregate,
    parse_boolean,
)
from usertags.config.validation import close
from usertags.project.explicit import ordered_by
from usertags.project.loader import Located, Settings
from usertags.project.measure_entry import CalendarWindow, MeasureEntry
from usertags.project.model import RESERVED_MEASURES, CalendarPeriod, Measure, Partial, Source
from usertags.project.versions import version_of


def build_measure(
    name: str,
    located: Located[MeasureEntry],
    sources: dict[str, Source],
    settings: Settings,
) -> Measure | None:
    """One measure; None (and problems) if its source, aggregate or condition is invalid.

    If its source is invalid, the measure is not reported as another problem.
    """
    entry = located.entry
    if name in RESERVED_MEASURES:
        located.report(f"{name!r} is a reserved column name: choose another name")
    source = sources.get(entry.source)
    if source is None:
        if entry.source not in settings.sources and not settings.broken.has("sources", entry.source):
            hint = close(entry.source, settings.sources)
            located.report(f"unknown source {entry.source!r}", "source", suggestion=hint)
        return None
    if source.kind != "events":
        why = {
            "profile": f"{source.name} is a profile: use its columns directly, as {source.name}.column",
            "links": f"{source.name} has the kind links and cannot have measures",
        }
        located.report(why[source.kind], "source")
        return None
    types = {column.name: column.type for column in source.kept_columns} | {EVENT_DAY: "date"}
    aggregate = _aggregate(located, types, settings)
    where = _where(located, types, settings)
    if aggregate is None or (entry.where is not None and where is None):
        return None
    if not _fits_together(located, aggregate, types):
        return None
    function = _function(aggregate, entry)
    calendar = _calendar(located, settings)
    argument = aggregate.argument.tree if aggregate.argument and function.argument is None else None
    uses = aggregate.argument.columns if aggregate.argument else frozenset()
    condition = where.tree if where else None
    return Measure(
        id=name,
        source=source.name,
        function=function.name,
        partials=tuple(partial(source, part, argument, condition, entry.by) for part in function.parts),
        window=int(entry.window) if isinstance(entry.window, Days) else None,
        offset=int(entry.offset or 0),
        calendar=calendar,
        type="map<string,double>" if entry.by else function.type(_argument_type(aggregate, types)),
        uses=uses
        | (where.columns if where else frozenset())
        | ({entry.by} if entry.by else set())
        | frozenset(name for part in function.parts for name in ordered_by(source, part.name)),
        description=entry.description,
        by=entry.by,
        half_life=int(entry.half_life) if entry.half_life is not None else None,
        definition=_definition(entry),
        unit=entry.unit,
        owner=entry.owner,
    )


def _definition(entry: MeasureEntry) -> str:
    """The aggregate as people wrote it, in one line."""
    parts = [entry.value]
    parts += [f"by {entry.by}"] if entry.by else []
    parts += [f"where {entry.where}"] if entry.where else []
    return " ".join(" ".join(parts).split())


def _fits_together(
    located: Located[MeasureEntry],
    aggregate: Aggregate,
    types: dict[str, str],
) -> bool:
    """Whether the aggregate, its `distinct_within`, its window and its `by` can be combined."""
    stated = _distinct_is_stated(located, aggregate)
    bounded = _is_bounded(located, aggregate)
    return _by(located, aggregate, types) and stated and bounded


def _by(
    located: Located[MeasureEntry],
    aggregate: Aggregate,
    types: dict[str, str],
) -> bool:
    """Whether the measure can be computed per value of the column `by`, if given."""
    by = located.entry.by
    if by is None:
        return True
    before = len(located.problems)
    if by not in types:
        message = f"`by` must be a column of the clean table, not {by!r}"
        located.report(message, "by", suggestion=close(by, types))
    elif types[by] != "string":
        located.report(f"`by` must be a column of type string, not {types[by]}", "by")
    if _function(aggregate, located.entry).by != "numbers":
        message = f"{located.entry.value} cannot be combined with `by`: use count or sum"
        located.report(message, "value")
    return len(located.problems) == before


def _calendar(located: Located[MeasureEntry], settings: Settings) -> CalendarPeriod | None:
    window = located.entry.window
    if not isinstance(window, CalendarWindow):
        return None
    periods = settings.project.entry.calendar if settings.project else {}
    if window.calendar not in periods:
        # Without a project its periods are unknown.
        if settings.project is not None:
            message = f"`calendar` of project.yml has no period {window.calendar!r}"
            hint = close(window.calendar, periods)
            located.report(message, "window", "calendar", suggestion=hint)
        return None
    period = periods[window.calendar]
    return CalendarPeriod(period.from_, period.to, window.years_ago)


def _aggregate(located: Located[MeasureEntry], types: dict[str, str], settings: Settings) -> Aggregate | None:
    try:
        return parse_aggregate(located.entry.value, columns=types, dictionaries=settings.dictionaries)
    except ExpressionError as error:
        located.report(str(error), "value", suggestion=error.suggestion)
        return None


def _where(located: Located[MeasureEntry], types: dict[str, str], settings: Settings) -> Expression | None:
    if located.entry.where is None:
        return None
    try:
        where = parse_boolean(located.entry.where, columns=types, dictionaries=settings.dictionaries)
    except ExpressionError as error:
        located.report(str(error), "where", suggestion=error.suggestion)
        return None
    if not where.columns:
        located.report("is constant: it reads no column", "where")
    return where


def _distinct_is_stated(located: Located[MeasureEntry], aggregate: Aggregate) -> bool:
    stated = located.entry.distinct_within is not None
    distinct = aggregate.function == "count_distinct"
    if distinct and _function(aggregate, located.entry).argument is not None:
        if located.entry.distinct_within in ("window", "approx"):
            message = f"distinct values of {EVENT_DAY} are always counted exactly: remove `distinct_within`"
            located.report(message, "distinct_within")
            return False
        return True
    if distinct and not stated:
        located.report(
            "a distinct count needs `distinct_within`: `day` if a value never occurs on "
            "another day (the clean stage checks it), `window` to keep the values of the window, or "
            "`approx` for an estimate",
            "value",
        )
        return False
    if stated and not distinct:
        located.report("`distinct_within` requires count(distinct …)", "distinct_within")
        return False
    return True


def _function(aggregate: Aggregate, entry: MeasureEntry) -> AggregateFunction:
    argument = aggregate.argument.tree if aggregate.argument else None
    return aggregate_function(aggregate.function, argument, entry.distinct_within)


def _is_bounded(located: Located[MeasureEntry], aggregate: Aggregate) -> bool:
    """Aggregates that keep data of every day need a window."""
    function = _function(aggregate, located.entry)
    if located.entry.window is not None or not function.needs_window:
        return True
    if function.within is None:
        located.report(f"{function.name}() needs a `window`", "value")
    else:
        message = f"`distinct_within: {function.within}` keeps the values of every day: it needs a `window`"
        located.report(message, "distinct_within")
    return False


def partial(source: Source, part: Part, argument: Tree | None, where: Tree | None, by: str | None) -> Partial:
    """What a day keeps of the rows of a source, under a name that says all that it depends on."""
    order = ordered_by(source, part.name)
    version = version_of(
        [source.name, part.name, argument, where, *([by] if by else []), *([order] if order else [])]
    )
    return Partial(f"{part.name}_{version}", part.name, argument, where, by)


def _argument_type(aggregate: Aggregate, types: dict[str, str]) -> str:
    """The Spark type of what is aggregated; of count(*) there is none."""
    argument = aggregate.argument
    if argument is None:
        return ""
    column = types.get(argument.tree.name) if isinstance(argument.tree, Name) else None
    return column or type_of_family(argument.type)
