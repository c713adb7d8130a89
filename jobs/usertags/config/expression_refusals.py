"""Refused functions and the reasons: clock, random and session functions, aggregates and window functions."""

from collections.abc import Collection

from usertags.config.aggregates import WRITTEN
from usertags.config.expression_types import ExpressionError, closest, word_set

CLOCK = word_set(
    "now current_date current_timestamp current_time current_datetime current_timezone localtimestamp"
    " localtime curdate getdate sysdate today"
)
CHANCE = word_set(
    "rand random randn randstr uniform uuid shuffle monotonically_increasing_id spark_partition_id"
    " input_file_name"
)
SESSION = word_set(
    "current_user session_user current_catalog current_database current_schema current_role user version"
)
# Spark treats these as functions without brackets if there is no such column.
BARE = word_set(
    "current_date current_timestamp current_time localtimestamp current_user session_user current_catalog"
    " current_database current_schema"
)
# Those of SQL, and those of measures alone.
AGGREGATES = WRITTEN.keys() | word_set(
    "count sum min max avg mean first last any_value first_value last_value collect_list collect_set"
    " array_agg median mode stddev stddev_samp stddev_pop variance var_samp var_pop percentile"
    " percentile_approx approx_percentile approx_count_distinct max_by min_by bool_and bool_or every some"
    " count_if try_sum try_avg listagg string_agg"
)
WINDOWS = word_set("row_number rank dense_rank percent_rank ntile lag lead nth_value cume_dist")

_INSTEAD = {
    "isnull": "x is null",
    "isnotnull": "x is not null",
    "date": "to_date",
    "timestamp": "to_timestamp",
    "int": "cast(x as int)",
    "bigint": "cast(x as bigint)",
    "double": "cast(x as double)",
    "string": "cast(x as string)",
    "ilike": "lower(x) like '...'",
    "extract": "year(x)",
    "date_part": "year(x)",
    "locate": "instr",
    "position": "instr",
    "len": "length",
    "char_length": "length",
    "timestampdiff": "datediff",
    "cardinality": "size",
}


def refuse_name(name: str, known: Collection[str], *, only_bare: bool = False) -> None:
    """Refuse a name that is not a column but commonly used for a clock, random or session function.

    With `only_bare` only those are refused that Spark reads as functions without brackets."""
    if name.lower() in (BARE if only_bare else CLOCK | CHANCE | SESSION):
        raise refused(name.lower(), (), known)


def refused(name: str, allowed: Collection[str], known: Collection[str]) -> ExpressionError:
    """Why a function is not allowed, and the alternative; `known` are the columns that may be read."""
    if name in CLOCK or name == "unix_timestamp":
        return ExpressionError(
            f"{name}() reads the wall clock, so a rerun would differ; take the date from a column",
            "data_day" if "data_day" in known else None,
        )
    if name in CHANCE:
        return ExpressionError(
            f"{name}() is random or depends on how Spark splits the work, so a rerun would differ"
        )
    if name in SESSION:
        return ExpressionError(
            f"{name}() depends on who runs the pipeline, so it is not allowed in an expression"
        )
    if name in AGGREGATES:
        return ExpressionError(
            f"{name}() is an aggregate: it is the `value` of a measure, not part of an expression"
        )
    if name in WINDOWS:
        return ExpressionError(f"{name}() is a window function; an expression reads one row at a time")
    return ExpressionError(
        f"the function {name}() is not allowed", _INSTEAD.get(name) or closest(name, allowed)
    )
