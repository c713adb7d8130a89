"""Preference tags: the values that a user prefers, in order, with the share of each."""

from collections.abc import Mapping

from jobs.catalogue.model import PREFERENCES, Measure
from jobs.config.expression_text import write_name
from jobs.config.expressions import Expression
from jobs.config.loader import Located, Settings
from jobs.config.models import PreferEntry, TagEntry
from jobs.config.validation import close
from jobs.errors import ConfigProblem


def preference(
    located: Located[TagEntry],
    measures: Mapping[str, Measure],
    settings: Settings,
    problems: list[ConfigProblem],
) -> Expression | None:
    """The values of a measure with `by` as an ordered array of value, number and share.

    Numbers of zero and below (all was returned) prefer nothing and are in no share. Equal numbers stand in
    the order of their values' texts. None (and problems) where a measure does not fit.
    """
    entry = located.entry.prefer
    assert entry is not None
    measure = _measure(located, "measure", entry.measure, measures, settings, problems)
    support = entry.support and _measure(located, "support", entry.support, measures, settings, problems)
    if measure is None or (entry.support is not None and not support):
        return None
    if isinstance(support, Measure) and (support.source, support.by) != (measure.source, measure.by):
        message = f"{support.id} is not by the values of {measure.id}: {measure.by} of {measure.source}"
        problems.append(located.problem(message, "prefer", "support"))
    names = frozenset(name for name in (entry.measure, entry.support) if name)
    return Expression(_sql(entry), names, PREFERENCES)


def _measure(
    located: Located[TagEntry],
    role: str,
    name: str,
    measures: Mapping[str, Measure],
    settings: Settings,
    problems: list[ConfigProblem],
) -> Measure | None:
    measure = measures.get(name)
    if measure is not None and measure.by is not None:
        return measure
    if measure is not None:
        problems.append(located.problem(f"{name} has no `by`: it is one number a user", "prefer", role))
    elif name not in settings.measures and not settings.broken.has("measures", name):
        known = [measure.id for measure in measures.values() if measure.by is not None]
        problems.append(
            located.problem(f"no measure {name!r}", "prefer", role, suggestion=close(name, known))
        )
    return None


def _sql(entry: PreferEntry) -> str:
    """Entries stand in the order of their values before they are summed: equal maps give equal shares.

    What is used more than once is named by a step over an array of one, because Spark would compute it anew.
    """
    entries = f"array_sort(filter(map_entries({write_name(entry.measure)}), e -> e.value > 0))"
    total = "aggregate(es, CAST(0 AS DOUBLE), (t, e) -> t + e.value)"
    summed = f"transform(array({entries}), es -> named_struct('es', es, 'total', {total}))"
    rows = (
        "transform(s.es, e -> named_struct('value', e.key, 'number', e.value, "
        "'share', try_divide(e.value, s.total)))"
    )
    enough = [f"r.share >= {entry.min_share!r}"]
    if entry.support is not None:
        found = f"try_element_at({write_name(entry.support)}, r.value)"
        enough.append(f"coalesce({found}, 0) >= {entry.min_support!r}")
    order = (
        "CASE WHEN a.number > b.number THEN -1 WHEN a.number < b.number THEN 1 "
        "WHEN a.value < b.value THEN -1 WHEN a.value > b.value THEN 1 ELSE 0 END"
    )
    kept = f"filter({rows}, r -> {' AND '.join(enough)})"
    top = f"slice(array_sort({kept}, (a, b) -> {order}), 1, {entry.top})"
    return f"get(filter(transform({summed}, s -> {top}), found -> size(found) > 0), 0)"


def describe_preference(entry: PreferEntry) -> str:
    """The rule on one line."""
    parts = [f"top {entry.top} of {entry.measure}"]
    parts += [f"share >= {entry.min_share:g}"] if entry.min_share else []
    parts += [f"{entry.support} >= {entry.min_support:g}"] if entry.min_support else []
    return ", ".join(parts)
