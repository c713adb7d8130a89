"""Building measures: an aggregate over a window becomes partials that merge day by day."""

from jobs.catalogue.model import (
    RESERVED_MEASURES,
    CalendarPeriod,
    Measure,
    MeasureFunction,
    Partial,
    Source,
)
from jobs.catalogue.versions import version_of
from jobs.config.expressions import (
    EVENT_DAY,
    Aggregate,
    Expression,
    ExpressionError,
    parse_aggregate,
    parse_boolean,
)
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
    "distinct_days": ("count",),
    "distinct_values": ("values",),
    "distinct_sketch": ("sketch",),
    "gap_mean": ("count",),
    "gap_stddev": ("count",),
}
# Of days, only whether there is a row: any row counts, and the day is the roll-up's own.
_OF_DAYS = ("distinct_days", "gap_mean", "gap_stddev")

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
    types = {column.name: column.type for column in source.kept_columns} | {EVENT_DAY: "date"}
    aggregate = _aggregate(located, types, settings, problems)
    where = _where(located, types, settings, problems)
    if aggregate is None or (entry.where is not None and where is None):
        return None
    if not _fits_together(located, aggregate, types, problems):
        return None
    function = _function(aggregate, entry)
    calendar = _calendar(located, settings, problems)
    window = entry.window if isinstance(entry.window, str) else None
    argument = aggregate.argument.sql if aggregate.argument and function not in _OF_DAYS else None
    uses = aggregate.argument.columns if aggregate.argument else frozenset()
    condition = where.sql if where else None
    return Measure(
        id=name,
        source=source.name,
        function=function,
        partials=tuple(
            _partial(source.name, part, argument, condition, entry.by) for part in _PARTIALS[function]
        ),
        window=_days(window),
        offset=_days(entry.offset) or 0,
        calendar=calendar,
        type="map<string,double>" if entry.by else _type(aggregate, types),
        uses=uses | (where.columns if where else frozenset()) | ({entry.by} if entry.by else set()),
        description=entry.description,
        by=entry.by,
        half_life=_days(entry.half_life),
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
    problems: list[ConfigProblem],
) -> bool:
    """Whether the aggregate, how it merges, its window and its `by` can be one measure."""
    stated = _distinct_is_stated(located, aggregate, problems)
    bounded = _is_bounded(located, aggregate, problems)
    return _by(located, aggregate, types, problems) and stated and bounded


def _by(
    located: Located[MeasureEntry],
    aggregate: Aggregate,
    types: dict[str, str],
    problems: list[ConfigProblem],
) -> bool:
    """Whether the values of the column `by`, if it is given, can be counted or summed apart."""
    by = located.entry.by
    if by is None:
        return True
    before = len(problems)
    if by not in types:
        message = f"`by` names no column that reaches the clean table: {by!r}"
        problems.append(located.problem(message, "by", suggestion=close(by, types)))
    elif types[by] != "string":
        problems.append(located.problem(f"`by` is a column of texts, not {types[by]}", "by"))
    if _function(aggregate, located.entry) not in ("count", "count_distinct", "sum"):
        message = f"{located.entry.value} cannot be taken `by` the values of a column: count or sum"
        problems.append(located.problem(message, "value"))
    return len(problems) == before


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
    located: Located[MeasureEntry], types: dict[str, str], settings: Settings, problems: list[ConfigProblem]
) -> Aggregate | None:
    try:
        return parse_aggregate(located.entry.value, columns=types, dictionaries=settings.dictionaries)
    except ExpressionError as error:
        problems.append(located.problem(str(error), "value", suggestion=error.suggestion))
        return None


def _where(
    located: Located[MeasureEntry], types: dict[str, str], settings: Settings, problems: list[ConfigProblem]
) -> Expression | None:
    if located.entry.where is None:
        return None
    try:
        where = parse_boolean(located.entry.where, columns=types, dictionaries=settings.dictionaries)
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
    if _counts_days(aggregate):
        if located.entry.distinct_within in ("window", "approx"):
            message = f"days are counted exactly: take `distinct_within` of {EVENT_DAY} out"
            problems.append(located.problem(message, "distinct_within"))
            return False
        return True
    if aggregate.function == "count_distinct" and not stated:
        problems.append(
            located.problem(
                "a distinct count says how it merges: `distinct_within: day` where a value never comes "
                "back on another day (the audit checks it), `window` to keep the values of a window, or "
                "`approx` for an estimate",
                "value",
            )
        )
        return False
    if aggregate.function != "count_distinct" and stated:
        problems.append(located.problem("`distinct_within` belongs to count(distinct …)", "distinct_within"))
        return False
    return True


def _counts_days(aggregate: Aggregate) -> bool:
    argument = aggregate.argument
    return aggregate.function == "count_distinct" and argument is not None and argument.sql == EVENT_DAY


def _function(aggregate: Aggregate, entry: MeasureEntry) -> MeasureFunction:
    if _counts_days(aggregate):
        return "distinct_days"
    if aggregate.function == "count_distinct" and entry.distinct_within == "window":
        return "distinct_values"
    if aggregate.function == "count_distinct" and entry.distinct_within == "approx":
        return "distinct_sketch"
    return aggregate.function


def _is_bounded(located: Located[MeasureEntry], aggregate: Aggregate, problems: list[ConfigProblem]) -> bool:
    """What is kept of every day is kept for a window only."""
    if located.entry.window is not None:
        return True
    if aggregate.function in ("gap_mean", "gap_stddev"):
        problems.append(located.problem(f"{aggregate.function}() needs a `window`", "value"))
        return False
    if located.entry.distinct_within == "window":
        message = "`distinct_within: window` keeps the values of every day: it needs a `window`"
        problems.append(located.problem(message, "distinct_within"))
        return False
    return True


def _partial(source: str, function: str, argument: str | None, where: str | None, by: str | None) -> Partial:
    version = version_of([source, function, argument, where, *([by] if by else [])])
    return Partial(f"{function}_{version}", function, argument, where, by)  # type: ignore[arg-type]


def _days(text: str | None) -> int | None:
    return int(text.removesuffix("d")) if text else None


def _type(aggregate: Aggregate, types: dict[str, str]) -> str:
    """The Spark type of the measure. Sums of exact numbers stay exact."""
    if aggregate.function in ("count", "count_distinct"):
        return "bigint"
    if aggregate.function in ("avg", "gap_mean", "gap_stddev"):
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
