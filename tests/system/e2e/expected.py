"""What must be published of the tiny shop, said by hand."""

from datetime import date
from decimal import Decimal
from typing import Any

D1, D2, D3, D4, D5, D6 = (date(2026, 3, number) for number in range(1, 7))

# What the users' own file says of each, and what it corrects on D3.
PEOPLE: dict[str, dict[str, str]] = {
    "u1": {"gender": "female", "city": "上海"},
    "u2": {"gender": "male", "city": "北京"},
    "u3": {"gender": "female", "city": "上海"},
    "u4": {},
    "u5": {"gender": "female", "city": "成都"},
    "u6": {"gender": "female", "city": "深圳"},
    "u7": {"gender": "male", "city": "北京"},
    "u8": {"gender": "male", "city": "广州"},
}
MOVED = {"u4": {"city": "杭州"}}


def carries(segment: str, spent: str, *tags: str) -> dict[str, Any]:
    """A row of `user_profile` but for the users' own columns: segment, yearly spend, tags that are true."""
    return {"rfm_segment": segment, "yearly_spend": Decimal(spent)} | dict.fromkeys(tags, True)


NEVER = carries("never_ordered", "0.00", "no_order_yet")
LONG_AGO = carries("out_of_window", "0.00", "has_ordered")

PROFILES: dict[date, dict[str, dict[str, Any]]] = {
    D1: {
        "u1": carries("loyal", "150.00", "has_ordered"),
        # Three orders within D-179 … D: the first of them on the very first day of the window.
        "u2": carries(
            "champions", "620.00", "has_ordered", "important_customer", "bought_today", "just_bought"
        ),
        "u3": NEVER,
        "u4": NEVER,
        "u8": LONG_AGO,
    },
    D2: {
        # The third order came half an hour after midnight in Shanghai, which is still D1 in UTC.
        "u1": carries(
            "champions", "210.00", "has_ordered", "important_customer", "bought_today", "just_bought"
        ),
        "u2": carries("champions", "620.00", "has_ordered", "just_bought"),
        # Two referrals and no order.
        "u3": NEVER | {"important_customer": True},
        "u4": NEVER,
        "u5": carries("fresh", "80.00", "has_ordered", "bought_today", "just_bought"),
        "u7": carries("fresh", "40.00", "has_ordered", "bought_today", "just_bought"),
        "u8": LONG_AGO,
    },
    D3: {
        "u1": carries("champions", "210.00", "has_ordered", "important_customer", "just_bought"),
        "u2": carries(
            "champions", "650.00", "has_ordered", "important_customer", "bought_today", "just_bought"
        ),
        "u3": NEVER | {"important_customer": True},
        "u4": NEVER,
        # The order of D2 is corrected: it was placed on D1, and cost 90.
        "u5": carries("fresh", "90.00", "has_ordered", "just_bought"),
        "u6": NEVER,
        # The only order is cancelled.
        "u7": NEVER | {"just_bought": True},
        "u8": LONG_AGO,
    },
}


def people(rows: dict[str, dict[str, Any]], *later: dict[str, dict[str, str]]) -> dict[str, dict[str, Any]]:
    """Rows of `user_profile` with what the users' own file says of each."""
    full = {user: row | PEOPLE[user] for user, row in rows.items()}
    for corrections in later:
        full = {user: row | corrections.get(user, {}) for user, row in full.items()}
    return full
