"""The measures as a list for people: what each counts, over which days, and who answers for it."""

from collections.abc import Iterator
from dataclasses import astuple, dataclass

from usertags.project.model import CalendarPeriod, Measure, Project

COLUMNS = ("measure", "source", "aggregate", "window", "unit", "owner", "description")


@dataclass(frozen=True)
class MeasureLine:
    """One measure of the configuration, each part as text; what it does not say is empty."""

    measure: str
    source: str
    aggregate: str
    window: str
    unit: str
    owner: str
    description: str

    @property
    def cells(self) -> tuple[str, ...]:
        """The parts in the order of COLUMNS."""
        return astuple(self)


def measure_lines(project: Project) -> Iterator[MeasureLine]:
    """The measures in the order of the configuration, those that are percentiles after all others."""
    for measure in project.measures.values():
        # What people set in a source is read as a measure that nobody configured.
        if not measure.definition:
            continue
        yield MeasureLine(
            measure.id,
            measure.source,
            measure.definition,
            _window(measure),
            project.currency if measure.unit else "",
            measure.owner,
            measure.description,
        )
    for percentile in project.percentiles.values():
        base = project.measures[percentile.measure]
        yield MeasureLine(
            percentile.id,
            base.source,
            percentile.definition,
            _window(base),
            "",
            percentile.owner,
            percentile.description,
        )


def undescribed(project: Project) -> list[str]:
    """The measures without a description or an owner."""
    return [line.measure for line in measure_lines(project) if not (line.description and line.owner)]


def _window(measure: Measure) -> str:
    if measure.calendar is not None:
        return _period(measure.calendar)
    if measure.window is None:
        return "all days"
    days = f"{measure.window} days" if measure.window > 1 else "the day"
    return f"{days}, until {measure.offset} days before" if measure.offset else days


def _period(period: CalendarPeriod) -> str:
    text = f"{period.first} to {period.last}"
    if not period.years_ago:
        return text
    return f"{text}, {period.years_ago} year{'s' if period.years_ago > 1 else ''} ago"
