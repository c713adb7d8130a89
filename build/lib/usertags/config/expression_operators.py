"""The operators: comparisons, conditions and arithmetic, checked and generated so that they never fail.

Spark runs in ANSI mode, in which an overflow or a division by zero fails the job. Arithmetic is generated in
its safe form (`try_add`, `try_divide`, ...), which returns null instead.
"""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from usertags.config.expression_checks import comparable, fact, inverse, refuse_contradiction
from usertags.config.expression_conversions import align, cast_hint, whole
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
    UNKNOWN,
    ExpressionError,
    Fact,
    Fragment,
    Level,
    Operand,
    columns_of,
    family,
)

MAX_SHIFT = 100_000
_FLIPPED = {"=": "=", "<>": "<>", "<": ">", ">": "<", "<=": ">=", ">=": "<="}
_TRY = {"+": "try_add", "-": "try_subtract", "*": "try_multiply", "/": "try_divide", "%": "try_mod"}
_VERBS = {"+": "add", "-": "subtract", "*": "multiply", "/": "divide", "%": "take the remainder of"}


def need_condition(operand: Operand, where: str) -> Operand:
    """The operand, which must be true or false."""
    if operand.kind == BOOLEAN:
        return operand
    hint = f"; write {cast_hint(operand, BOOLEAN)}" if operand.kind == UNKNOWN else ""
    raise ExpressionError(
        f"{where} must be true or false, but it is {family(operand.kind)}: {operand.fragment}{hint}"
    )


# ---- comparisons -------------------------------------------------


def compare(operator: str, left: Operand, right: Operand, fragment: Fragment | str) -> Operand:
    """left = right and the other comparisons, including `<=>`."""
    if operator == "<=>" and NULL in (left.kind, right.kind):
        return is_null(left if right.kind == NULL else right, fragment, negated=False)
    _refuse_null(left, right, f"{fragment} is never true")
    _, (left, right) = align([left, right], "cannot compare")
    _refuse_list(left, right)
    made = _predicate(f"{left.at(Level.ATOM)} {operator} {right.at(Level.ATOM)}", [left, right], fragment)
    if operator == "<=>":
        return made
    if left.value is None and right.value is not None:
        return _with_facts(made, fact(left, operator, [right], made))
    if right.value is None and left.value is not None:
        return _with_facts(made, fact(right, _FLIPPED[operator], [left], made))
    return made


def between(
    subject: Operand, low: Operand, high: Operand, fragment: Fragment | str, *, negated: bool
) -> Operand:
    """subject BETWEEN low AND high; bounds in the wrong order are refused."""
    _refuse_null(subject, low, f"{fragment} is never true")
    _refuse_null(subject, high, f"{fragment} is never true")
    _, (subject, low, high) = align([subject, low, high], "cannot compare")
    _refuse_list(subject, low)
    _refuse_list(subject, high)
    word = "NOT BETWEEN" if negated else "BETWEEN"
    bounds = f"{low.at(Level.ATOM)} AND {high.at(Level.ATOM)}"
    made = _predicate(f"{subject.at(Level.ATOM)} {word} {bounds}", [subject, low, high], fragment)
    if _reversed(low, high):
        raise ExpressionError(
            f"{fragment} never matches: the lower bound comes first",
            f"between {high.fragment} and {low.fragment}",
        )
    if negated or subject.value is not None:
        return made
    above = fact(subject, ">=", [low], made) if low.value is not None else ()
    below = fact(subject, "<=", [high], made) if high.value is not None else ()
    return replace(made, facts=above + below)


def _reversed(low: Operand, high: Operand) -> bool:
    one, other = comparable(low.value), comparable(high.value)
    return one is not None and other is not None and one > other  # type: ignore[operator]  # the kinds are aligned


def is_in(
    subject: Operand, choices: Sequence[Operand], fragment: Fragment | str, *, negated: bool
) -> Operand:
    """subject IN (choices)."""
    for choice in choices:
        _refuse_null(subject, choice, f"NULL in a list matches nothing: {fragment}")
    _, (subject, *choices) = align([subject, *choices], "cannot compare")
    _refuse_list(subject, choices[0])
    word = "NOT IN" if negated else "IN"
    listed = ", ".join(choice.sql for choice in choices)
    made = _predicate(f"{subject.at(Level.ATOM)} {word} ({listed})", [subject, *choices], fragment)
    if subject.value is not None or any(choice.value is None for choice in choices):
        return made
    facts = fact(subject, "in", choices, made)
    return _with_facts(made, inverse(facts) if negated else facts)


def is_null(subject: Operand, fragment: Fragment | str, *, negated: bool) -> Operand:
    """subject IS [NOT] NULL."""
    word = "IS NOT NULL" if negated else "IS NULL"
    made = _predicate(f"{subject.at(Level.ATOM)} {word}", [subject], fragment)
    if subject.value is not None:
        return made
    return _with_facts(made, fact(subject, "not null" if negated else "null", [], made))


def is_truth(subject: Operand, truth: bool, fragment: Fragment | str, *, negated: bool) -> Operand:
    """subject IS [NOT] TRUE, or FALSE: never null itself."""
    need_condition(subject, "the operand before IS")
    word = f"IS {'NOT ' if negated else ''}{'TRUE' if truth else 'FALSE'}"
    return _predicate(f"{subject.at(Level.ATOM)} {word}", [subject], fragment)


def matches(word: str, subject: Operand, pattern: str, fragment: Fragment | str, *, negated: bool) -> Operand:
    """subject LIKE or RLIKE a pattern, which is SQL already."""
    word = f"NOT {word}" if negated else word
    return _predicate(f"{subject.at(Level.ATOM)} {word} {pattern}", [subject], fragment)


def _predicate(sql: str, operands: Sequence[Operand], fragment: Fragment | str) -> Operand:
    return Operand(sql, BOOLEAN, fragment, Level.PREDICATE, columns_of(operands))


def _with_facts(made: Operand, facts: tuple[Fact, ...]) -> Operand:
    return replace(made, facts=facts, denials=inverse(facts))


def _refuse_null(left: Operand, right: Operand, problem: str) -> None:
    if NULL in (left.kind, right.kind):
        other = left if right.kind == NULL else right
        raise ExpressionError(f"{problem}: nothing equals NULL", f"{other.fragment} is null")


def _refuse_list(left: Operand, right: Operand) -> None:
    for operand in (left, right):
        if operand.kind.startswith("array:"):
            raise ExpressionError(f"lists are not compared: {operand.fragment}; use array_contains or get")


# ---- conditions --------------------------------------------------


def negate(operand: Operand, fragment: Fragment | str) -> Operand:
    """NOT operand."""
    operand = _stated(need_condition(operand, "the operand after NOT"))
    facts = tuple(replace(each, fragment=f"not ({each.fragment})") for each in operand.denials)
    return Operand(
        f"NOT {operand.at(Level.PREDICATE)}",
        BOOLEAN,
        fragment,
        Level.NOT,
        operand.columns,
        facts=facts,
        denials=operand.facts,
    )


def connect(level: Level, operands: Sequence[Operand], fragment: Fragment | str) -> Operand:
    """All operands joined by AND or by OR; contradictions inside one AND are refused."""
    word = level.name
    stated = [_stated(need_condition(operand, f"each side of {word}")) for operand in operands]
    facts = tuple(each for operand in stated for each in operand.facts)
    denials = tuple(each for operand in stated for each in operand.denials)
    if level == Level.AND:
        refuse_contradiction(facts)
    return Operand(
        f" {word} ".join(operand.at(Level(level + 1)) for operand in stated),
        BOOLEAN,
        fragment,
        level,
        columns_of(operands),
        facts=facts if level == Level.AND else (),
        denials=denials if level == Level.OR else (),
    )


def _stated(operand: Operand) -> Operand:
    """A boolean column or function as a fact that it is true."""
    if operand.level != Level.ATOM or operand.value is not None or operand.facts or operand.denials:
        return operand
    itself = Fact(operand.sql, "=", (True,), None, operand.fragment)
    return replace(operand, facts=(itself,), denials=(replace(itself, values=(False,)),))


def choose(
    cases: Sequence[tuple[Operand, Operand]], other: Operand | None, fragment: Fragment | str
) -> Operand:
    """CASE WHEN condition THEN value ... ELSE other END."""
    conditions = [need_condition(condition, "a condition after WHEN") for condition, _ in cases]
    values = [value for _, value in cases] + ([] if other is None else [other])
    kind, values = align(values, "cannot choose between", "and")
    whens = " ".join(
        f"WHEN {condition.sql} THEN {value.sql}" for condition, value in zip(conditions, values, strict=False)
    )
    last = "" if other is None else f" ELSE {values[-1].sql}"
    return Operand(f"CASE {whens}{last} END", kind, fragment, columns=columns_of([*conditions, *values]))


# ---- arithmetic --------------------------------------------------


def calculate(operator: str, left: Operand, right: Operand, fragment: Fragment | str) -> Operand:
    """left + right and the other arithmetic operators; a date is shifted by whole days."""
    if operator in "+-" and left.kind == DATE and right.kind in (INT, BIGINT):
        return shift("date_add" if operator == "+" else "date_sub", left, right, fragment)
    if operator == "+" and right.kind == DATE and left.kind in (INT, BIGINT):
        return shift("date_add", right, left, fragment)
    for operand in (left, right):
        if operand.kind not in NUMBERS:
            raise _not_arithmetic(operator, left, right)
    kind = BIGINT if BIGINT in (left.kind, right.kind) else INT
    if operator == "/" or NUMBER in (left.kind, right.kind):
        kind = NUMBER
    return Operand(
        f"{_TRY[operator]}({left.sql}, {right.sql})", kind, fragment, columns=columns_of([left, right])
    )


def _not_arithmetic(operator: str, left: Operand, right: Operand) -> ExpressionError:
    message = f"cannot {_VERBS[operator]} {left.described} and {right.described}"
    if operator == "-" and left.kind in MOMENTS and right.kind in MOMENTS:
        return ExpressionError(message, f"datediff({left.fragment}, {right.fragment})")
    for operand in (left, right):
        if operand.kind == UNKNOWN:
            return ExpressionError(
                f"{message}: a raw column has no type yet, write {cast_hint(operand, NUMBER)}"
            )
        if operand.kind == TEXT:
            joined = (
                f", or concat({left.fragment}, {right.fragment}) to join texts" if operator == "+" else ""
            )
            return ExpressionError(f"{message}: write {cast_hint(operand, NUMBER)}{joined}")
    return ExpressionError(message)


def minus(operand: Operand, fragment: Fragment | str) -> Operand:
    """-operand; a negative literal stays one."""
    if operand.kind in NUMBERS and isinstance(operand.value, Decimal):
        sql = operand.sql.removeprefix("-") if operand.sql.startswith("-") else f"-{operand.sql}"
        return replace(operand, sql=sql, value=-operand.value, fragment=fragment)
    zero = Operand("0", INT, "0")
    return calculate("-", zero, operand, fragment)


def shift(name: str, moment: Operand, steps: Operand, fragment: Fragment | str) -> Operand:
    """A date shifted by days or months: `name` is date_add, date_sub or add_months. Out-of-range steps
    give null."""
    number = whole(steps, name)
    if isinstance(number.value, Decimal) and abs(number.value) > MAX_SHIFT:
        raise ExpressionError(f"{name} by {number.fragment} is out of range; the maximum is {MAX_SHIFT}")
    bounded = number.sql
    if number.value is None:
        bounded = f"CASE WHEN {bounded} BETWEEN -{MAX_SHIFT} AND {MAX_SHIFT} THEN {bounded} END"
    return Operand(f"{name}({moment.sql}, {bounded})", DATE, fragment, columns=columns_of([moment, steps]))
