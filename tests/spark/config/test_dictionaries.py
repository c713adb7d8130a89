"""What `lookup` and `hash_bucket` give, computed by Spark."""

import hashlib
from decimal import Decimal

from pyspark.sql import SparkSession

from usertags.config.expression_lookup import Dictionary
from usertags.config.expression_tree import as_column
from usertags.config.expressions import Expression, parse_scalar

COLUMNS = {"product": "string", "n": "int", "users.city": "string"}
DICTIONARIES = {
    "needs": Dictionary({"褪黑素片": "睡眠改善", "it's": "quoted \\ ${HOME}", "": "nothing"}),
    "days": Dictionary({"a": Decimal(30), "b": Decimal(-5)}),
    "ids": Dictionary({"a": Decimal(2**40)}),
    "ratios": Dictionary({"a": Decimal("0.25"), "b": Decimal(3), "c": Decimal("12345.5")}),
}


def parsed(text: str) -> Expression:
    return parse_scalar(text, columns=COLUMNS, dictionaries=DICTIONARIES)


def test_values_are_found_as_spark_computes_them(spark: SparkSession) -> None:
    products = ["褪黑素片", "it's", "", "a", "b", "A", None]
    rows = spark.createDataFrame([(product,) for product in products], "product string")
    shown = {
        "lookup('needs', product)": ["睡眠改善", "quoted \\ ${HOME}", "nothing", None, None, None, None],
        "lookup('days', product)": [None, None, None, 30, -5, None, None],
        "lookup('ids', product)": [None, None, None, 2**40, None, None, None],
        "lookup('ratios', product)": [None, None, None, Decimal("0.25"), Decimal(3), None, None],
        "lookup('days', product) * 2": [None, None, None, 60, -10, None, None],
        "coalesce(lookup('needs', product), 'other')": [
            "睡眠改善",
            "quoted \\ ${HOME}",
            "nothing",
            "other",
            "other",
            "other",
            "other",
        ],
    }
    found = rows.select(
        *[as_column(parsed(text).tree).alias(f"c{i}") for i, text in enumerate(shown)]
    ).collect()
    assert {text: [row[i] for row in found] for i, text in enumerate(shown)} == shown


def test_a_bucket_is_what_md5_says_in_any_language(spark: SparkSession) -> None:
    texts = [f"customer:u{number}" for number in range(200)] + ["", "用户", "\U0001f600", None]
    rows = spark.createDataFrame([(text,) for text in texts], "product string")
    sizes = [1, 2, 3, 100, 99_999, 100_000]
    columns = [as_column(parsed(f"hash_bucket(product, {size})").tree).alias(f"c{size}") for size in sizes]
    found = rows.select("product", *columns)
    assert [field.dataType.simpleString() for field in found.schema.fields] == ["string"] + ["int"] * 6
    for row in found.collect():
        text = row["product"]
        digits = None if text is None else int(hashlib.md5(text.encode()).hexdigest()[:8], 16)
        assert list(row[1:]) == [None if digits is None else digits % size for size in sizes]
