"""Projects that are run once and read by many tests."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.support.places import TINY_SHOP

from .bad_days import (  # noqa: F401
    backfilled,
    batch_again,
    batch_released,
    extended,
    forgotten,
    held,
    left_out,
    moved,
    put_right,
    refused,
    relaxed,
    tags_released,
)
from .shop import TABLES, NewShop, Row, Shop


@pytest.fixture(scope="session")
def new_shop(new_project: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[NewShop]:
    """Makes a project of a configuration folder whose files are read from `landing`, by default a new empty
    folder. With `embedded` its tables lie in the shared store, else in files of its own."""
    made: list[Shop] = []

    def make(configs: Path, variable: str, landing: Path | None = None, *, embedded: bool = False) -> Shop:
        project = new_project(configs, embedded=embedded)
        made.append(Shop(project.folder, variable, landing or tmp_path_factory.mktemp("landing")))
        return made[-1]

    yield make
    for shop in made:
        shop.pipeline.close()


@dataclass(frozen=True)
class FourDays:
    """The tiny shop after four days in order, the third of them run twice and the last without any file.

    `runs` are the run ids in order. `seen` holds what each day's tables showed right after its first run.
    """

    shop: Shop
    runs: dict[date, list[str]]
    seen: dict[date, dict[str, list[Row]]]


@pytest.fixture(scope="session")
def four_days(new_shop: NewShop) -> FourDays:
    shop = new_shop(TINY_SHOP, "TINY_SHOP_DIR", embedded=True)
    days = [date(2026, 3, number) for number in (1, 2, 3, 4)]
    runs: dict[date, list[str]] = {}
    seen: dict[date, dict[str, list[Row]]] = {}
    for day in days:
        shop.land(TINY_SHOP / "landing", str(day))
        runs[day] = [shop.run(day)]
        seen[day] = {table: shop.published(table, day) for table in TABLES}
        if day == days[2]:
            seen[day]["user_measures"] = shop.measures(day, runs[day][0])
            seen[day]["publications"] = [shop.publication(day)]
            runs[day].append(shop.run(day))
    return FourDays(shop, runs, seen)
