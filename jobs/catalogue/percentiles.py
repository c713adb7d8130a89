"""Building percentiles: where a user's measure stands among the users of the data day."""

from collections.abc import Mapping

from jobs.catalogue.model import RESERVED_MEASURES, Measure, Percentile
from jobs.config.expressions import Expression, ExpressionError, parse_boolean
from jobs.config.loader import Located, Settings
from jobs.config.models import PercentileEntry
from jobs.config.validation import close


def build_percentile(
    name: str,
    located: Located[PercentileEntry],
    measures: Mapping[str, Measure],
    settings: Settings,
) -> Percentile | None:
    """One percentile; None (and problems) when its measure or condition cannot be read. One of a measure
    that is broken itself is no problem of its own.

    Its condition sees the measures and `data_day`, but no other percentile.
    """
    entry = located.entry
    if name in RESERVED_MEASURES:
        located.report(f"{name!r} is a column of every user: choose another name")
    base = _base(located, measures, settings)
    where = _where(located, measures, settings)
    if base is None or (entry.where is not None and where is None):
        return None
    return Percentile(
        id=name,
        measure=base.id,
        exact=base.type != "double",
        where=where.sql if where else None,
        uses=where.columns if where else frozenset(),
        definition=f"percentile of {base.id}" + (f" where {entry.where}" if entry.where else ""),
        description=entry.description,
        owner=entry.owner,
    )


def percentile_version(percentile: Percentile, versions: Mapping[str, object]) -> list[object]:
    """What a percentile is made of. `versions` says that of every measure."""
    conditions = [(name, versions.get(name)) for name in sorted(percentile.uses)]
    return ["percentile", versions[percentile.measure], percentile.where, conditions]


def _base(
    located: Located[PercentileEntry],
    measures: Mapping[str, Measure],
    settings: Settings,
) -> Measure | None:
    name = located.entry.percentile_of
    if name in settings.percentiles:
        message = f"{name!r} is a percentile itself: name the measure that it is made of"
        located.report(message, "percentile_of")
        return None
    measure = measures.get(name)
    if measure is None:
        if name not in settings.measures and not settings.broken.has("measures", name):
            hint = close(name, settings.measures)
            located.report(f"no measure {name!r}", "percentile_of", suggestion=hint)
        return None
    if measure.type in ("int", "bigint", "double") or measure.type.startswith("decimal"):
        return measure
    message = f"a percentile is of a number, and {name} is of type {measure.type}"
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
        located.report("is the same for every user: it reads no measure", "where")
    return where


def _is_follow_on(error: ExpressionError, measures: Mapping[str, Measure], settings: Settings) -> bool:
    """A condition over something that is broken is wrong only because of that."""
    name = error.unknown_name
    if name is None:
        return False
    declared = name in settings.measures and name not in measures
    return declared or settings.broken.has("measures", name) or "tags" in settings.broken.files
