"""The data of the pages without Airflow and without a lake."""

from datetime import UTC, date, datetime
from typing import Any

from plugins.usertags_quality.page_data import PageData, QuarantinedRows, View
from usertags.errors import InfrastructureError
from usertags.project.build import load_project
from usertags.quality.kinds import CheckKind
from usertags.quality.tag_trends import tag_trends

from .places import TINY_SHOP
from .quality_rows import check, ended, entry, history_of, publication, run_of, size, statistic

D1, D2, D3 = (date(2026, 3, number) for number in (1, 2, 3))


class FakePageData(PageData):
    """Stands in for PageData: rows from this file instead of a lake. `asked` are the report files and the
    tags that it was asked for."""

    def __init__(self) -> None:
        super().__init__(TINY_SHOP)
        self.asked: list[tuple[object, ...]] = []
        self.down = False
        self.waiting: str | None = None

    def asked_release(self, day: date) -> str | None:
        return self.waiting if day == D2 else None

    def _view(self) -> View:
        if self.down:
            raise InfrastructureError(
                "the embedded store is not running", safe="the tables are unchanged", next_step="start it"
            )
        amount: dict[str, Any] = {
            "value": 0.075,
            "unit": "share",
            "rows": 40,
            "unexpected": 3,
            "samples": ({"order_id": "<b>A1</b>", "amount": -1},),
            "details": {"min": 0, "max": 100},
        }
        form: dict[str, Any] = {"severity": "warning", "owner": "growth", "table": "clean.users"}
        checks = [
            check(D1, CheckKind.IN_RANGE, "amount", value=0.0, unit="share"),
            check(D1, CheckKind.RECONCILED, value=40, unit="rows", rows=40, unexpected=0),
            check(D2, CheckKind.IN_RANGE, "amount", success=False, **amount),
            check(D2, CheckKind.IN_FORM, "city", success=False, **form),
        ]
        runs = [ended(D1, "clean", "passed"), ended(D1, "audit", "passed"), ended(D2, "clean", "refused")]
        found = history_of(checks, runs, [publication(D1)], D3)
        return View(load_project(TINY_SHOP), found, datetime(2026, 3, 3, tzinfo=UTC))

    def _tags(self) -> list[Any]:
        statistics = [statistic(D1, "city", "上海", 10, 4), statistic(D1, "gender", "female", 50, 50)]
        coverage = [size(D1, "city", 10, 4), size(D1, "gender", 50, 50)]
        return tag_trends(coverage, statistics, [entry(D1, "gender"), entry(D1, "city")], {D1: run_of(D1)})

    def quarantined(self, day: date) -> list[QuarantinedRows]:
        return (
            [QuarantinedRows("orders", "missing_user", 7, (("A9", {"status": "paid"}),))] if day == D2 else []
        )

    def changes(self, day: date, run_id: str, tag: str) -> list[tuple[str, str, int]]:
        return [("added", "data", 6)]

    def speakers(self, day: date, run_id: str, tag: str, level1: str) -> dict[str, int] | None:
        self.asked.append((day, run_id, tag, level1))
        return {"explicit": 2, "rule": 8} if tag == "city" else None

    def report_file(self, *address: object) -> bytes | None:
        self.asked.append(address)
        return b"<h1>report</h1>"
