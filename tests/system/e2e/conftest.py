"""Projects that are run once and read by many tests."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.support.places import TINY_SHOP, WIDE_SHOP
from usertags.project.model import Project
from usertags.quality.gate import GateRefused
from usertags.stages.report import StageReport

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
from .expected import D1, D2, D3, D4, D5, D6
from .shop import TABLES, NewShop, Row, Shop


@pytest.fixture(scope="session")
def new_shop(
    new_project_folder: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[NewShop]:
    """Makes a project of a configuration folder whose files are read from `landing`, by default a new empty
    folder. With `embedded` its tables lie in the shared store, else in files of its own."""
    made: list[Shop] = []

    def make(configs: Path, variable: str, landing: Path | None = None, *, embedded: bool = False) -> Shop:
        project_folder = new_project_folder(configs, embedded=embedded)
        made.append(Shop(project_folder.path, variable, landing or tmp_path_factory.mktemp("landing")))
        return made[-1]

    yield make
    for shop in made:
        shop.pipeline.close()


@dataclass(frozen=True)
class GoodDays:
    """The wide shop after six days in order. The third is run twice and the fourth is without any file. From
    the fifth on three tags are restricted and one is retired. The sixth is refused by its audit, because the
    `values` of a tag lack one that users have; then that is put right, and two of the three tags changed.

    `runs` are the run ids of a day in order, `reports` what each of them reported. `seen` holds what the
    tables of a day showed right after its first run, `snapshots` those of tables that later days write too,
    `branches` those of the published tables after the third day, and `projects` what each day was run by:
    the shop's own is that of the first four days.
    """

    shop: Shop
    runs: dict[date, list[str]]
    reports: dict[str, list[StageReport]]
    seen: dict[date, dict[str, list[Row]]]
    snapshots: dict[date, dict[str, int]]
    branches: dict[str, set[str]]
    projects: dict[date, Project]

    def newest(self, day: date) -> str:
        """The run that is published."""
        return self.runs[day][-1]


RESTRICTED = {"gender": "private", "bought_today": "secret", "yearly_spend": "quiet"}
STATED = {
    "private": {"keep_out_of": ["user_profile"]},
    "secret": {"keep_out_of": ["user_tags"]},
    "quiet": {"keep_out_of": ["user_tag_changes", "tag_statistics"]},
}
KINDS = "tags/kinds.yml"
# What the days' runs write and later days write again.
KEPT = ("clean.account_links", "rollup.purchases")


def land_wide_shop(shop: Shop, day: date) -> None:
    """The files of a day: those of the tiny shop, and beside them those of the other stories."""
    shop.land(TINY_SHOP / "landing", str(day))
    shop.land(WIDE_SHOP / "landing", str(day))


def _restrict(tags: dict[str, Any]) -> None:
    for tag, name in RESTRICTED.items():
        tags[tag]["sensitivity"] = name


def _allow_less(tags: dict[str, Any]) -> None:
    tags["gender"]["values"] = ["female"]


def _after_that(tags: dict[str, Any]) -> None:
    tags["gender"]["values"] = ["female", "male"]
    del tags["bought_today"]["sensitivity"]
    del tags["yearly_spend"]


@pytest.fixture(scope="session")
def good_days(new_shop: NewShop) -> GoodDays:
    shop = new_shop(WIDE_SHOP, "WIDE_SHOP_DIR", embedded=True)
    days = GoodDays(shop, {}, {}, {}, {}, {}, {})

    def run(day: date) -> None:
        run_id = shop.run(day)
        days.runs.setdefault(day, []).append(run_id)
        days.reports[run_id] = shop.reports
        days.projects[day] = shop.pipeline.project
        if len(days.runs[day]) == 1:
            days.snapshots[day] = {table: shop.snapshot(table) for table in KEPT}

    def edit_tags(change: Callable[[dict[str, Any]], None]) -> None:
        shop.edit("tags/tags.yml", lambda data: change(data["tags"]))

    for day in (D1, D2, D3, D4):
        land_wide_shop(shop, day)
        run(day)
        days.seen[day] = {table: shop.published(table, day) for table in TABLES}
        if day == D3:
            days.seen[day]["user_measures"] = shop.measures(day, days.newest(day))
            days.seen[day]["publications"] = [shop.publication(day)]
            run(day)
            days.branches.update({table: shop.branches(f"tags.{table}") for table in TABLES})
    written = {name: (shop.folder / name).read_bytes() for name in ("project.yml", "tags/tags.yml", KINDS)}
    shop.edit("project.yml", lambda content: content.update(sensitivity=STATED))
    shop.edit(KINDS, lambda data: data["tags"]["usual_status"].update(status="retired"))
    edit_tags(_restrict)
    land_wide_shop(shop, D5)
    run(D5)
    edit_tags(_allow_less)
    land_wide_shop(shop, D6)
    with pytest.raises(GateRefused, match="gender in its values"):
        shop.run(D6)
    days.runs[D6] = [shop.run_id]
    edit_tags(_after_that)
    run(D6)
    for name, content in written.items():
        (shop.folder / name).write_bytes(content)
    shop.reload()
    return days
