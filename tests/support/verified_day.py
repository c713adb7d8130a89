"""A published day of the wide shop in a database of `usertags verify`, from clean rows by hand."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

import duckdb
import pytest
import yaml

from usertags.project.build import load_project
from usertags.project.model import Project
from usertags.verify.inputs import PublishedDay, database

from .places import WIDE_SHOP
from .verified import fill_clean, next_day, publish, verified_after

D1, D2 = date(2026, 3, 10), date(2026, 3, 11)
ZONE = ZoneInfo("Asia/Shanghai")


def at(day: str, hour: int = 12) -> datetime:
    return datetime.fromisoformat(day).replace(hour=hour, tzinfo=ZONE)


def order(
    number: int, customer: str, day: str, amount: str, status: str = "paid", hour: int = 12
) -> dict[str, object]:
    return {
        "order_id": f"o{number}",
        "customer": customer,
        "status": status,
        "amount": amount,
        "ordered_at": at(day, hour),
    }


# u1 buys often; u2 and u3 are one person from the second day on; u4 has only a profile; u5 was served by
# somebody; u6 bought on the first day alone, u7 a year ago to the day.
ORDERS = [
    order(1, "u1", "2025-12-01", "120.50"),
    order(2, "u1", "2026-01-15", "80.25", "done"),
    order(3, "u1", "2026-03-10", "300.00", hour=23),
    order(4, "u1", "2026-03-11", "99.99"),
    order(5, "u2", "2026-02-01", "20.00", "collected"),
    order(6, "u3", "2026-03-05", "35.10", "cancelled"),
    order(7, "u3", "2026-03-09", "500.00"),
    order(8, "u6", "2026-03-10", "10.00"),
    order(9, "u7", "2025-03-12", "60.00"),
    order(10, "u7", "2025-03-11", "600.00"),
    order(11, "u5", "2026-03-11", "15.00", "held"),
    order(12, "u5", "2026-03-11", "15.00", "collected"),
]
PEOPLE = [("u1", "female", "上海"), ("u2", "male", "北京"), ("u4", "female", "成都"), ("u5", None, "深圳")]
ROWS = {
    "orders": ORDERS,
    "purchases": [{"purchase_id": "p1", "customer": "u4", "amount": "9.90", "bought_at": at("2026-03-11")}],
    "referrals": [
        {"referrer": "u2", "referee": "r1", "referred_at": at("2026-03-01")},
        {"referrer": "u3", "referee": "r2", "referred_at": at("2026-03-02")},
    ],
    "users": [
        {
            "customer": who,
            "gender": gender,
            "city": city,
            "registered_at": at("2026-01-01"),
            "updated_at": at("2026-01-01"),
        }
        for who, gender, city in PEOPLE
    ],
    "notes": [
        {
            "customer": "u4",
            "tag": "care",
            "value": "diet",
            "action": "set",
            "who": "ann",
            "why": "asked",
            "at": at("2026-03-09"),
            "until": date(2026, 3, 11),
        },
        {
            "customer": "u5",
            "tag": "quiet",
            "value": None,
            "action": "set",
            "who": "bob",
            "at": at("2026-03-08"),
        },
        {
            "customer": "u1",
            "tag": "quiet",
            "value": None,
            "action": "set",
            "who": "bob",
            "at": at("2026-03-08"),
        },
        {
            "customer": "u1",
            "tag": "quiet",
            "value": None,
            "action": "withdraw",
            "who": "bob",
            "at": at("2026-03-09"),
        },
    ],
    "account_links": [
        {
            "customer": "u2",
            "open_id": "w2",
            "phone": None,
            "linked_at": at("2026-03-01"),
            "updated_at": at("2026-03-01"),
        },
        {
            "customer": "u3",
            "open_id": "w2",
            "phone": None,
            "linked_at": at("2026-03-11"),
            "updated_at": at("2026-03-11"),
        },
        *[
            {
                "customer": f"c{number}",
                "open_id": "shared",
                "phone": None,
                "linked_at": at("2026-03-02"),
                "updated_at": at("2026-03-02"),
            }
            for number in range(4)
        ],
    ],
}


@dataclass(frozen=True)
class Day:
    connection: duckdb.DuckDBPyConnection
    project: Project
    published: PublishedDay

    def found(self, *changes: str) -> list[str]:
        """What differs after these statements, a line each, without the values."""
        found = verified_after(self.connection, self.project, self.published, changes, most=1000)
        return [
            f"{each.table} {each.user} {each.subject} {each.column} | {each.made_by}"
            for each in found.differences
        ]


@pytest.fixture(scope="module")
def wide_project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The wide shop with a static tag, a tag of a double, and nothing that masks users."""
    folder = tmp_path_factory.mktemp("verified") / "shop"
    shutil.copytree(WIDE_SHOP, folder)
    links = folder / "sources" / "account_links.yml"
    links.write_text(links.read_text().replace(", pii: hash", ""))
    shared = {
        "path": ["消费属性", "客户价值", "近期"],
        "kind": "fact",
        "description": "x",
        "owner": "data",
        "status": "active",
    }
    first = shared | {
        "name": "first_city",
        "title": "First city",
        "value": "if(orders_lifetime >= 0, users.city, null)",
        "validity": "static",
    }
    gap = shared | {
        "name": "usual_gap",
        "title": "Usual gap",
        "value": "gap / 7",
        "validity": "dynamic",
        "type": "double",
    }
    (folder / "tags" / "more.yml").write_text(
        yaml.safe_dump({"tags": {"first_city": first, "usual_gap": gap}}, allow_unicode=True)
    )
    return load_project(folder)


@pytest.fixture(scope="module")
def wide_day(wide_project: Project) -> Iterator[Day]:
    with database(wide_project.timezone) as connection:
        fill_clean(connection, wide_project, ROWS)
        publish(connection, wide_project, D1, None)
        next_day(connection)
        publish(connection, wide_project, D2, D1)
        yield Day(connection, wide_project, PublishedDay(D2, "r2", D1))
