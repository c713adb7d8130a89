"""What DuckDB is taught: conversions that its own SQL says otherwise than Spark."""

import math
from decimal import Decimal

import duckdb

_MACROS = (
    # The start counts from 1, from the end where it is negative; 0 is the first place as well.
    """CREATE MACRO part_from(text_, start_) AS
       CASE WHEN start_ > 0 THEN start_ - 1 WHEN start_ < 0 THEN length(text_) + start_ ELSE 0 END""",
    """CREATE MACRO part_of_text(text_, start_, many) AS
       substring(text_, CAST(greatest(part_from(text_, start_), 0) AS BIGINT) + 1,
                 greatest(part_from(text_, start_) + CAST(many AS BIGINT)
                          - greatest(part_from(text_, start_), 0), 0))""",
    # A year or a month stands for its first day.
    """CREATE MACRO date_in_text(text_) AS
       CASE len(string_split(text_, '-'))
            WHEN 1 THEN TRY_CAST(text_ || '-01-01' AS DATE)
            WHEN 2 THEN TRY_CAST(text_ || '-01' AS DATE)
            ELSE TRY_CAST(text_ AS DATE) END""",
    # Half of a unit is rounded away from zero.
    """CREATE MACRO rounded_quotient(above, below) AS
       CASE WHEN below <> 0 THEN
         CASE WHEN (above < 0) = (below < 0) THEN 1 ELSE -1 END
         * ((2 * abs(above) + abs(below)) // (2 * abs(below)))
       END""",
    """CREATE MACRO whole_months(end_, start_) AS
       (year(end_) - year(start_)) * 12 + month(end_) - month(start_)""",
    """CREATE MACRO second_of_month(at_) AS
       day(at_) * 86400 + floor(epoch(at_ - date_trunc('day', at_)))""",
    # A month of 31 days, unless both are the same day of the month or both the last one.
    """CREATE MACRO months_apart(end_, start_) AS
       CASE WHEN day(end_) = day(start_)
              OR (CAST(end_ AS DATE) = last_day(end_) AND CAST(start_ AS DATE) = last_day(start_))
            THEN CAST(whole_months(end_, start_) AS DOUBLE)
            ELSE floor((whole_months(end_, start_)
                        + (second_of_month(end_) - second_of_month(start_)) / 2678400.0) * 1e8 + 0.5) / 1e8
       END""",
)


def teach(connection: duckdb.DuckDBPyConnection) -> None:
    """Add the macros and functions that translated expressions use."""
    for macro in _MACROS:
        connection.execute(macro)
    connection.create_function("double_text", double_text, ["DOUBLE"], "VARCHAR")


def double_text(value: float) -> str:
    """A double as Java writes it: with an exponent from ten million on, and below a thousandth."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return repr(value)
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    written = "".join(map(str, digits))
    return f"{'-' if sign else ''}{written[0]}.{written[1:] or '0'}E{int(exponent) + len(written) - 1}"
