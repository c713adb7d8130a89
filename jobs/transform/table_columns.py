"""Fitting the rows of a run to the columns of a table that has been written by other catalogues."""

from collections.abc import Iterable

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import StructField


def whole_schema(fixed: pa.Schema, rows: pa.Schema) -> pa.Schema:
    """The columns that a table needs: its fixed ones with their own types, then those of the rows that these
    do not speak of."""
    return pa.unify_schemas([fixed, pa.schema([field for field in rows if field.name not in fixed.names])])


def fitted(rows: DataFrame, fields: Iterable[StructField]) -> DataFrame:
    """The rows with the columns of a table, in its order and types; null where the rows have none, as of a
    tag that is retired. Columns that the table lacks are left out."""
    present = set(rows.columns)
    columns = [
        F.col(f"`{field.name}`").cast(field.dataType).alias(field.name)
        if field.name in present
        else F.lit(None).cast(field.dataType).alias(field.name)
        for field in fields
    ]
    return rows.select(*columns)
