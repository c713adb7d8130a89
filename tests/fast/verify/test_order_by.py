"""Rows of one time, in the oracle: ordered by the `order_by` of their source, as the pipeline orders them."""

from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest

from tests.support.frames import ORDERS
from tests.support.verified import fill_clean
from usertags.project.model import Project
from usertags.verify.inputs import database, used_columns
from usertags.verify.measures import Measures
from usertags.verify.users import _rows_of_ids

DAY = date(2026, 3, 1)
MEASURES = {name: {"source": "orders", "value": f"{name}(status)"} for name in ("first", "last")}


@pytest.mark.parametrize(
    ("lines", "first", "last"),
    [
        ([(1, "o1", "z"), (2, "o1", "a"), (10, "o1", "k")], "z", "k"),
        ([(1, "o1", "z"), (None, "o1", "m"), (2, "o1", "a")], "m", "a"),
        ([(1, "o1", "z"), (1, "o2", "a"), (1, None, "k")], "k", "a"),
        ([(1, "o1", "b"), (1, "o1", "a")], "a", "b"),
    ],
)
def test_order_by_decides_between_rows_of_one_time(
    build: Callable[..., Project], lines: list[tuple[int | None, str | None, str]], first: str, last: str
) -> None:
    project = build(sources={"orders": ORDERS | {"order_by": ["units", "order_id"]}}, measures=MEASURES)
    source = project.sources["orders"]
    assert {"units", "order_id"} <= set(used_columns(project, source))
    at = datetime(2026, 3, 1, 4, tzinfo=UTC)
    rows = [
        {"customer": "u1", "units": units, "order_id": name, "status": status, "ordered_at": at}
        for units, name, status in lines
    ]
    with database(project.timezone) as connection:
        fill_clean(connection, project, {"orders": rows})
        _rows_of_ids(connection, project, source, DAY)
        connection.execute("CREATE TABLE rows_orders AS SELECT *, _id AS _user FROM ids_orders")
        connection.execute("CREATE TABLE everybody AS SELECT 'u1' AS user_id")
        measures = Measures(connection, project, DAY)
        measures.compute(list(MEASURES), "everybody")
        measures.gathered("everybody", "found")
        assert measures.refused == {}
        assert connection.execute('SELECT "first", "last" FROM found').fetchall() == [(first, last)]
