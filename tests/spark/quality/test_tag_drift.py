"""The groups that values of tags are compared in, counted by Spark."""

from pyspark.sql import SparkSession

from usertags.quality.tag_drift import Distribution, Size, distributions, sizes

SCHEMA = "tag_id string, tag_value string, users long"


def test_values_are_groups_and_many_numbers_are_tenths(spark: SparkSession) -> None:
    numbers = [("spend", str(number), 1) for number in range(1, 101)]
    today = spark.createDataFrame(
        [("gender", "female", 30), ("gender", "male", 70), ("spend", "1000", 50), ("spend", "1", 50)], SCHEMA
    )
    before = spark.createDataFrame([("gender", "female", 60), ("gender", "male", 140), *numbers], SCHEMA)
    found = distributions(today, before, ["spend"])
    assert found["gender"] == Distribution({"female": 30.0, "male": 70.0}, {"female": 60.0, "male": 140.0})
    spend = found["spend"]
    assert len(spend.before) == 10
    assert all(9 <= users <= 11 for users in spend.before.values())
    assert sorted(spend.today.values()) == [0.0] * 8 + [50.0, 50.0]


def test_texts_of_many_kinds_are_one_group(spark: SparkSession) -> None:
    cities = spark.createDataFrame([("city", f"c{number}", 2) for number in range(51)], SCHEMA)
    assert distributions(cities, cities, [])["city"] == Distribution({"many": 102.0}, {"many": 102.0})


def test_sizes_are_those_of_today_beside_the_sum_of_the_days_before(spark: SparkSession) -> None:
    schema = "tag_id string, users long"
    today = spark.createDataFrame([("hours", 5), ("new", 1), ("lost", 0)], schema)
    before = spark.createDataFrame([("hours", 12), ("lost", 3), ("retired", 2)], schema)
    assert sizes(today, before) == {"hours": Size(5, 12), "new": Size(1, 0), "lost": Size(0, 3)}
