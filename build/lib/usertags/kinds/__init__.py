"""The kinds of tags: each module of this package but `base` has one, under the name KIND.

What a kind is, `TagKind` says (usertags/kinds/base.py). Everybody else asks the kinds that an entry, or a
tag, is of. A new kind is a new module here.
"""

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Literal

from usertags.kinds.base import TagKind

__all__ = ["KINDS", "NAMES", "KindName", "TagKind"]

_MODULES = sorted(module.name for module in iter_modules(__path__) if module.name != "base")
_FOUND: list[TagKind] = [import_module(f"{__name__}.{name}").KIND for name in _MODULES]
# What is laid around the value of another kind comes last.
KINDS: tuple[TagKind, ...] = tuple(sorted(_FOUND, key=lambda kind: (kind.order, kind.keys.__name__)))
# What `kind` of an entry can say.
NAMES = tuple(name for kind in KINDS for name in kind.names)
if TYPE_CHECKING:
    KindName = str
else:
    KindName = Literal[NAMES]
