"""Detection of tags with equivalent rules (同质化).

Rules are compared in a canonical form in which the order of operands, the side of a comparison, `between` and
double negation make no difference.
"""

from collections.abc import Iterable, Iterator

import sqlglot
from sqlglot import exp

from usertags.project.model import Tag

_SWAPPED = {exp.LT: "gt", exp.LTE: "gte"}
_ORDERED = {exp.GT: "gt", exp.GTE: "gte"}
_NEGATED: dict[type[exp.Expression], type[exp.Expression]] = {
    exp.GT: exp.LTE,
    exp.LTE: exp.GT,
    exp.LT: exp.GTE,
    exp.GTE: exp.LT,
    exp.EQ: exp.NEQ,
    exp.NEQ: exp.EQ,
}
_COMMUTATIVE = (exp.SafeAdd, exp.SafeMultiply)


def same_rules(tags: Iterable[Tag]) -> Iterator[tuple[Tag, Tag]]:
    """Pairs of a tag and an earlier tag with the same rule, type and validity; retired tags are ignored.

    Tags without inputs are a separate error, and tags with `follows` have no rule.
    """
    seen: dict[tuple[str, str, object], Tag] = {}
    for tag in tags:
        if tag.status == "retired" or not tag.main.over_today or not tag.inputs:
            continue
        key = (canonical(tag.sql), tag.type, tag.validity)
        if key in seen:
            yield tag, seen[key]
        seen.setdefault(key, tag)


def canonical(sql: str) -> str:
    """A canonical text of a rule. In: normalised Spark SQL.

    Equal texts mean equal rules; other equivalences are not detected.
    """
    return _form(sqlglot.parse_one(sql, dialect="spark"))


def _form(node: exp.Expression) -> str:
    if isinstance(node, exp.Paren):
        return _form(node.this)
    if isinstance(node, exp.And | exp.Or):
        parts = sorted({_form(part) for part in node.flatten()})
        return f"{type(node).__name__}({', '.join(parts)})" if len(parts) > 1 else parts[0]
    if isinstance(node, exp.Not):
        return _not(node.this)
    if isinstance(node, exp.Between):
        low = exp.GTE(this=node.this, expression=node.args["low"])
        high = exp.LTE(this=node.this, expression=node.args["high"])
        return _form(exp.And(this=low, expression=high))
    return _comparison(node) or _call(node)


def _not(inner: exp.Expression) -> str:
    while isinstance(inner, exp.Paren):
        inner = inner.this
    if isinstance(inner, exp.Not):
        return _form(inner.this)
    if isinstance(inner, exp.And | exp.Or):
        other = exp.Or if isinstance(inner, exp.And) else exp.And
        parts = sorted({_not(part) for part in inner.flatten()})
        return f"{other.__name__}({', '.join(parts)})" if len(parts) > 1 else parts[0]
    if type(inner) in _NEGATED:
        return _form(_NEGATED[type(inner)](this=inner.this, expression=inner.expression))
    return f"not({_form(inner)})"


def _comparison(node: exp.Expression) -> str | None:
    kind = type(node)
    if kind in _SWAPPED:
        return f"{_SWAPPED[kind]}({_form(node.expression)}, {_form(node.this)})"
    if kind in _ORDERED:
        return f"{_ORDERED[kind]}({_form(node.this)}, {_form(node.expression)})"
    if isinstance(node, exp.EQ | exp.NEQ):
        return f"{kind.__name__}({', '.join(sorted((_form(node.this), _form(node.expression))))})"
    if isinstance(node, exp.In):
        return f"in({_form(node.this)}; {', '.join(sorted({_form(item) for item in node.expressions}))})"
    return None


def _call(node: exp.Expression) -> str:
    """Any other node: its kind and its parts."""
    parts = [_form(part) for part in node.iter_expressions()]
    if not parts:
        return str(node.sql(dialect="spark"))
    if isinstance(node, _COMMUTATIVE):
        parts = sorted(parts)
    name = node.name if isinstance(node, exp.Anonymous) else type(node).__name__
    plain = [str(value) for value in node.args.values() if isinstance(value, str | bool)]
    return f"{name}[{', '.join(plain)}]({', '.join(parts)})"
