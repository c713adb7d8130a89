"""Identity started from the day before, in many more random histories than CI has time for."""

from pyspark.sql import SparkSession

from tests.support.identity_days import check_histories


def test_five_hundred_random_histories(spark: SparkSession) -> None:
    check_histories(spark, range(1_000, 1_500), days=8)
