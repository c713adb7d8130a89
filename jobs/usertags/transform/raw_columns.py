"""The columns of a source in raw rows, whose types may have changed between batches."""

from collections.abc import Mapping, Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from usertags.transform.exact import exact_text


def one_column_each(raw: DataFrame, versions: Mapping[str, Sequence[str]]) -> DataFrame:
    """Grain: raw row. In: the raw rows of a batch; for each column of the source, the columns of the raw
    table with its values. Out: one column each: of the type in which the batch has values, or text if it has
    several. Collects one row, for a table with such columns only."""
    several = {name: columns for name, columns in versions.items() if len(columns) > 1}
    if not several:
        return raw
    names = [each for columns in several.values() for each in columns]
    counts = raw.agg(*[F.count(F.col(f"`{each}`")).alias(each) for each in names]).collect()[0]
    kinds = {field.name: field.dataType for field in raw.schema.fields}
    chosen = {name: _chosen(columns, counts.asDict(), kinds) for name, columns in several.items()}
    further = [each for name, columns in several.items() for each in columns if each != name]
    return raw.withColumns(chosen).drop(*further)


def _chosen(columns: Sequence[str], counts: Mapping[str, int], kinds: Mapping[str, T.DataType]) -> Column:
    used = [each for each in columns if counts[each]] or [columns[0]]
    if len(used) == 1:
        return F.col(f"`{used[0]}`")
    # A row has a value in one of them.
    return F.coalesce(*[_text(F.col(f"`{each}`"), kinds[each]) for each in used])


def _text(value: Column, kind: T.DataType) -> Column:
    """The text that is read as the same value."""
    if isinstance(kind, T.TimestampType):
        return F.date_format(value, "yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX")
    # A number that its type no longer holds exactly keeps the text that `typed` finds unusable.
    return F.coalesce(exact_text(value, kind), value.cast("string"))
