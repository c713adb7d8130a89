"""Detection of tags with equivalent rules (同质化).

Rules are compared in a canonical form in which the order of operands, the side of a comparison, `between` and
double negation make no difference.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from usertags.config.expression_tree import And, Between, Brackets, Call, In, Infix, Is, Not, Or, Tree
from usertags.project.model import Tag

_NEGATED = {">": "<=", "<=": ">", "<": ">=", ">=": "<", "=": "<>", "<>": "="}
_MIRRORED = {"<": ">", "<=": ">="}
_SYMMETRIC = ("=", "<>")
_COMMUTATIVE = ("try_add", "try_multiply")


def same_rules(tags: Iterable[Tag]) -> Iterator[tuple[Tag, Tag]]:
    """Pairs of a tag and an earlier tag with the same rule, type and validity; retired tags are ignored.

    Tags without inputs are a separate error, and tags with `follows` have no rule.
    """
    seen: dict[tuple[str, str, object], Tag] = {}
    for tag in tags:
        if tag.status == "retired" or not tag.main.over_today or not tag.inputs:
            continue
        key = (canonical(tag.tree), tag.type, tag.validity)
        if key in seen:
            yield tag, seen[key]
        seen.setdefault(key, tag)


def canonical(tree: Tree) -> str:
    """A canonical text of a rule: equal texts mean equal rules. Other equivalences are not detected."""
    if isinstance(tree, Brackets):
        return canonical(tree.inner)
    if isinstance(tree, And | Or):
        return _chain(type(tree), [canonical(side) for side in _flat(tree)])
    if isinstance(tree, Not):
        return _not(tree.operand)
    return _predicate(tree) if isinstance(tree, Infix | Between | In | Is) else _other(tree)


def _flat(tree: And | Or) -> Iterator[Tree]:
    """The sides, those of the same operator below them among them."""
    for side in tree.sides:
        inner = _unwrapped(side)
        if isinstance(inner, type(tree)):
            yield from _flat(inner)
        else:
            yield inner


def _chain(kind: type[Tree], parts: Iterable[str]) -> str:
    each, *others = sorted(set(parts))
    return f"{kind.__name__}({', '.join([each, *others])})" if others else each


def _not(inner: Tree) -> str:
    inner = _unwrapped(inner)
    if isinstance(inner, Not):
        return canonical(inner.operand)
    if isinstance(inner, And | Or):
        return _chain(Or if isinstance(inner, And) else And, [_not(side) for side in _flat(inner)])
    if isinstance(inner, Infix | Between | In | Is) and inner.negated:
        return canonical(replace(inner, negated=False))
    if isinstance(inner, Infix) and inner.operator in _NEGATED:
        return canonical(replace(inner, operator=_NEGATED[inner.operator]))
    return f"not({canonical(inner)})"


def _predicate(tree: Infix | Between | In | Is) -> str:
    if tree.negated:
        return _not(replace(tree, negated=False))
    if isinstance(tree, Between):
        return canonical(And((Infix(tree.subject, ">=", tree.low), Infix(tree.subject, "<=", tree.high))))
    if isinstance(tree, In):
        choices = sorted({canonical(choice) for choice in tree.choices})
        return f"in({canonical(tree.subject)}; {', '.join(choices)})"
    return _comparison(tree) if isinstance(tree, Infix) else _other(tree)


def _comparison(tree: Infix) -> str:
    left, operator, right = canonical(tree.left), tree.operator, canonical(tree.right)
    if operator in _MIRRORED:
        left, operator, right = right, _MIRRORED[operator], left
    if operator in _SYMMETRIC:
        left, right = sorted((left, right))
    return f"{operator}({left}, {right})"


def _other(tree: Tree) -> str:
    if isinstance(tree, Call) and tree.name in _COMMUTATIVE:
        return f"{tree.name}({', '.join(sorted(map(canonical, tree.arguments)))})"
    return "".join(part if isinstance(part, str) else canonical(part) for part in tree.parts())


def _unwrapped(tree: Tree) -> Tree:
    return _unwrapped(tree.inner) if isinstance(tree, Brackets) else tree
