"""The synthetic shop that the shipped configuration runs on: an internet health-care shop in China.

`demo.shop.generate` creates it from a seed; `demo.load` loads it into a database and a landing folder.
"""

from datetime import date

SEED = 20261101
USERS = 20_000
HISTORY_FROM = date(2026, 10, 1)
DATA_DAYS = (date(2026, 11, 1), date(2026, 11, 2), date(2026, 11, 3))
NEXT_DAY = date(2026, 11, 4)  # of `make demo-bad-day`
DAYS = (DATA_DAYS[-1] - HISTORY_FROM).days + 1

__all__ = ["DATA_DAYS", "DAYS", "HISTORY_FROM", "NEXT_DAY", "SEED", "USERS"]
