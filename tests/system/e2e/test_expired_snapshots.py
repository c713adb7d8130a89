"""Maintenance expires every snapshot between two days: nothing is read or cleaned again, and the second day
holds what it holds where nothing was expired."""

from datetime import date

import pytest

from tests.support.lakes import expire_all_snapshots
from tests.support.places import WIDE_SHOP
from usertags.errors import DataError
from usertags.verify.verify import verify

from .conftest import GoodDays, land_wide_shop
from .expected import D1, D2
from .shop import TABLES, NewShop, Shop

pytestmark = pytest.mark.shared("good_days")


def rows_written(shop: Shop) -> set[int | None]:
    lines = [line for report in shop.reports if report.stage in ("extract", "clean") for line in report.lines]
    return {line.written for line in lines}


def test_the_next_day_is_not_changed_by_expired_snapshots(good_days: GoodDays, new_shop: NewShop) -> None:
    shop = new_shop(WIDE_SHOP, "WIDE_SHOP_DIR")

    def run(day: date) -> None:
        land_wide_shop(shop, day)
        shop.run(day)
        expire_all_snapshots(shop.lake)

    run(D1)
    shop.run(D1, until="aggregate")
    assert rows_written(shop) == {0}
    assert {line.note for report in shop.reports[-1:] for line in report.lines} == {"nothing changed"}
    run(D2)
    for table in TABLES:
        assert shop.published(table, D2) == good_days.seen[D2][table], table
    # The newest day can still be verified; of an earlier one the clean rows that it read are gone.
    assert verify(shop.pipeline.project, shop.lake, D2).count == 0
    with pytest.raises(DataError, match="the snapshot that the run of 2026-03-01 read is expired"):
        verify(shop.pipeline.project, shop.lake, D1)
