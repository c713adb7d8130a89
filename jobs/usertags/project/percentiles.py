"""Builds percentiles: the rank of a user's measure among the users of the data day."""

from collections.abc import Mapping

from usertags.config.expression_types import is_number
from usertags.config.expressions import Expression, ExpressionError, parse_boolean
from usertags.config.validation import close
from usertags.project.loader import Located, Settings
from usertags.project.measure_entry import PercentileEntry
from usertags.project.model import RESERVED_MEASURES, Measure, Percentile


def build_percentile(
    name: str,
    located: Located[PercentileEntry],
    measures: Mapping[str, Measure],
    settings: Settings,
) -> Percentile | None:
    """One percentile; None (and problems) if its measure or condition is invalid. If its measure
    is invalid, it is not reported as another problem.

    Its condition can use the measures and `data_day`, but no other percentile.
    """
    entry = located.entry
    if name in RESERVED_MEASURES:
        located.report(f"{name!r} is a reserved column name: choose another name")
    base = _base(located, measures, settings)
    where = _where(located, measures, settings)
    if base is None or (entry.where is not None and where is None):
        return None
    return Percentile(
        id=name,
        measure=base.id,
        exact=base.type != "double",
        where=where.tree if where else None,
        uses=where.columns if where else frozenset(),
        definition=f"percentile of {base.id}" + (f" where {entry.where}" if entry.where else ""),
        description=entry.description,
        owner=entry.owner,
    )


def percentile_version(percentile: Percentile, versions: Mapping[str, object]) -> list[object]:
    """The version of a percentile. `versions` has the versions of all measures."""
    conditions = [(name, versions.get(name)) for name in sorted(percentile.uses)]
    return ["percentile", versions[percentile.measure], percentile.where, conditions]


def _base(
    located: Located[PercentileEntry],
    measures: Mapping[str, Measure],
    settings: Settings,
) -> Measure | None:
    name = located.entry.percentile_of
    if name in settings.percentiles:
        message = f"{name!r} is a percentile itself: use the measure that it is based on"
        located.report(message, "percentile_of")
        return None
    measure = measures.get(name)
    if measure is None:
        if name not in settings.measures and not settings.broken.has("measures", name):
            hint = close(name, settings.measures)
            located.report(f"unknown measure {name!r}", "percentile_of", suggestion=hint)
        return None
    if is_number(measure.type):
        return measure
    message = f"a percentile needs a numeric measure, but {name} is of type {measure.type}"
    located.report(message, "percentile_of")
    return None


def _where(
    located: Located[PercentileEntry],
    measures: Mapping[str, Measure],
    settings: Settings,
) -> Expression | None:
    text = located.entry.where
    if text is None:
        return None
    types = {measure.id: measure.type for measure in measures.values() if measure.by is None}
    types["data_day"] = "date"
    try:
        where = parse_boolean(
            text, columns=types, parameters=settings.parameters, dictionaries=settings.dictionaries
        )
    except ExpressionError as error:
        if not _is_follow_on(error, measures, settings):
            located.report(str(error), "where", suggestion=error.suggestion)
        return None
    if not where.columns - {"data_day"}:
        located.report("is constant: it reads no measure", "where")
    return where


def _is_follow_on(error: ExpressionError, measures: Mapping[str, Measure], settings: Settings) -> bool:
    """Whether a problem of the condition only follows from an invalid input."""
    name = error.unknown_name
    if name is None:
        return False
    declared = name in settings.measures and name not in measures
    return declared or settings.broken.has("measures", name) or "tags" in settings.broken.files
