"""Reading and writing `ops.batch_statistics`: statistics of each batch, for comparison with later batches."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import fields
from datetime import date, timedelta

import pyarrow as pa

from usertags.config.quality_models import QualityEntry
from usertags.quality.statistics import Statistic
from usertags.store.filters import rows_among, rows_before, rows_since, rows_where
from usertags.store.lake import Lake
from usertags.store.schemas import BATCH_STATISTICS
from usertags.store.tables import ensure_table, find_table, replace_rows

# The columns of the table by field; it has always called the data day `batch`.
_COLUMNS = {field.name: field.name for field in fields(Statistic)} | {"data_day": "batch"}


def earlier_statistics(lake: Lake, data_day: date, settings: QualityEntry) -> Mapping[str, list[Statistic]]:
    """The statistics of the batches before a day by source, for the event days that batches are compared with
    (`weeks` and `days` of the settings). The statistics of a first batch, which contains history, count
    whenever it was read."""
    table = find_table(lake, BATCH_STATISTICS.name)
    found: dict[str, list[Statistic]] = defaultdict(list)
    if table is None:
        return found
    since = data_day - timedelta(days=max(7 * settings.weeks, settings.days) + 7)
    wanted = rows_before("batch", data_day) & rows_since("day", since)
    scan = table.scan(row_filter=wanted, selected_fields=tuple(_COLUMNS.values()))
    for row in scan.to_arrow().to_pylist():
        found[row["source"]].append(Statistic(**{field: row[column] for field, column in _COLUMNS.items()}))
    return found


def save_statistics(lake: Lake, data_day: date, run_id: str, found: Iterable[Statistic]) -> None:
    """Save the statistics of the batches of a day, replacing those of an earlier attempt for the same
    sources."""
    rows = [
        {column: getattr(item, field) for field, column in _COLUMNS.items()} | {"run_id": run_id}
        for item in found
    ]
    if not rows:
        return
    table = ensure_table(lake, BATCH_STATISTICS.name, BATCH_STATISTICS.schema, BATCH_STATISTICS.partition)
    sources = rows_among("source", {row["source"] for row in rows})
    new = pa.Table.from_pylist(rows, schema=BATCH_STATISTICS.schema)
    replace_rows(table, new, rows_where(batch=data_day) & sources)
