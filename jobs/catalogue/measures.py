"""Building measures: an aggregate over a window becomes partials that merge day by day."""

from jobs.catalogue.model import RESERVED_MEASURES, CalendarPeriod, Measure, Partial, Source
from jobs.catalogue.versions import version_of
from jobs.config.expressions import Aggregate, Expression, ExpressionError, parse_aggregate, parse_boolean
from jobs.config.loader import Located, Settings
from jobs.config.models import CalendarWindow, MeasureEntry
from jobs.config.validation import close
from jobs.errors import ConfigProblem

# What one day keeps of a user's rows for each aggregate.
_PARTIALS = {
    "count": ("count",),
    "count_distinct": ("count_distinct",),
    "sum": ("sum",),
    "min": ("min",),
    "max": ("max",),
    "avg": ("sum", "count"),
    "first": ("first",),
    "last": ("last",),
}

_FAMILY_TYPES = {"number": "double", "text": "string", "unknown": "string"}


def build_measure(
    name: str,
    located: Located[MeasureEntry],
    sources: dict[str, Source],
    settings: Settings,
    problems: list[ConfigProblem],
) -> Measure | None:
    """One measure; None (and problems) when its source, aggregate or condition cannot be read.

    A measure of a source that is broken itself is no problem of its own.
    """
    entry = located.entry
    if name in RESERVED_MEASURES:
        problems.append(located.problem(f"{name!r} is a column of every user: choose another name"))
    source = sources.get(entry.source)
    if source is None:
        if entry.source not in settings.sources and not settings.broken.has("sources", entry.source):
            hint = close(entry.source, settings.sources)
            problems.append(located.problem(f"no source {entry.source!r}", "source", suggestion=hint))
        return None
    if source.kind != "events":
        why = {
            "profile": f"{source.name} is a profile: use its columns directly, as {source.name}.column",
            "links": f"{source.name} says which ids belong to one person: it has no measures",
        }
        problems.append(located.problem(why[source.kind], "source"))
        return None
    types = {column.name: column.type for column in source.kept_columns}
    aggregate = _aggregate(located, types, problems)
    where = _where(located, types, problems)
    if aggregate is None or (entry.where is not None and where is None):
        return None
    if not _distinct_is_stated(located, aggregate, problems):
        return None
    calendar = _calendar(located, settings, problems)
    window = entry.window if isinstance(entry.window, str) else None
    argument = aggregate.argument.sql if aggregate.argument else None
    uses = aggregate.argument.columns if aggregate.argument else frozenset()
    condition = where.sql if where else None
    return Measure(
        id=name,
        source=source.name,
        function=aggregate.function,
        partials=tuple(
            _partial(source.name, function, argument, condition) for function in _PARTIALS[aggregate.function]
        ),
        window=_days(window),
        offset=_days(entry.offset) or 0,
        calendar=calendar,
        type=_type(aggregate, types),
        uses=uses | (where.columns if where else frozenset()),
        description=entry.description,
    )


def _calendar(
    located: Located[MeasureEntry], settings: Settings, problems: list[ConfigProblem]
) -> CalendarPeriod | None:
    window = located.entry.window
    if not isinstance(window, CalendarWindow):
        return None
    periods = settings.project.entry.calendar if settings.project else {}
    if window.calendar not in periods:
        # Without a project nothing is known of its periods.
        if settings.project is not None:
            message = f"`calendar` of project.yml has no period {window.calendar!r}"
            hint = close(window.calendar, periods)
            problems.append(located.problem(message, "window", "calendar", suggestion=hint))
        return None
    period = periods[window.calendar]
    return CalendarPeriod(_month_and_day(period.from_), _month_and_day(period.to), window.years_ago)


def _month_and_day(text: str) -> tuple[int, int]:
    month, day = text.split("-")
    return int(month), int(day)


def _aggregate(
    located: Located[MeasureEntry], types: dict[str, str], problems: list[ConfigProblem]
) -> Aggregate | None:
    try:
        return parse_aggregate(located.entry.value, columns=types)
    except ExpressionError as error:
        problems.append(located.problem(str(error), "value", suggestion=error.suggestion))
        return None


def _where(
    located: Located[MeasureEntry], types: dict[str, str], problems: list[ConfigProblem]
) -> Expression | None:
    if located.entry.where is None:
        return None
    try:
        where = parse_boolean(located.entry.where, columns=types)
    except ExpressionError as error:
        problems.append(located.problem(str(error), "where", suggestion=error.suggestion))
        return None
    if not where.columns:
        problems.append(located.problem("is the same for every row: it reads no column", "where"))
    return where


def _distinct_is_stated(
    located: Located[MeasureEntry], aggregate: Aggregate, problems: list[ConfigProblem]
) -> bool:
    stated = located.entry.distinct_within is not None
    if aggregate.function == "count_distinct" and not stated:
        problems.append(
            located.problem(
                "a distinct count says how it merges: `distinct_within: day` where a value never comes "
                "back on another day (the audit checks it)",
                "value",
            )
        )
        return False
    if aggregate.function != "count_distinct" and stated:
        problems.append(located.problem("`distinct_within` belongs to count(distinct …)", "distinct_within"))
        return False
    return True


def _partial(source: str, function: str, argument: str | None, where: str | None) -> Partial:
    version = version_of([source, function, argument, where])
    return Partial(f"{function}_{version}", function, argument, where)  # type: ignore[arg-type]


def _days(text: str | None) -> int | None:
    return int(text.removesuffix("d")) if text else None


def _type(aggregate: Aggregate, types: dict[str, str]) -> str:
    """The Spark type of the measure. Sums of exact numbers stay exact."""
    if aggregate.function in ("count", "count_distinct"):
        return "bigint"
    if aggregate.function == "avg":
        return "double"
    argument = aggregate.argument
    assert argument is not None
    declared = types.get(argument.sql.strip("`"))
    if aggregate.function == "sum":
        return _sum_type(declared)
    return declared or _FAMILY_TYPES.get(argument.type, argument.type)


def _sum_type(declared: str | None) -> str:
    if declared in ("int", "bigint"):
        return "bigint"
    if declared is not None and declared.startswith("decimal"):
        scale = declared.rstrip(")").split(",")[1]
        return f"decimal(38,{scale})"
    return "double"
