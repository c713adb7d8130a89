"""A shop of one source, without links and without a day before, as examples/rfm_orders is."""

from datetime import date

from tests.support.places import EXAMPLES
from tests.support.verified import fill_clean, publish, verified_after
from usertags.project.build import load_project
from usertags.verify.inputs import PublishedDay, database

DAY = date(2006, 12, 30)


def test_each_user_stands_once() -> None:
    project = load_project(EXAMPLES / "rfm_orders")
    orders = [
        {"customer": f"c{number % 4}", "ordered_on": date(2006, 1, 1 + number), "revenue": f"{number}.50"}
        for number in range(12)
    ]
    with database(project.timezone) as connection:
        fill_clean(connection, project, {"orders": orders})
        publish(connection, project, DAY, None)
        found = verified_after(connection, project, PublishedDay(DAY, "r1", None))
        spent = connection.execute("SELECT user_id, monetary, recency_days FROM published.rfm ORDER BY 1")
        assert spent.fetchall() == [
            ("customer:c0", 13.5, 356),
            ("customer:c1", 16.5, 355),
            ("customer:c2", 19.5, 354),
            ("customer:c3", 22.5, 353),
        ]
    assert (found.count, found.users) == (0, 4)
