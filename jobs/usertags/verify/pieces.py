"""Pieces of DuckDB SQL with the type that Spark gives them, and their conversions."""

from dataclasses import dataclass

from usertags.errors import UsertagsError
from usertags.verify.spark_types import common, duckdb_type, is_decimal, is_whole

_WHOLE_TEXT = r"^\s*[+-]?\d+\s*$"
_NUMBER_TEXT = r"^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$"
_DATE_TEXT = r"^\s*(\d{4}(-\d{1,2}){0,2})(\s*|[ T].*)$"
_MOMENT_TEXT = (
    r"^\s*\d{4}-\d{1,2}-\d{1,2}([ T]\d{1,2}:\d{1,2}(:\d{1,2}(\.\d{1,9})?)?\s*(Z|[+-]\d{1,2}:\d{2})?)?\s*$"
)


class NotTranslated(UsertagsError):
    """An expression that cannot be said in DuckDB with the same meaning: what it makes is not verified."""


@dataclass(frozen=True)
class Piece:
    """DuckDB SQL, the Spark type of its value, and the value itself of a literal."""

    sql: str
    type: str
    value: str | int | None = None


def text_literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def name(column: str) -> str:
    """A column's name, quoted."""
    return '"' + column.replace('"', '""') + '"'


def local(piece: Piece, zone: str) -> str:
    """A moment as the clock of the zone shows it."""
    if piece.type == "timestamp":
        return f"timezone({text_literal(zone)}, {piece.sql})"
    return f"CAST({as_type(piece, 'date', zone).sql} AS TIMESTAMP)"


def instant(clock: str, zone: str) -> str:
    """The moment at which the clock of the zone shows this time."""
    return f"timezone({text_literal(zone)}, {clock})"


def aligned(pieces: list[Piece], zone: str) -> tuple[str, list[Piece]]:
    """The type that all share, and the pieces in that type."""
    try:
        type_ = common(piece.type for piece in pieces)
    except TypeError as error:
        raise NotTranslated(str(error)) from None
    return type_, [as_type(piece, type_, zone) for piece in pieces]


def as_text(piece: Piece, zone: str) -> str:
    if piece.type == "timestamp":
        return f"CAST({local(piece, zone)} AS VARCHAR)"
    if piece.type in ("double", "float"):
        return f"double_text({piece.sql})"
    return piece.sql if piece.type == "string" else f"CAST({piece.sql} AS VARCHAR)"


def as_type(piece: Piece, type_: str, zone: str) -> Piece:
    """The piece in another type, as Spark's try_cast makes it: null where that is not possible."""
    if piece.type == type_:
        return piece
    if piece.type == "null" and type_.startswith(("struct<", "map<")):
        return Piece("NULL", type_)
    target = duckdb_type(type_)
    if piece.type == "null":
        return Piece(f"CAST(NULL AS {target})", type_)
    if type_ == "string":
        return Piece(as_text(piece, zone), type_)
    if piece.type == "string":
        return Piece(_of_text(piece.sql, type_, zone), type_)
    return Piece(_of_value(piece, type_, target, zone), type_)


def _of_text(sql: str, type_: str, zone: str) -> str:
    target = duckdb_type(type_)
    if is_whole(type_):
        return f"CASE WHEN regexp_matches({sql}, '{_WHOLE_TEXT}') THEN TRY_CAST({sql} AS {target}) END"
    if is_decimal(type_) or type_ in ("double", "float"):
        return f"CASE WHEN regexp_matches({sql}, '{_NUMBER_TEXT}') THEN TRY_CAST(trim({sql}) AS {target}) END"
    if type_ == "boolean":
        return (
            f"CASE WHEN lower(trim({sql})) IN ('t', 'true', 'y', 'yes', '1') THEN TRUE "
            f"WHEN lower(trim({sql})) IN ('f', 'false', 'n', 'no', '0') THEN FALSE END"
        )
    if type_ == "date":
        return f"date_in_text(regexp_extract({sql}, '{_DATE_TEXT}', 1))"
    if type_ == "timestamp":
        return (
            f"CASE WHEN regexp_matches({sql}, '{_MOMENT_TEXT}') THEN TRY_CAST(trim({sql}) AS TIMESTAMPTZ) END"
        )
    raise NotTranslated(f"a text as {type_}")


def _of_value(piece: Piece, type_: str, target: str, zone: str) -> str:
    sql = piece.sql
    if "timestamp" in (piece.type, type_):
        return _of_moment(piece, type_, target, zone)
    if is_whole(type_) and not is_whole(piece.type) and piece.type != "boolean":
        return f"TRY_CAST(trunc({sql}) AS {target})"
    if is_decimal(type_) and piece.type in ("double", "float"):
        # The digits that a double is written with are rounded, not those of its binary fraction.
        return f"TRY_CAST(CAST({sql} AS VARCHAR) AS {target})"
    return f"TRY_CAST({sql} AS {target})"


def _of_moment(piece: Piece, type_: str, target: str, zone: str) -> str:
    """A moment from a date or seconds since 1970, or the other way."""
    sql = piece.sql
    if type_ == "date":
        return f"CAST({local(piece, zone)} AS DATE)"
    if piece.type == "date":
        return instant(f"CAST({sql} AS TIMESTAMP)", zone)
    if type_ == "timestamp":
        return f"make_timestamptz(CAST(trunc({sql} * 1000000) AS BIGINT))"
    seconds = f"floor(epoch({sql}))" if is_whole(type_) else f"epoch({sql})"
    return f"TRY_CAST({seconds} AS {target})"
