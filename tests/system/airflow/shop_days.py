"""Some days of the fault shop: good ones, one whose export ended early, and one that its audit refuses."""

import json
import random
from datetime import date, timedelta
from pathlib import Path

FIRST = date(2026, 3, 1)
EARLY, GOOD, REFUSED = date(2026, 3, 2), date(2026, 3, 3), date(2026, 3, 4)
DAYS = [FIRST + timedelta(days=number) for number in range((REFUSED - FIRST).days + 1)]
# Days before the first batch whose orders it brings along.
HISTORY = 28
USERS, NEW_USERS, ORDERS = 300, 110, 130
# What comes on REFUSED: too few to be a usual day, enough not to be stopped for it.
FEWER_ORDERS = 78
UNKNOWN_GENDERS = 7

Order = dict[str, object]


def write_days(landing: Path) -> None:
    """The files of every day. On REFUSED orders are missing, some amounts cannot be read, and some users
    are of a gender that no tag lists; on EARLY the orders of the evening are missing."""
    for day in DAYS:
        before = HISTORY if day == FIRST else 0
        orders = [order for number in range(before + 1) for order in _orders(day - timedelta(days=number))]
        _write(landing, day, orders, _users(day))


def _orders(day: date) -> list[Order]:
    """The same day gives the same orders, the last of them late in the evening."""
    chance = random.Random(day.toordinal())
    orders = [_order(day, number, chance) for number in range(ORDERS)]
    orders[-1]["ordered_at"] = f"{day} 23:15:00"
    if day == EARLY:
        return [order for order in orders if str(order["ordered_at"])[11:13] < "21"]
    if day == REFUSED:
        return [order | {"amount": "free"} for order in orders[:2]] + orders[-FEWER_ORDERS:]
    return orders


def _order(day: date, number: int, chance: random.Random) -> Order:
    return {
        "order_id": f"{day:%Y%m%d}{number:04}",
        "customer": str(10_000_000 + chance.randrange(USERS)),
        "channel": chance.choice(["app", "web", None]),
        "amount": round(chance.uniform(10, 1000), 2),
        "ordered_at": f"{day} {chance.randrange(8, 22):02}:{chance.randrange(60):02}:00",
    }


def _users(day: date) -> list[str]:
    number = (day - FIRST).days
    first = USERS + (number - 1) * NEW_USERS if number else 0
    count = NEW_USERS if number else USERS
    genders = ["female" if each % 2 else "male" for each in range(count)]
    if day == REFUSED:
        genders[:UNKNOWN_GENDERS] = ["unknown"] * UNKNOWN_GENDERS
    return [f"{10_000_000 + first + each},{gender},{day} 09:00:00" for each, gender in enumerate(genders)]


def _write(landing: Path, day: date, orders: list[Order], users: list[str]) -> None:
    files = {
        f"orders/dt={day}/orders.json": [json.dumps(order) for order in orders],
        f"users/dt={day}/users.csv": ["customer,gender,registered_at", *users],
    }
    for name, lines in files.items():
        (landing / name).parent.mkdir(parents=True, exist_ok=True)
        (landing / name).write_text("".join(f"{line}\n" for line in lines))
