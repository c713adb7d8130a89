"""Runs the DAG for the given data days, by default those of the demo, in one Airflow process.

Prints one progress line per day, and exits with code 1 after a failed day.
"""

import sys
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from airflow.dag_processing.dagbag import DagBag

from demo import DATA_DAYS
from usertags.project.build import ROOT


def main(days: Iterable[date]) -> int:
    dag = DagBag(str(ROOT / "dags")).get_dag("user_tags_daily")
    for day in days:
        print(f"progress: {day}", flush=True)
        logical = datetime(day.year, day.month, day.day, 2, tzinfo=ZoneInfo("Asia/Shanghai")) + timedelta(
            days=1
        )
        run = dag.test(logical_date=logical)
        if run.state != "success":
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main([date.fromisoformat(day) for day in sys.argv[1:]] or DATA_DAYS))
