"""Fitting the rows of a run to a table whose columns come from other versions of the project."""

from collections.abc import Iterable

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import StructField


def whole_schema(fixed: pa.Schema, rows: pa.Schema) -> pa.Schema:
    """The columns that a table needs: its fixed columns with their types, then the additional columns
    of the rows."""
    return pa.unify_schemas([fixed, pa.schema([field for field in rows if field.name not in fixed.names])])


def fitted(rows: DataFrame, fields: Iterable[StructField]) -> DataFrame:
    """The rows with the columns of a table. Grain: that of the rows. In: any columns; the fields of the
    table. Out: its columns in its order and types, null for missing ones, such as a retired tag. Columns that
    the table does not have are left out."""
    present = set(rows.columns)
    columns = [
        F.col(f"`{field.name}`").cast(field.dataType).alias(field.name)
        if field.name in present
        else F.lit(None).cast(field.dataType).alias(field.name)
        for field in fields
    ]
    return rows.select(*columns)
