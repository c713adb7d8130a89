"""What every source hands on: a pyarrow.RecordBatchReader.

Its schema is known at once; the batches come as they are read, once, one in memory at a time. Errors of the
rows themselves (a corrupt file, a value that has no exact type) are raised while the batches are consumed, so
nothing may be committed before the reader has ended.
"""

import difflib
from collections.abc import Iterable, Iterator

import pyarrow as pa

BATCH_ROWS = 50_000
"""The maximum number of rows per batch, regardless of the size of the table or file."""

MERGED_BYTES = 16 * 1024 * 1024
"""Small batches are merged up to this size, so that wide rows do not produce large batches."""

# The column of a raw row with the number of the reading of its batch: 0, incremented for each further
# reading.
READING = "landed_reading"

# The column of a raw row that says which of its personal values were no ids, as JSON: raw column and reason.
UNUSABLE = "landed_unusable"


def coalesce(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Join small batches (of small files, or around bad records) up to BATCH_ROWS rows and MERGED_BYTES."""
    held: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in batches:
        if held and (rows + batch.num_rows > BATCH_ROWS or size + batch.nbytes > MERGED_BYTES):
            yield pa.concat_batches(held)
            held, rows, size = [], 0, 0
        held.append(batch)
        rows += batch.num_rows
        size += batch.nbytes
    if held:
        yield pa.concat_batches(held)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """` (did you mean x?)` for the closest known name, or nothing."""
    by_fold = {candidate.casefold(): candidate for candidate in known}
    close = difflib.get_close_matches(name.casefold(), by_fold, n=1, cutoff=0.6)
    return f" (did you mean {by_fold[close[0]]}?)" if close else ""


def missing_columns(missing: Iterable[str], known: Iterable[str], *, has_pii: bool = False) -> str:
    """A text such as `no column a (did you mean b?), no column c; it has b, d`.

    For a file with personal data the columns are not shown: a damaged header may contain values of the
    first row.
    """
    if has_pii:
        wanted = ", ".join(f"no column {name}" for name in missing)
        return f"{wanted} (its columns are not shown, because the source has personal data)"
    names = list(known)
    wanted = ", ".join(f"no column {name}{did_you_mean(name, names)}" for name in missing)
    return f"{wanted}; it has {', '.join(names) or 'no columns'}"
