"""Rows of a run in the columns of a table that another version of the project has written before."""

import pyarrow as pa
import pytest
from pyspark.sql import SparkSession
from pyspark.sql.types import StructType

from tests.support.frames import frame, rows
from usertags.transform.table_columns import fitted, whole_schema


def test_the_columns_of_the_rows_follow_the_fixed_ones_which_keep_their_types() -> None:
    fixed = pa.schema([("user_id", pa.string()), ("users", pa.int64())])
    of_rows = pa.schema([("big", pa.bool_()), ("users", pa.int32()), ("user_id", pa.string())])
    assert whole_schema(fixed, of_rows) == pa.schema(
        [("user_id", pa.string()), ("users", pa.int64()), ("big", pa.bool_())]
    )
    assert whole_schema(fixed, pa.schema([])) == fixed


def test_rows_stand_in_the_order_and_types_of_the_table(spark: SparkSession) -> None:
    """`retired` is of a tag that is gone, `users` is wider in the table, `no. 1` needs its quotes."""
    given = frame(spark, "`no. 1` string, users int, user_id string, extra int", [("x", 3, "u1", 9)])
    table = StructType.fromDDL("user_id string, retired array<double>, users bigint, `no. 1` string")
    found = fitted(given, table.fields)
    assert found.dtypes == [
        ("user_id", "string"),
        ("retired", "array<double>"),
        ("users", "bigint"),
        ("no. 1", "string"),
    ]
    assert rows(found) == [{"user_id": "u1", "retired": None, "users": 3, "no. 1": "x"}]


@pytest.mark.parametrize("given", ["user_id string", "users bigint"])
def test_a_frame_without_rows_has_the_columns_of_the_table(spark: SparkSession, given: str) -> None:
    table = StructType.fromDDL("user_id string, users bigint")
    found = fitted(frame(spark, given, []), table.fields)
    assert found.dtypes == [("user_id", "string"), ("users", "bigint")]
    assert rows(found) == []
