"""The functions allowed in expressions: their arguments, results, and what is called for them.

A function that is not in `FUNCTIONS` (or among the operators that are also written as calls) is refused.
What is called never fails: in place of a function that fails on bad values in ANSI mode stands a form that
returns null: `to_date(x, format)` becomes `try_to_date`, `element_at` becomes `try_element_at`, and so on.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from usertags.config import expression_arguments as must_be
from usertags.config import expression_operators as operators
from usertags.config.expression_arguments import Check
from usertags.config.expression_checks import check_like, check_pattern, check_replacement
from usertags.config.expression_conversions import align, cast, without_nan
from usertags.config.expression_numbers import literal_writing, read_number_as
from usertags.config.expression_operands import Fragment, Operand, columns_of
from usertags.config.expression_refusals import refused
from usertags.config.expression_tree import Call, Cast, Constant, Number, Tree, called
from usertags.config.expression_types import (
    BIGINT,
    BOOLEAN,
    DATE,
    INT,
    MOMENTS,
    NULL,
    NUMBER,
    NUMBERS,
    TEXT,
    TIMESTAMP,
    UNKNOWN,
    ExpressionError,
    family,
)

Shown = Fragment | str
Result = str | Callable[[Sequence[Operand]], str]

# Where a text is a regular expression or its replacement.
PATTERN_PLACES = {
    "regexp_replace": (1, 2),
    "regexp_extract": (1,),
    "regexp_like": (1,),
    "rlike": (1,),
    "split": (1,),
}
_MANY = 10_000
# The only function that needs more than its arguments: the dictionaries of the reader.
LOOKUP = "lookup"
_UNIX_FORMAT = Constant("yyyy-MM-dd HH:mm:ss")


@dataclass(frozen=True)
class Function:
    """One function: a check for each argument, the kind of its result, and what is called for it where that
    is not the function itself.

    The last `optional` arguments may be omitted; with `repeats` the last check applies to any number of
    arguments. With `same` all arguments must agree, and their common kind is the result where `result` is
    empty."""

    checks: tuple[Check, ...]
    result: Result = ""
    optional: int = 0
    repeats: bool = False
    same: bool = False
    make: Callable[[Sequence[Operand]], Tree] | None = None


def _of_whole(arguments: Sequence[Operand]) -> str:
    return BIGINT if arguments[0].kind in (INT, BIGINT) else NUMBER


def _as_first(arguments: Sequence[Operand]) -> str:
    return arguments[0].kind


def _list_of(arguments: Sequence[Operand]) -> str:
    return f"array:{align(arguments, 'array() cannot combine')[0]}"


def _element(arguments: Sequence[Operand]) -> str:
    kind = arguments[0].kind
    return kind.removeprefix("array:") if kind.startswith("array:") else UNKNOWN


def _plain(name: str, arguments: Sequence[Operand]) -> Tree:
    return Call(name, tuple(argument.tree for argument in arguments))


def _abs(arguments: Sequence[Operand]) -> Tree:
    smallest = {INT: "-2147483648", BIGINT: "-9223372036854775808"}.get(arguments[0].kind)
    value = arguments[0].tree
    return called("abs", value if smallest is None else called("nullif", value, Number(smallest)))


def _make_date(arguments: Sequence[Operand]) -> Tree:
    # There is no try_make_date; try_add turns an error of its argument into null.
    return called("try_add", _plain("make_date", arguments), Number("0"))


def _unix_timestamp(arguments: Sequence[Operand]) -> Tree:
    moment = arguments[0]
    if moment.kind in MOMENTS:
        return called("unix_timestamp", moment.tree)
    date_format = arguments[1].tree if len(arguments) > 1 else _UNIX_FORMAT
    return called("unix_timestamp", called("try_to_timestamp", moment.tree, date_format))


def _without_nan(name: str) -> Callable[[Sequence[Operand]], Tree]:
    return lambda arguments: without_nan(_plain(name, arguments))


def _replacement(arguments: Sequence[Operand]) -> Tree:
    text, pattern, replacement = arguments
    assert pattern.text is not None and replacement.text is not None
    check_replacement(replacement.text, check_pattern(pattern.text))
    return called("regexp_replace", text.tree, pattern.tree, Constant(replacement.text.pattern))


def _extract(arguments: Sequence[Operand]) -> Tree:
    text, pattern = arguments[0], arguments[1]
    assert pattern.text is not None
    group = int(str(arguments[2].value)) if len(arguments) > 2 else 1
    groups = check_pattern(pattern.text)
    if groups is not None and group > groups:
        raise ExpressionError(
            f"regexp_extract takes group {group}, but {pattern.text.raw} has {groups} groups",
            "group 0, the whole match",
        )
    return called("regexp_extract", text.tree, pattern.tree, Number(str(group)))


def _hash_bucket(arguments: Sequence[Operand]) -> Tree:
    text, buckets = arguments
    digits = called("substring", called("md5", text.tree), Number("1"), Number("8"))
    number = Cast(called("conv", digits, Number("16"), Number("10")), "BIGINT")
    return Cast(called("try_mod", number, buckets.tree), "INT")


_REGEXP = (must_be.text, must_be.pattern)
_TO_TEXT = Function((must_be.text,), TEXT)
_DATE_PART = Function((must_be.moment,), INT)
_TWO_TEXTS = Function((must_be.text, must_be.text), BOOLEAN)
_DOUBLE = Function((must_be.number,), NUMBER)

FUNCTIONS: dict[str, Function] = {
    "lower": _TO_TEXT,
    "upper": _TO_TEXT,
    "trim": _TO_TEXT,
    "ltrim": _TO_TEXT,
    "rtrim": _TO_TEXT,
    "md5": _TO_TEXT,
    "substring": Function((must_be.text, must_be.whole, must_be.whole), TEXT, optional=1),
    "concat": Function((must_be.scalar,), TEXT, repeats=True),
    "concat_ws": Function((must_be.text, must_be.scalar), TEXT, repeats=True),
    "length": Function((must_be.text,), INT),
    "regexp_replace": Function((*_REGEXP, must_be.literal), TEXT, make=_replacement),
    "regexp_extract": Function((*_REGEXP, must_be.literal_whole(0, 99)), TEXT, optional=1, make=_extract),
    "replace": Function((must_be.text, must_be.text, must_be.text), TEXT, optional=1),
    "split_part": Function(
        (must_be.text, must_be.text, must_be.literal_whole(-9999, 9999, nonzero=True)), TEXT
    ),
    "left": Function((must_be.text, must_be.whole), TEXT),
    "right": Function((must_be.text, must_be.whole), TEXT),
    "translate": Function((must_be.text, must_be.text, must_be.text), TEXT),
    "lpad": Function((must_be.text, must_be.literal_whole(0, 9999), must_be.text), TEXT, optional=1),
    "rpad": Function((must_be.text, must_be.literal_whole(0, 9999), must_be.text), TEXT, optional=1),
    "startswith": _TWO_TEXTS,
    "endswith": _TWO_TEXTS,
    "contains": _TWO_TEXTS,
    "instr": Function((must_be.text, must_be.text), INT),
    "number": Function((must_be.text, literal_writing), NUMBER, make=read_number_as),
    "abs": Function((must_be.number,), _as_first, make=_abs),
    "round": Function((must_be.number, must_be.literal_whole(0, 18)), _as_first, optional=1),
    "floor": Function((must_be.number,), _of_whole),
    "ceil": Function((must_be.number,), _of_whole),
    "greatest": Function((must_be.anything, must_be.anything), repeats=True, same=True),
    "least": Function((must_be.anything, must_be.anything), repeats=True, same=True),
    "sqrt": Function((must_be.number,), NUMBER, make=_without_nan("sqrt")),
    "power": Function((must_be.number, must_be.number), NUMBER, make=_without_nan("power")),
    "ln": _DOUBLE,
    "log10": _DOUBLE,
    "exp": _DOUBLE,
    "sign": _DOUBLE,
    "coalesce": Function((must_be.anything,), repeats=True, same=True),
    "nullif": Function((must_be.anything, must_be.anything), _as_first, same=True),
    "datediff": Function((must_be.moment, must_be.moment), INT),
    "months_between": Function((must_be.moment, must_be.moment), NUMBER),
    **dict.fromkeys(("year", "month", "day", "dayofweek", "weekday", "hour", "minute"), _DATE_PART),
    "try_to_date": Function((must_be.text, must_be.date_format(reads=True)), DATE),
    "try_to_timestamp": Function((must_be.text, must_be.date_format(reads=True)), TIMESTAMP),
    "date_trunc": Function((must_be.unit(of_day=True), must_be.moment), TIMESTAMP),
    "trunc": Function((must_be.moment, must_be.unit(of_day=False)), DATE),
    "date_format": Function((must_be.moment, must_be.date_format(reads=False)), TEXT),
    "last_day": Function((must_be.moment,), DATE),
    "make_date": Function((must_be.whole, must_be.whole, must_be.whole), DATE, make=_make_date),
    "from_unixtime": Function((must_be.long, must_be.date_format(reads=False)), TEXT, optional=1),
    "unix_timestamp": Function(
        (must_be.moment_or_text, must_be.date_format(reads=True)),
        BIGINT,
        optional=1,
        make=_unix_timestamp,
    ),
    "from_utc_timestamp": Function((must_be.moment, must_be.zone), TIMESTAMP),
    "to_utc_timestamp": Function((must_be.moment, must_be.zone), TIMESTAMP),
    "get_json_object": Function((must_be.text, must_be.path), TEXT),
    "sha2": Function((must_be.text, must_be.digest), TEXT),
    "xxhash64": Function((must_be.scalar,), BIGINT, repeats=True),
    "crc32": Function((must_be.text,), BIGINT),
    # The first eight hex digits of md5 as a number, modulo the buckets: the same in every language.
    "hash_bucket": Function((must_be.text, must_be.literal_whole(1, 100_000)), INT, make=_hash_bucket),
    "array": Function((must_be.anything,), _list_of, repeats=True, same=True),
    "size": Function((must_be.list_,), INT),
    "split": Function((*_REGEXP, must_be.literal_whole(-1, 9999)), f"array:{TEXT}", optional=1),
    "try_element_at": Function((must_be.list_, must_be.literal_whole(-9999, 9999, nonzero=True)), _element),
    "get": Function((must_be.list_, must_be.whole), _element),
}

_ALIASES = {
    "substr": "substring",
    "pow": "power",
    "nvl": "coalesce",
    "ifnull": "coalesce",
    "date_diff": "datediff",
    "element_at": "try_element_at",
    "to_date": "try_to_date",
    "to_timestamp": "try_to_timestamp",
    "regexp_like": "rlike",
    "mod": "try_mod",
    "dayofmonth": "day",
}
_ARITHMETIC = {"try_mod": "%", "try_add": "+", "try_subtract": "-", "try_multiply": "*", "try_divide": "/"}


def _calculation(operator: str) -> Callable[[Sequence[Operand], Shown], Operand]:
    return lambda arguments, fragment: operators.calculate(operator, arguments[0], arguments[1], fragment)


def _shift(name: str) -> Callable[[Sequence[Operand], Shown], Operand]:
    def write(arguments: Sequence[Operand], fragment: Shown) -> Operand:
        return operators.shift(name, must_be.moment(arguments[0], f"{name}()"), arguments[1], fragment)

    return write


def _conversion(kind: str) -> Callable[[Sequence[Operand], Shown], Operand]:
    """to_date and to_timestamp: with a format by try_to_..., without one a cast."""
    name = f"to_{kind}"

    def write(arguments: Sequence[Operand], fragment: Shown) -> Operand:
        source = arguments[0]
        if source.kind in (*NUMBERS, BOOLEAN):
            raise ExpressionError(
                f"{name}() needs text, but {source.described} is not; for seconds since 1970 write"
                f" timestamp_seconds({source.fragment})"
            )
        if len(arguments) == 1:
            return cast(source, kind, kind.upper(), fragment)
        return _ordinary(f"try_{name}", FUNCTIONS[f"try_{name}"], arguments, fragment)

    return write


def _array_contains(arguments: Sequence[Operand], fragment: Shown) -> Operand:
    holder, sought = must_be.list_(arguments[0], "array_contains()"), arguments[1]
    if sought.kind == NULL:
        raise ExpressionError(f"nothing equals NULL: {fragment}")
    element = replace(holder, kind=_element([holder]))
    try:
        _, (_, sought) = align([element, sought], "")
    except ExpressionError:
        raise ExpressionError(
            f"array_contains() cannot find {sought.described} in {holder.fragment}, its elements are"
            f" {family(element.kind)}"
        ) from None
    tree = called("array_contains", holder.tree, sought.tree)
    return Operand(tree, BOOLEAN, fragment, columns=columns_of([holder, sought]))


@dataclass(frozen=True)
class _Special:
    """A function that is an operator in call syntax, or that depends on the kind of its arguments."""

    low: int
    high: int
    write: Callable[[Sequence[Operand], Shown], Operand]


_SPECIAL = {
    "if": _Special(3, 3, lambda of, shown: operators.choose([(of[0], of[1])], of[2], shown)),
    "like": _Special(2, 2, lambda of, shown: like(of[0], of[1], shown, negated=False)),
    "rlike": _Special(2, 2, lambda of, shown: rlike(of[0], of[1], shown, negated=False)),
    "timestamp_seconds": _Special(
        1,
        1,
        lambda of, shown: cast(must_be.number(of[0], "timestamp_seconds()"), TIMESTAMP, "TIMESTAMP", shown),
    ),
    "array_contains": _Special(2, 2, _array_contains),
    "try_to_date": _Special(1, 2, _conversion(DATE)),
    "try_to_timestamp": _Special(1, 2, _conversion(TIMESTAMP)),
    **{name: _Special(2, 2, _calculation(operator)) for name, operator in _ARITHMETIC.items()},
    **{name: _Special(2, 2, _shift(name)) for name in ("date_add", "date_sub", "add_months")},
}
NAMES = frozenset((*FUNCTIONS, *_ALIASES, *_SPECIAL, LOOKUP))


def refuse_call(name: str, count: int, known: Collection[str], fragment: Shown) -> None:
    """Refuse a function that is not allowed, unix_timestamp() without arguments, and a wrong number of
    arguments.

    `known` are the columns that may be read."""
    if name not in NAMES or (name == "unix_timestamp" and count == 0):
        raise refused(name, NAMES, known)
    low, high = _counts(name)
    if low <= count <= high:
        return
    wanted = str(low) if low == high else f"{low} or more" if high == _MANY else f"{low} to {high}"
    extra = (
        "; it counts days from the second date to the first" if _ALIASES.get(name, name) == "datediff" else ""
    )
    raise ExpressionError(f"{name}() takes {wanted} arguments, not {count}: {fragment}{extra}")


def _counts(name: str) -> tuple[int, int]:
    if name in ("nvl", "ifnull", LOOKUP):
        return 2, 2
    name = _ALIASES.get(name, name)
    if name in _SPECIAL:
        return _SPECIAL[name].low, _SPECIAL[name].high
    function = FUNCTIONS[name]
    most = _MANY if function.repeats else len(function.checks)
    return len(function.checks) - function.optional, most


def call(name: str, arguments: Sequence[Operand], fragment: Shown) -> Operand:
    """A call of a function that refuse_call lets through; raises ExpressionError for what does not fit."""
    name = _ALIASES.get(name, name)
    if name in _SPECIAL:
        return _SPECIAL[name].write(arguments, fragment)
    return _ordinary(name, FUNCTIONS[name], arguments, fragment)


def like(subject: Operand, pattern: Operand, fragment: Shown, *, negated: bool) -> Operand:
    """subject [NOT] LIKE pattern."""
    literal = must_be.literal(pattern, "LIKE")
    assert literal.text is not None
    check_like(literal.text)
    return operators.matches("LIKE", must_be.text(subject, "LIKE"), literal, fragment, negated=negated)


def rlike(subject: Operand, pattern: Operand, fragment: Shown, *, negated: bool) -> Operand:
    """subject [NOT] RLIKE pattern."""
    checked = must_be.pattern(pattern, "RLIKE")
    return operators.matches("RLIKE", must_be.text(subject, "RLIKE"), checked, fragment, negated=negated)


def _ordinary(name: str, function: Function, arguments: Sequence[Operand], fragment: Shown) -> Operand:
    more = len(arguments) - len(function.checks)
    checks = [*function.checks, *[function.checks[-1]] * more]
    checked = [check(argument, f"{name}()") for check, argument in zip(checks, arguments, strict=False)]
    kind = ""
    if function.same:
        kind, checked = align(checked, f"{name}() cannot combine")
    if function.result:
        kind = function.result(checked) if callable(function.result) else function.result
    tree = function.make(checked) if function.make else _plain(name, checked)
    return Operand(tree, kind, fragment, columns=columns_of(checked))
