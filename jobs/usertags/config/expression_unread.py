"""When an expression of a source could not read a value: a conversion in it made null of something.

`cast`, `to_date` and the like return null for what they cannot read, which in an amount would be money that
is missing in silence. The condition made here tells such a null from that of a value that is not there.
"""

import re
from collections.abc import Iterable

from usertags.config.expression_tree import (
    And,
    Between,
    Brackets,
    Call,
    Case,
    Cast,
    Constant,
    Field,
    In,
    Infix,
    Is,
    Name,
    Not,
    Number,
    Or,
    Reading,
    Tree,
    called,
)

_TRIED = re.compile(r"\btry_\w+\s*\(", re.IGNORECASE)
_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'|`[^`]*`|\"(?:[^\"\\]|\\.)*\"")
_CONVERSIONS = ("try_to_date", "try_to_timestamp")
_OVERFLOWING = ("try_add", "try_subtract", "try_multiply")


def tries(text: str) -> bool:
    """Whether an expression, as it is written, calls a `try_` function."""
    return bool(_TRIED.search(_QUOTED.sub("", text)))


def unread(tree: Tree) -> Tree | None:  # noqa: PLR0911 - one line a kind of node
    """The condition that a conversion which decides the value of the tree read nothing of something; None if
    there is none. It is null or false where all is well."""
    match tree:
        case Name() | Number() | Constant() | Is():
            return None
        case Reading():
            return _any([_lost([tree.read], tree), unread(tree.read)])
        case Case():
            return _of_case(tree)
        case Call("coalesce", arguments):
            return _all(map(unread, arguments))
        case Cast(operand, type_, strict):
            lost = None if strict or type_ == "STRING" else _lost([operand], tree)
            return _any([lost, unread(operand)])
        case Call(name, arguments) if name in _CONVERSIONS:
            return _any([_lost(arguments[:1], tree), *map(unread, arguments)])
        case Call(name, arguments) if name in _OVERFLOWING:
            return _any([_lost(arguments, tree), *map(unread, arguments)])
        case _:
            return _any(map(unread, _below(tree)))


def _of_case(tree: Case) -> Tree | None:
    """The conditions decide the value, and of the branches the one that is taken."""
    conditions = [unread(condition) for condition, _ in tree.branches]
    values = [unread(value) for _, value in tree.branches]
    otherwise = unread(tree.otherwise) if tree.otherwise is not None else None
    taken = None
    if otherwise is not None or any(value is not None for value in values):
        branches = [
            (condition, value or Constant(False))
            for (condition, _), value in zip(tree.branches, values, strict=True)
        ]
        taken = Case(tuple(branches), otherwise)
    return _any([*conditions, taken])


def _below(tree: Tree) -> Iterable[Tree]:  # noqa: PLR0911 - one line a kind of node
    match tree:
        case Call():
            return tree.arguments
        case Infix():
            return (tree.left, tree.right)
        case Between():
            return (tree.subject, tree.low, tree.high)
        case In():
            return (tree.subject, *tree.choices)
        case Not():
            return (tree.operand,)
        case And() | Or():
            return tree.sides
        case Brackets():
            return (tree.inner,)
        case Field():
            return (tree.record,)
        case _:
            # The variables of a lambda are not known outside of it.
            return ()


def _lost(read: Iterable[Tree], result: Tree) -> Tree:
    """All that is read is there, and the result is not. A blank text is nothing to read."""
    there = [
        Infix(called("trim", Cast(each, "STRING")), "<>", Constant(""))
        for each in read
        if not _is_given(each)
    ]
    return And((*there, Is(result, Constant(None))))


def _is_given(tree: Tree) -> bool:
    return isinstance(tree, Number) or (isinstance(tree, Constant) and tree.value is not None)


def _any(trees: Iterable[Tree | None]) -> Tree | None:
    found = tuple(dict.fromkeys(tree for tree in trees if tree is not None))
    return None if not found else found[0] if len(found) == 1 else Or(found)


def _all(trees: Iterable[Tree | None]) -> Tree | None:
    found = tuple(dict.fromkeys(tree for tree in trees if tree is not None))
    return None if not found else found[0] if len(found) == 1 else And(found)


def accepted(condition: Tree, where: Tree) -> Tree:
    """The condition, except where another one is true."""
    return And((condition, Is(where, Constant(True), negated=True)))
