"""Building RFM: the measures that it scores, and the rules of its segments."""

from collections.abc import Mapping

from usertags.config.expressions import ExpressionError, parse_boolean
from usertags.config.rfm_columns import RFM_COLUMNS
from usertags.config.validation import close
from usertags.project.loader import Located, Settings
from usertags.project.model import Measure, Rfm
from usertags.project.project_entry import ProjectEntry
from usertags.project.rfm_entry import RfmEntry, Units
from usertags.project.versions import version_of

# Segment rules are read before the segment is known.
_SEGMENT_COLUMNS = {name: type_ for name, type_ in RFM_COLUMNS.items() if name != "segment"}


def build_rfm(
    entry: RfmEntry,
    located: Located[ProjectEntry],
    measures: Mapping[str, Measure],
    versions: Mapping[str, object],
    settings: Settings,
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
    found = _rfm_measures(names, located, measures, settings)
    segments = []
    for index, segment in enumerate(entry.segments):
        try:
            rule = parse_boolean(
                segment.when,
                columns=_SEGMENT_COLUMNS,
                parameters=settings.parameters,
                dictionaries=settings.dictionaries,
            )
            segments.append((segment, rule.tree))
        except ExpressionError as error:
            if not ("tags" in settings.broken.files and error.unknown_name):
                place = ("rfm", "segments", index, "when")
                located.report(str(error), *place, suggestion=error.suggestion)
    if found is None or len(segments) != len(entry.segments):
        return None
    scoring = entry.model_dump(include={"scoring", "edges", "portraits"})
    if entry.unit != Units():
        scoring["unit"] = {name: str(value.normalize()) for name, value in entry.unit}
    used = {role: versions[measure.id] for role, measure in found.items()}
    return Rfm(
        entry, tuple(segments), version_of([scoring, [(item.id, when) for item, when in segments], used])
    )


def _rfm_measures(
    names: dict[str, str],
    located: Located[ProjectEntry],
    measures: Mapping[str, Measure],
    settings: Settings,
) -> dict[str, Measure] | None:
    found: dict[str, Measure] = {}
    for role, name in names.items():
        if name in measures:
            found[role] = measures[name]
        elif name in settings.percentiles:
            located.report(f"`{role}` cannot be a percentile: {name}", "rfm", role)
        elif name not in settings.measures and not settings.broken.has("measures", name):
            hint = close(name, settings.measures)
            located.report(f"unknown measure {name!r}", "rfm", role, suggestion=hint)
    if len(found) < len(names):
        return None
    scored = [found[role] for role in ("recency", "frequency", "monetary")]
    windows = {(measure.window, measure.offset, measure.calendar) for measure in scored}
    before = len(located.problems)
    if len(windows) > 1:
        located.report("recency, frequency and monetary need the same window", "rfm")
    if found["ever"].window is not None or found["ever"].calendar is not None:
        located.report("`ever` counts orders of all time: no window", "rfm", "ever")
    if found["recency"].type not in ("timestamp", "date"):
        located.report("`recency` is the time of the last order", "rfm", "recency")
    for role in ("frequency", "ever", "monetary"):
        if found[role].type in ("string", "timestamp", "date", "boolean"):
            located.report(f"`{role}` is a number", "rfm", role)
    return found if len(located.problems) == before else None
