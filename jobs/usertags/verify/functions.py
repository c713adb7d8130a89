"""The functions of expressions in DuckDB's SQL, each with the result and the type that Spark gives it."""

import re
from collections.abc import Callable

from usertags.verify.pieces import (
    NotTranslated,
    Piece,
    aligned,
    as_text,
    as_type,
    instant,
    local,
    text_literal,
)
from usertags.verify.spark_types import (
    Decimal,
    calculated,
    decimal_of,
    duckdb_type,
    is_decimal,
    is_whole,
    of_literal,
)

Function = Callable[[list[Piece], str], Piece]


# ---- calculation ---------------------------------------------------------------------------


def _arithmetic(operator: str) -> Function:
    def write(arguments: list[Piece], zone: str) -> Piece:
        left, right = arguments
        types = {left.type, right.type}
        if "null" in types:
            return Piece("NULL", "null")
        if types & {"double", "float"} or (operator == "/" and not any(map(is_decimal, types))):
            return _of_doubles(operator, as_type(left, "double", zone), as_type(right, "double", zone))
        if any(map(is_decimal, types)):
            return _of_decimals(operator, left, right)
        type_ = "bigint" if "bigint" in types else "int"
        target, divisor = duckdb_type(type_), _divisor(operator, right.sql)
        return Piece(f"TRY(CAST({left.sql} AS {target}) {operator} CAST({divisor} AS {target}))", type_)

    return write


def _divisor(operator: str, sql: str) -> str:
    """What cannot be divided by zero is null."""
    return f"nullif({sql}, 0)" if operator in "/%" else sql


def _of_doubles(operator: str, left: Piece, right: Piece) -> Piece:
    return Piece(f"({left.sql} {operator} {_divisor(operator, right.sql)})", "double")


def _of_decimals(operator: str, left: Piece, right: Piece) -> Piece:
    types = _decimal_type(left, right), _decimal_type(right, left)
    result = calculated(operator, *types)
    target = str(result).upper()
    sides = [
        f"CAST({piece.sql} AS {str(each).upper()})" for piece, each in zip((left, right), types, strict=True)
    ]
    if operator == "/":
        return Piece(_quotient(sides, types, result), str(result))
    sql = f"({sides[0]} {operator} {_divisor(operator, sides[1])})"
    return Piece(f"TRY_CAST({sql} AS {target})", str(result))


def _quotient(sides: list[str], types: tuple[Decimal, Decimal], result: Decimal) -> str:
    """A quotient rounded half up to the scale of the result: DuckDB's own is a double."""
    units = [f"CAST({side} * {10**each.scale} AS HUGEINT)" for side, each in zip(sides, types, strict=True)]
    shift = result.scale - types[0].scale + types[1].scale
    factors = (10**shift, 1) if shift >= 0 else (1, 10**-shift)
    above, below = (f"({unit} * {factor})" for unit, factor in zip(units, factors, strict=True))
    target = str(result).upper()
    digits = f"0.{'0' * (result.scale - 1)}1" if result.scale else "1"
    unit = f"CAST({digits} AS DECIMAL({max(result.scale, 1)},{result.scale}))"
    return f"TRY_CAST(CAST(rounded_quotient({above}, {below}) AS DECIMAL(38,0)) * {unit} AS {target})"


def _decimal_type(piece: Piece, other: Piece) -> Decimal:
    if isinstance(piece.value, int) and is_decimal(other.type):
        return of_literal(piece.value)
    return decimal_of(piece.type)


def _absolute(arguments: list[Piece], zone: str) -> Piece:
    return Piece(f"abs({arguments[0].sql})", arguments[0].type)


def _round(arguments: list[Piece], zone: str) -> Piece:
    number = arguments[0]
    digits = arguments[1].value if len(arguments) > 1 else 0
    if is_whole(number.type):
        return number
    if number.type == "double":
        rounded = f"TRY_CAST(CAST({number.sql} AS VARCHAR) AS DECIMAL(38,{digits}))"
        return Piece(f"coalesce(CAST({rounded} AS DOUBLE), {number.sql})", "double")
    given = decimal_of(number.type)
    scale = min(given.scale, int(digits or 0))
    type_ = str(Decimal(min(38, given.precision - given.scale + scale + 1), scale))
    return Piece(f"CAST({number.sql} AS {type_.upper()})", type_)


def _to_whole(name: str) -> Function:
    def write(arguments: list[Piece], zone: str) -> Piece:
        (number,) = arguments
        if is_whole(number.type):
            return Piece(f"CAST({number.sql} AS BIGINT)", "bigint")
        if is_decimal(number.type):
            given = decimal_of(number.type)
            type_ = str(Decimal(given.precision - given.scale + 1, 0))
            return Piece(f"CAST({name}({number.sql}) AS {type_.upper()})", type_)
        return Piece(f"TRY_CAST({name}({number.sql}) AS BIGINT)", "bigint")

    return write


def _of_double(template: str) -> Function:
    def write(arguments: list[Piece], zone: str) -> Piece:
        numbers = [as_type(argument, "double", zone).sql for argument in arguments]
        return Piece(template.format(*numbers), "double")

    return write


def _same(name: str) -> Function:
    def write(arguments: list[Piece], zone: str) -> Piece:
        type_, pieces = aligned(arguments, zone)
        return Piece(f"{name}({', '.join(piece.sql for piece in pieces)})", type_)

    return write


def _nullif(arguments: list[Piece], zone: str) -> Piece:
    _, (value, other) = aligned(arguments, zone)
    return Piece(
        f"(CASE WHEN {value.sql} = {other.sql} THEN NULL ELSE {arguments[0].sql} END)", arguments[0].type
    )


# ---- texts -----------------------------------------------------------------------------------


def _text(template: str, type_: str = "string") -> Function:
    def write(arguments: list[Piece], zone: str) -> Piece:
        return Piece(template.format(*[as_text(argument, zone) for argument in arguments]), type_)

    return write


def _plain(template: str) -> Function:
    """A function of a text first, and of texts or whole numbers after it."""

    def write(arguments: list[Piece], zone: str) -> Piece:
        return Piece(template.format(*[argument.sql for argument in arguments]), "string")

    return write


def _substring(arguments: list[Piece], zone: str) -> Piece:
    text, start = arguments[0].sql, arguments[1].sql
    length = arguments[2].sql if len(arguments) > 2 else "2147483647"
    return Piece(f"part_of_text({text}, {start}, {length})", "string")


def _replace(arguments: list[Piece], zone: str) -> Piece:
    other = arguments[2].sql if len(arguments) > 2 else "''"
    return Piece(f"replace({arguments[0].sql}, {arguments[1].sql}, {other})", "string")


def _padded(name: str) -> Function:
    def write(arguments: list[Piece], zone: str) -> Piece:
        pad = arguments[2].sql if len(arguments) > 2 else "' '"
        return Piece(f"{name}({arguments[0].sql}, {arguments[1].sql}, {pad})", "string")

    return write


def _concat(arguments: list[Piece], zone: str) -> Piece:
    return Piece(f"({' || '.join(as_text(argument, zone) for argument in arguments)})", "string")


def _concat_ws(arguments: list[Piece], zone: str) -> Piece:
    return Piece(f"concat_ws({', '.join(as_text(argument, zone) for argument in arguments)})", "string")


def _pattern(piece: Piece) -> str:
    """A regular expression; what Java knows and RE2 does not is refused."""
    pattern = str(piece.value)
    if re.search(r"\(\?[=!<]|\\[1-9]|[*+?}]\+", pattern):
        raise NotTranslated(
            "a regular expression with a look-around, a back reference or a possessive quantifier"
        )
    return text_literal(pattern)


def _rlike(arguments: list[Piece], zone: str) -> Piece:
    return Piece(f"regexp_matches({arguments[0].sql}, {_pattern(arguments[1])})", "boolean")


def _regexp_replace(arguments: list[Piece], zone: str) -> Piece:
    replacement = re.sub(r"\$(\d)", r"\\\1", re.sub(r"\\(?=\$)", r"\\\\", str(arguments[2].value)))
    replacement = replacement.replace("\\\\$", "$")
    return Piece(
        f"regexp_replace({arguments[0].sql}, {_pattern(arguments[1])}, {text_literal(replacement)}, 'g')",
        "string",
    )


def _regexp_extract(arguments: list[Piece], zone: str) -> Piece:
    group = arguments[2].sql if len(arguments) > 2 else "1"
    return Piece(f"regexp_extract({arguments[0].sql}, {_pattern(arguments[1])}, {group})", "string")


def _conv(arguments: list[Piece], zone: str) -> Piece:
    if [argument.value for argument in arguments[1:]] != [16, 10]:
        raise NotTranslated("conv() between other bases than 16 and 10")
    return Piece(f"CAST(CAST('0x' || {arguments[0].sql} AS UBIGINT) AS VARCHAR)", "string")


def _split(arguments: list[Piece], zone: str) -> Piece:
    if len(arguments) > 2:
        raise NotTranslated("split() with a limit")
    return Piece(f"regexp_split_to_array({arguments[0].sql}, {_pattern(arguments[1])})", "array<string>")


# ---- moments -----------------------------------------------------------------------------------


def _date_part(part: str, *, of_day: bool = False) -> Function:
    def write(arguments: list[Piece], zone: str) -> Piece:
        return Piece(f"CAST(date_part('{part}', {local(arguments[0], zone)}) AS INTEGER)", "int")

    return write


def _dayofweek(arguments: list[Piece], zone: str) -> Piece:
    """From 1, which is Sunday."""
    return Piece(f"CAST(date_part('dow', {local(arguments[0], zone)}) + 1 AS INTEGER)", "int")


def _weekday(arguments: list[Piece], zone: str) -> Piece:
    """From 0, which is Monday."""
    return Piece(f"CAST(date_part('isodow', {local(arguments[0], zone)}) - 1 AS INTEGER)", "int")


def _day(piece: Piece, zone: str) -> str:
    return as_type(piece, "date", zone).sql


def _datediff(arguments: list[Piece], zone: str) -> Piece:
    end, start = arguments
    return Piece(f"CAST({_day(end, zone)} - {_day(start, zone)} AS INTEGER)", "int")


def _shifted(sign: str) -> Function:
    def write(arguments: list[Piece], zone: str) -> Piece:
        moment, days = arguments
        return Piece(f"({_day(moment, zone)} {sign} CAST({days.sql} AS INTEGER))", "date")

    return write


def _add_months(arguments: list[Piece], zone: str) -> Piece:
    moment, months = arguments
    return Piece(f"CAST({_day(moment, zone)} + to_months(CAST({months.sql} AS INTEGER)) AS DATE)", "date")


def _months_between(arguments: list[Piece], zone: str) -> Piece:
    end, start = (local(argument, zone) for argument in arguments)
    return Piece(f"months_apart({end}, {start})", "double")


def _last_day(arguments: list[Piece], zone: str) -> Piece:
    return Piece(f"last_day({_day(arguments[0], zone)})", "date")


def _make_date(arguments: list[Piece], zone: str) -> Piece:
    year, month, day = (argument.sql for argument in arguments)
    return Piece(f"TRY(make_date({year}, {month}, {day}))", "date")


def _date_trunc(arguments: list[Piece], zone: str) -> Piece:
    unit, moment = arguments
    return Piece(instant(f"date_trunc('{unit.value}', {local(moment, zone)})", zone), "timestamp")


def _trunc(arguments: list[Piece], zone: str) -> Piece:
    moment, unit = arguments
    units = {"mm": "month", "mon": "month", "yy": "year", "yyyy": "year"}
    word = str(unit.value).lower()
    return Piece(f"CAST(date_trunc('{units.get(word, word)}', {_day(moment, zone)}) AS DATE)", "date")


# ---- lists and maps ------------------------------------------------------------------------------


def _array(arguments: list[Piece], zone: str) -> Piece:
    type_, pieces = aligned(arguments, zone)
    return Piece(f"[{', '.join(piece.sql for piece in pieces)}]", f"array<{type_}>")


def _size(arguments: list[Piece], zone: str) -> Piece:
    return Piece(f"CAST(len({arguments[0].sql}) AS INTEGER)", "int")


def _element(arguments: list[Piece], zone: str) -> Piece:
    """Of a list counted from 1, of a map by its key; null where there is none."""
    holder, key = arguments
    if holder.type.startswith("array<"):
        return Piece(f"{holder.sql}[{key.sql}]", holder.type[6:-1])
    return Piece(f"({holder.sql})[{key.sql}]", holder.type.removeprefix("map<string,")[:-1])


def _get(arguments: list[Piece], zone: str) -> Piece:
    holder, place = arguments
    element = f"{holder.sql}[{place.sql} + 1]"
    return Piece(f"(CASE WHEN {place.sql} >= 0 THEN {element} END)", holder.type[6:-1])


def _contains_element(arguments: list[Piece], zone: str) -> Piece:
    holder, sought = arguments
    piece = as_type(sought, holder.type[6:-1], zone)
    found = f"list_contains({holder.sql}, {piece.sql})"
    unknown = f"(len(list_filter({holder.sql}, lambda x: x IS NOT NULL)) < len({holder.sql}))"
    return Piece(f"(CASE WHEN {found} THEN TRUE WHEN {unknown} THEN NULL ELSE {found} END)", "boolean")


def _map(arguments: list[Piece], zone: str) -> Piece:
    keys = arguments[::2]
    type_, values = aligned(arguments[1::2], zone)
    listed = [f"[{', '.join(piece.sql for piece in pieces)}]" for pieces in (keys, values)]
    return Piece(f"MAP({listed[0]}, {listed[1]})", f"map<string,{type_}>")


def _struct(arguments: list[Piece], zone: str) -> Piece:
    names = [str(piece.value) for piece in arguments[::2]]
    values = arguments[1::2]
    fields = ", ".join(
        f"{text_literal(name)}: {value.sql}" for name, value in zip(names, values, strict=True)
    )
    type_ = ",".join(f"{name}:{value.type}" for name, value in zip(names, values, strict=True))
    return Piece(f"{{{fields}}}", f"struct<{type_}>")


def _choice(arguments: list[Piece], zone: str) -> Piece:
    condition, *results = arguments
    type_, (value, other) = aligned(results, zone)
    return Piece(f"(CASE WHEN {condition.sql} THEN {value.sql} ELSE {other.sql} END)", type_)


FUNCTIONS: dict[str, Function] = {
    **{
        f"try_{word}": _arithmetic(sign)
        for word, sign in (("subtract", "-"), ("multiply", "*"), ("divide", "/"), ("mod", "%"))
    },
    "abs": _absolute,
    "round": _round,
    "floor": _to_whole("floor"),
    "ceil": _to_whole("ceil"),
    "sqrt": _of_double("(CASE WHEN {0} >= 0 THEN sqrt({0}) END)"),
    "power": _of_double("pow({0}, {1})"),
    "ln": _of_double("(CASE WHEN {0} > 0 THEN ln({0}) END)"),
    "log10": _of_double("(CASE WHEN {0} > 0 THEN log10({0}) END)"),
    "exp": _of_double("exp({0})"),
    "sign": _of_double("CAST(sign({0}) AS DOUBLE)"),
    "greatest": _same("greatest"),
    "least": _same("least"),
    "coalesce": _same("coalesce"),
    "nullif": _nullif,
    "if": _choice,
    "lower": _text("lower({0})"),
    "upper": _text("upper({0})"),
    "trim": _text("trim({0}, ' ')"),
    "ltrim": _text("ltrim({0}, ' ')"),
    "rtrim": _text("rtrim({0}, ' ')"),
    "md5": _text("md5({0})"),
    "length": _text("CAST(length({0}) AS INTEGER)", "int"),
    "startswith": _text("starts_with({0}, {1})", "boolean"),
    "endswith": _text("suffix({0}, {1})", "boolean"),
    "contains": _text("contains({0}, {1})", "boolean"),
    "instr": _text("CAST(instr({0}, {1}) AS INTEGER)", "int"),
    "translate": _text("translate({0}, {1}, {2})"),
    "substring": _substring,
    "replace": _replace,
    "split_part": _plain("split_part({0}, {1}, {2})"),
    "left": _plain("left({0}, greatest({1}, 0))"),
    "right": _plain("right({0}, greatest({1}, 0))"),
    "lpad": _padded("lpad"),
    "rpad": _padded("rpad"),
    "concat": _concat,
    "concat_ws": _concat_ws,
    "rlike": _rlike,
    "regexp_replace": _regexp_replace,
    "regexp_extract": _regexp_extract,
    "split": _split,
    "conv": _conv,
    "year": _date_part("year"),
    "month": _date_part("month"),
    "day": _date_part("day"),
    "hour": _date_part("hour"),
    "minute": _date_part("minute"),
    "dayofweek": _dayofweek,
    "weekday": _weekday,
    "datediff": _datediff,
    "date_add": _shifted("+"),
    "date_sub": _shifted("-"),
    "add_months": _add_months,
    "months_between": _months_between,
    "last_day": _last_day,
    "make_date": _make_date,
    "date_trunc": _date_trunc,
    "trunc": _trunc,
    "array": _array,
    "size": _size,
    "try_element_at": _element,
    "get": _get,
    "array_contains": _contains_element,
    "map": _map,
    "named_struct": _struct,
}


def _try_add(arguments: list[Piece], zone: str) -> Piece:
    """A sum; of a date and 0, as the parser writes it around a function that may fail, the date."""
    if arguments[0].type == "date" and arguments[1].value == 0:
        return arguments[0]
    return _arithmetic("+")(arguments, zone)


FUNCTIONS["try_add"] = _try_add
