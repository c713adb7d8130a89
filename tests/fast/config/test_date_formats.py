"""Formats of columns that Spark would refuse, complete or misread are refused before anything runs."""

import pytest

from usertags.config.date_formats import DateFormat, check_column_format
from usertags.config.expression_types import ExpressionError


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("yyyy-mm-dd", "m (minutes) in place of M (month)"),
        ("yyyy-mm", "m (minutes) in place of M (month)"),
        ("DD/mm/yyyy", "m (minutes) in place of M (month)"),
        ("dd-mm-yyyy HH:MM:ss", "m (minutes) in place of M (month)"),
        ("yyyy-MM-dd HH:MM:ss", "M (month) in place of m (minutes)"),
        ("YYYY-MM-dd", "a letter that reading does not support: Y"),
        ("yyyy-'W'ww", "a letter that reading does not support: w"),
        ("yyyy-MM-DD", "D (day of the year) together with a month"),
        ("yyyy-MM-dd hh:mm:ss", "12-hour hours without the letter a"),
        ("yyyy-MM-dd KK:mm", "12-hour hours without the letter a"),
        ("yyyy-MM-dd HH:mm:SS", "S (fraction of a second) in place of s"),
        ("EEE MMM dd HH:mm:ss Z yyyy", "a letter that reading does not support: E"),
        ("dd MMMMM yyyy", "a wrong number of letters in MMMMM"),
        ("yyyy-MM-dd HH:mm OO", "a wrong number of letters in OO"),
        ("yyyy-MM-ddTHH:mm", "a letter that reading does not support: T"),
        ("yyyy-MM-dd'T", "an unpaired or reserved character"),
        ("yyyy-MM-dd]", "an unpaired or nested bracket"),
        ("yyyy-MM-dd[ HH:mm", "an unpaired or nested bracket"),
        ("yyyy-MM-dd[ HH:mm[:ss]]", "an unpaired or nested bracket"),
        ("dd.MM.yyyy dd", "has d twice"),
        ("d.M.y", "years of another length than yyyy: y"),
        ("yyyyy-MM-dd", "years of another length than yyyy: yyyyy"),
        ("dd.MM.", "has no year"),
        ("HH:mm", "has no year"),
        ("", "has no year"),
        ("yyyy dd", "a day without a month"),
        ("dd/MM/yy", "`two_digit_years_from` must say the first"),
    ],
)
def test_a_slip_in_a_format_is_refused(pattern: str, message: str) -> None:
    with pytest.raises(ExpressionError) as refused:
        check_column_format(pattern, None)
    assert message in refused.value.message


@pytest.mark.parametrize(
    "pattern",
    [
        "yyyy",
        "yyyy-MM",
        "yyyy-DDD",
        "yyyyMMddHHmmss",
        "yyyy年M月d日",
        "dd/MMM/yyyy:HH:mm:ss Z",
        "yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
        "MM/dd/yyyy hh:mm:ss a",
        "[yyyy-MM-dd][dd/MM/yyyy]",
        "yyyy-MM-dd[ HH:mm]",
        "HH:mm dd.MM.yyyy O",
    ],
)
def test_other_formats_are_taken(pattern: str) -> None:
    check_column_format(pattern, None)


@pytest.mark.parametrize(
    ("pattern", "first", "message"),
    [
        ("dd/MM/yy", 1930, None),
        ("yyMMdd", 1930, None),
        ("dd/MM/yyyy", 1930, "`two_digit_years_from` is for formats with yy"),
        ("[dd/MM/yy][yyyy-MM-dd]", 1930, "two-digit years together with optional parts"),
    ],
)
def test_two_digit_years_say_their_century(pattern: str, first: int, message: str | None) -> None:
    if message is None:
        check_column_format(pattern, first)
        return
    with pytest.raises(ExpressionError) as refused:
        check_column_format(pattern, first)
    assert message in refused.value.message


def test_a_format_with_optional_zones_reads_each_zone_or_none() -> None:
    found = DateFormat.of("yyyy-MM-dd[ HH:mm][ XXX][' 'VV]").alternatives()
    assert [(form.pattern, form.has_zone) for form in found] == [
        ("yyyy-MM-dd[ HH:mm]", False),
        ("yyyy-MM-dd[ HH:mm] XXX", True),
        ("yyyy-MM-dd[ HH:mm]' 'VV", True),
    ]
    assert DateFormat.of("yyyy'X'MM'z'").has_zone is False
