"""Reading and writing `ops.batch_statistics`: statistics of each batch, for comparison with later batches."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from datetime import date, timedelta

import pyarrow as pa

from usertags.config.quality_models import QualityEntry
from usertags.quality.statistics import Statistic
from usertags.store.filters import rows_among, rows_before, rows_since, rows_where
from usertags.store.lake import Lake
from usertags.store.schemas import BATCH_STATISTICS
from usertags.store.tables import ensure_table, find_table

_FIELDS = tuple(field.name for field in fields(Statistic))


def earlier_statistics(lake: Lake, day: date, settings: QualityEntry) -> Mapping[str, list[Statistic]]:
    """The statistics of the batches before a day by source, as far back as batches are compared. A first
    batch, which contains history, always counts."""
    table = find_table(lake, BATCH_STATISTICS.name)
    found: dict[str, list[Statistic]] = defaultdict(list)
    if table is None:
        return found
    since = day - timedelta(days=max(7 * settings.weeks, settings.days) + 7)
    wanted = rows_before("batch", day) & rows_since("day", since)
    scan = table.scan(row_filter=wanted, selected_fields=_FIELDS)
    for row in scan.to_arrow().to_pylist():
        found[row["source"]].append(Statistic(**row))
    return found


def save_statistics(lake: Lake, day: date, run_id: str, found: Iterable[Statistic]) -> None:
    """Save the statistics of the batches of a day, replacing those of an earlier attempt for the same
    sources."""
    rows = [asdict(item) | {"run_id": run_id} for item in found]
    if not rows:
        return
    table = ensure_table(lake, BATCH_STATISTICS.name, BATCH_STATISTICS.schema, BATCH_STATISTICS.partition)
    sources = rows_among("source", {row["source"] for row in rows})
    table.overwrite(
        pa.Table.from_pylist(rows, schema=BATCH_STATISTICS.schema),
        overwrite_filter=rows_where(batch=day) & sources,
    )
