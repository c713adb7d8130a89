"""Texts and instants become the dates and timestamps of a column: zones, formats and the calendar's ends.

A conversion has steps, each of which reads the one before it more than once: `typed` makes each step a
column, because Spark computes a repeated expression again.
"""

from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from pyspark.sql import Column
from pyspark.sql import functions as F

from usertags.config.date_formats import DateFormat
from usertags.project.model import Column as CleanColumn

# Spark would read '10:30:00' as a time of the current day, and '2024' as a day.
_YEAR_FIRST = r"^(?!0000)\d{4}-"
_DAY_ALONE = r"^\d{4}-\d{1,2}-\d{1,2}$"
_LOCAL = r"^\d{4}-\d{1,2}-\d{1,2}(?:[Tt ][\d:.]*)?$"
_TO_THE_MINUTE = r"^(\d{4}-\d{1,2}-\d{1,2}[Tt ]\d{1,2}:\d{2})(?![:\d])"
# What follows a date: a time, and an offset or the name of a time zone.
_TIMED = r"^\d{4}-\d{1,2}-\d{1,2}[Tt ][\d:.]+ ?"
_OFFSET = r"(?:[Zz]|(?:[Uu][Tt][Cc]?|[Gg][Mm][Tt])?[+-]\d{1,2}(?::?\d{2})?|[Uu][Tt][Cc]?|[Gg][Mm][Tt])"
_REGION = r"[A-Za-z_]+(?:/[A-Za-z0-9_+-]+)+"
_WITH_OFFSET = f"{_TIMED}{_OFFSET}$"
# Java writes the region after the offset: 2024-07-02T12:00:00+08:00[Asia/Shanghai].
_WITH_REGION = f"{_TIMED}(?:{_REGION}|{_OFFSET}\\[{_REGION}\\])$"
# Anything that may be a zone; AM and PM are none.
_WITH_ZONE = f"{_TIMED}(?![AaPp][Mm]$)[A-Za-z+-].*$"
# The zone of a format with z: an abbreviation has several meanings, these have one.
_CERTAIN_ZONE = f"^(?:{_OFFSET}|{_REGION})$"

_DAY = 86_400_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896


def instant_of_text(text: Column, column: CleanColumn, timezone: str) -> Column:
    """A text as an instant; null if it cannot be read.

    A zone or offset in the text counts. A text without one is a local time of the column's time zone, or the
    project's: for an hour that occurs twice the first is used, and a skipped hour is read as the next one. A
    date without time is midnight.
    """
    zone = column.timezone or timezone
    if column.format:
        return F.coalesce(*[_read(found, form, zone) for found, form in _readings(text, column)])
    local = F.when(text.rlike(_DAY_ALONE), F.concat(text, F.lit(" 00:00:00"))).otherwise(_to_the_second(text))
    # The parser applies the rules of a zone (daylight saving) if its name follows the text.
    placed = F.when(text.rlike(_LOCAL), F.concat(local, F.lit(f" {zone}"))).otherwise(_zoned(text, zone))
    return placed.try_cast("timestamp")


def local_time_of_text(text: Column, column: CleanColumn, timezone: str) -> Column:
    """Microseconds of the local time whose date a `date` column has; null for a text without a time zone that
    no format reads: see `date_of_text`."""
    zone = column.timezone or timezone
    if column.format:
        return F.coalesce(*[_local_time_read(found, form, zone) for found, form in _readings(text, column)])
    zoned = F.when(text.rlike(_WITH_ZONE), _zoned(text, zone))
    return _local_time(zoned.try_cast("timestamp"), zone)


def local_time_of_instant(instant: Column, column: CleanColumn, timezone: str) -> Column:
    """Microseconds of the local time in the column's time zone, or the project's."""
    zone = column.timezone or timezone
    return _local_time(instant_in_calendar(instant, zone), zone)


def date_of_local_time(local: Column) -> Column:
    """The date of a local time in microseconds, whatever the session's time zone; null outside the years 1 to
    9999."""
    local = F.when(local.between(_FIRST_DAY * _DAY, (_LAST_DAY + 1) * _DAY - 1), local)
    return F.date_from_unix_date(((local - F.pmod(local, F.lit(_DAY))) / _DAY).cast("int"))


def date_of_text(text: Column, local: Column, column: CleanColumn) -> Column:
    """A text as a date, with its `local_time_of_text`; null if it cannot be read.

    The date of an instant is the one in the column's time zone; a text without a zone has its own date."""
    if column.format:
        return date_of_local_time(local)
    own = F.when(text.rlike(_YEAR_FIRST), text).try_cast("date")
    return F.when(text.rlike(_WITH_ZONE), date_of_local_time(local)).otherwise(own)


def _local_time(instant: Column, zone: str) -> Column:
    return F.unix_micros(F.from_utc_timestamp(instant, zone))


def _zoned(text: Column, zone: str) -> Column:
    """A text with a zone or offset as the parser accepts it; null without one that has a single meaning."""
    full = _to_the_second(text)
    placed = F.when(text.rlike(_WITH_OFFSET), F.upper(full))
    placed = placed.when(text.rlike(_WITH_REGION), F.regexp_replace(full, r"\[.*", ""))
    for abbreviation, offset in _abbreviations(zone).items():
        named = text.rlike(f"{_TIMED}(?i:{abbreviation})$")
        placed = placed.when(named, F.regexp_replace(full, " ?[A-Za-z]+$", offset))
    return placed


def _to_the_second(text: Column) -> Column:
    """The parser accepts a zone only after full seconds."""
    return F.regexp_replace(text, _TO_THE_MINUTE, "$1:00")


def date_in_calendar(date: Column) -> Column:
    """The date if its year is 1 to 9999; null otherwise."""
    return F.when(F.unix_date(date).between(_FIRST_DAY, _LAST_DAY), date)


def instant_in_calendar(instant: Column, zone: str) -> Column:
    """The instant if its year is 1 to 9999 in UTC and in the zone; null otherwise: many readers of the lake
    know no other years."""
    first, last = _calendar(zone)
    return F.when(F.unix_micros(instant).between(first, last), instant)


@cache
def _calendar(zone: str) -> tuple[int, int]:
    """The first and last microsecond of the years 1 to 9999 in UTC and in the zone."""
    first, last = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    place = ZoneInfo(zone)
    first -= min(timedelta(), _offset(first + timedelta(days=1), place))
    last -= max(timedelta(), _offset(last - timedelta(days=1), place))
    microsecond = timedelta(microseconds=1)
    return (first - _EPOCH) // microsecond, (last - _EPOCH) // microsecond


def _offset(instant: datetime, zone: ZoneInfo) -> timedelta:
    return instant.astimezone(zone).utcoffset() or timedelta()


def _readings(text: Column, column: CleanColumn) -> list[tuple[Column, DateFormat]]:
    """What to read by which format, of a column with a format; at most one of them succeeds."""
    form = DateFormat.of(column.format or "")
    if column.two_digit_years_from is not None:
        text = _with_century(text, form, column.two_digit_years_from)
        form = form.with_four_digit_years()
    return [(text, each) for each in form.alternatives()]


def _local_time_read(text: Column, form: DateFormat, zone: str) -> Column:
    """A text without a zone is read in UTC, which has every local time."""
    zone = zone if form.has_zone else "UTC"
    return _local_time(_read(text, form, zone), zone)


def _read(text: Column, form: DateFormat, zone: str) -> Column:
    if not form.has_zone:
        return F.try_to_timestamp(F.concat(text, F.lit(f" {zone}")), F.lit(f"{form.pattern} VV"))
    if form.has_zone_name:
        text = _with_offsets(text, zone)
        name = F.regexp_extract(text, form.around_zone(), 1)
        text = F.when(name.rlike(_CERTAIN_ZONE), text)
    return F.try_to_timestamp(text, F.lit(form.pattern))


def _with_century(text: Column, form: DateFormat, first_year: int) -> Column:
    """The text with its two-digit year as one of the hundred years from `first_year`; null if there is none.

    The text and not the date is changed: 29 February exists in 2000 and not in 1900."""
    around = form.around_year()
    before, year, after = (F.regexp_extract(text, around, group) for group in (1, 2, 3))
    century, first = divmod(first_year, 100)
    same = year >= F.lit(f"{first:02d}")
    centuries = F.when(same, F.lit(str(century))).otherwise(F.lit(str(century + 1)))
    return F.when(text.rlike(around), F.concat(before, centuries, year, after))


def _with_offsets(text: Column, zone: str) -> Column:
    """The text with an abbreviation that the zone itself uses replaced by its offset: CST is one zone in
    Shanghai and another in Chicago."""
    for abbreviation, offset in _abbreviations(zone).items():
        text = F.regexp_replace(text, rf"(?<![A-Za-z/_])(?i:{abbreviation})(?![A-Za-z/_])", offset)
    return text


@cache
def _abbreviations(zone: str) -> dict[str, str]:
    """The abbreviations that a zone uses since 1970, each with its offset, if it has always meant one."""
    place = ZoneInfo(zone)
    found: dict[str, set[str]] = {}
    for month in range(12 * (2038 - 1970)):
        local = datetime(1970 + month // 12, month % 12 + 1, 1, tzinfo=place)
        name = local.tzname() or ""
        if name.isalpha() and name not in ("UTC", "GMT", "UT"):
            found.setdefault(name, set()).add(f"{local:%z}"[:3] + ":" + f"{local:%z}"[3:5])
    return {name: offsets.pop() for name, offsets in sorted(found.items()) if len(offsets) == 1}
