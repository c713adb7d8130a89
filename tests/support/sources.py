"""A source as the code sees it, without a configuration."""

from typing import Any

from usertags.project.model import Source
from usertags.project.source_entry import Read


def orders(**parts: Any) -> Source:
    """Events with a key from a table, without columns, rules and checks; `parts` are what is different."""
    plain: dict[str, Any] = {
        "name": "orders",
        "kind": "events",
        "read": Read(connection="shop", table="orders"),
        "columns": (),
        "key": ("order_id",),
        "repeats": None,
        "version": None,
        "ids": (("customer", "customer"),),
        "time": "ordered_at",
        "reject": (),
        "checks": (),
    }
    return Source(**plain | parts)
