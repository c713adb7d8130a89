"""Runs the DAG for the demo's data days in one Airflow process; prints a progress line a task."""

import sys
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from airflow.dag_processing.dagbag import DagBag

from demo import DATA_DAYS
from jobs.catalogue.build import ROOT


def main() -> int:
    dag = DagBag(str(ROOT / "dags")).get_dag("user_tags_daily")
    for day in DATA_DAYS:
        print(f"progress: {day}", flush=True)
        logical = datetime(day.year, day.month, day.day, 2, tzinfo=ZoneInfo("Asia/Shanghai")) + timedelta(
            days=1
        )
        run = dag.test(logical_date=logical)
        if run.state != "success":
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
