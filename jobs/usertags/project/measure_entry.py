"""Entries of measures/*.yml; `usertags.project.measures` and `percentiles` check and build them."""

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from usertags.config.durations import Days
from usertags.config.entry import Entry


class CalendarWindow(Entry):
    """A period of `calendar` in project.yml: the latest one that has begun, or the one some years earlier."""

    calendar: str
    years_ago: Annotated[int, Field(ge=0, le=20)] = 0


def _window_form(value: object) -> str:
    return "calendar" if isinstance(value, dict | CalendarWindow) else "days"


AnyWindow = Annotated[
    Annotated[Days, Tag("days")] | Annotated[CalendarWindow, Tag("calendar")], Discriminator(_window_form)
]


class MeasureEntry(Entry):
    """An aggregate of a user's rows over a window. `unit: currency` says that it is an amount in the
    project's currency; it, `description` and `owner` are for people, and change no version."""

    source: str
    value: str
    where: str | None = None
    window: AnyWindow | None = None
    offset: Days | None = None
    by: str | None = None
    half_life: Days | None = None
    distinct_within: Literal["day", "window", "approx"] | None = None
    unit: Literal["currency"] | None = None
    description: str = ""
    owner: str = ""

    @model_validator(mode="after")
    def _offset_needs_window(self) -> "MeasureEntry":
        if self.offset is not None and self.window is None:
            raise ValueError("an `offset` needs a `window`")
        if self.offset is not None and isinstance(self.window, CalendarWindow):
            raise ValueError("an `offset` needs a window of days; use `years_ago` with a calendar window")
        if self.half_life is not None and self.by is None:
            raise ValueError("a `half_life` needs `by`, because it weights the values of a column")
        return self


class PercentileEntry(Entry):
    """The percentile of another measure among the users of the data day."""

    percentile_of: str
    where: str | None = None
    description: str = ""
    owner: str = ""


def _measure_form(value: object) -> str:
    """Whether an entry is a percentile, even if `percentile_of` is misspelled."""
    if isinstance(value, dict):
        return "percentile" if any(str(key).startswith("percentil") for key in value) else "aggregate"
    return "percentile" if isinstance(value, PercentileEntry) else "aggregate"


AnyMeasure = Annotated[
    Annotated[MeasureEntry, Tag("aggregate")] | Annotated[PercentileEntry, Tag("percentile")],
    Discriminator(_measure_form),
]
