"""What the runs of Airflow say of a day: literal runs, no database."""

from datetime import date

from plugins.usertags_quality.airflow_runs import asking_about

D1, D2 = date(2026, 3, 1), date(2026, 3, 2)
# Newest first. A person starts a run with text of a form, and may leave it empty.
WAITING = [
    ("manual__4", {"day": "2026-03-02"}),
    ("manual__3", None),
    ("manual__2", {"by": "Wang Fang"}),
    ("manual__1", {"day": "2026-03-01"}),
    ("manual__0", {"day": "2026-03-02"}),
]


def test_the_newest_run_that_asks_about_a_day_is_found() -> None:
    assert asking_about(WAITING, D1) == "manual__1"
    assert asking_about(WAITING, D2) == "manual__4"


def test_no_run_asks_about_another_day() -> None:
    assert asking_about(WAITING, date(2026, 3, 3)) is None
    assert asking_about([], D1) is None
