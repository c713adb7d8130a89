"""What DuckDB is taught: conversions that its own SQL says otherwise than Spark."""

import duckdb

_MACROS = (
    # The start counts from 1, from the end where it is negative; 0 is the first place as well.
    """CREATE MACRO part_from(text_, start_) AS
       CASE WHEN start_ > 0 THEN start_ - 1 WHEN start_ < 0 THEN length(text_) + start_ ELSE 0 END""",
    """CREATE MACRO part_of_text(text_, start_, many) AS
       substring(text_, CAST(greatest(part_from(text_, start_), 0) AS BIGINT) + 1,
                 greatest(part_from(text_, start_) + CAST(many AS BIGINT)
                          - greatest(part_from(text_, start_), 0), 0))""",
    """CREATE MACRO date_in_text(text_) AS
       CASE WHEN text_ = '' THEN NULL
            ELSE TRY_CAST(text_ || repeat('-01', 2 - CAST(length(text_) - length(replace(text_, '-', '')) AS INTEGER))
                          AS DATE) END""",
    # Half of a unit is rounded away from zero.
    """CREATE MACRO rounded_quotient(above, below) AS
       CASE WHEN below <> 0 THEN
         CASE WHEN (above < 0) = (below < 0) THEN 1 ELSE -1 END
         * ((2 * abs(above) + abs(below)) // (2 * abs(below)))
       END""",
    """CREATE MACRO months_apart(end_, start_) AS
       CASE WHEN day(end_) = day(start_)
              OR (CAST(end_ AS DATE) = last_day(end_) AND CAST(start_ AS DATE) = last_day(start_))
            THEN CAST((year(end_) - year(start_)) * 12 + month(end_) - month(start_) AS DOUBLE)
            ELSE floor(((year(end_) - year(start_)) * 12 + month(end_) - month(start_)
                        + CAST((day(end_) - day(start_)) * 86400 + floor(epoch(end_ - date_trunc('day', end_)))
                               - floor(epoch(start_ - date_trunc('day', start_))) AS DOUBLE) / 2678400.0) * 1e8 + 0.5) / 1e8
       END""",
)


def teach(connection: duckdb.DuckDBPyConnection) -> None:
    """Add the macros and functions that translated expressions use."""
    for macro in _MACROS:
        connection.execute(macro)
    connection.create_function("double_text", double_text, ["DOUBLE"], "VARCHAR")


def double_text(value: float) -> str:
    """A double as Java writes it."""
    if value != value or value in (float("inf"), float("-inf")):
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[repr(value)]
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return f"{value!r}" if "e" not in repr(value) else f"{value:f}"
    digits, _, exponent = f"{value:.17e}".partition("e")
    mantissa, _, power = repr(value).partition("e")
    if not power:
        sign = "-" if value < 0 else ""
        bare = repr(abs(value)).replace(".", "")
        mantissa = bare.lstrip("0").rstrip("0") or "0"
        mantissa = f"{sign}{mantissa[0]}.{mantissa[1:] or '0'}"
    elif "." not in mantissa:
        mantissa += ".0"
    return f"{mantissa}E{int(power or exponent)}"
