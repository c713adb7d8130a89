"""The fixtures of the tests of `dags/`."""

from tests.support.airflow_home import airflow, airflow_environment, bag, dag, in_a_new_process, submit

__all__ = ["airflow", "airflow_environment", "bag", "dag", "in_a_new_process", "submit"]
