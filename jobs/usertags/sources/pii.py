"""Personal data is replaced before it is written: by a salted hash, or dropped.

Different spellings of one id have the same hash, so that people can still be matched across sources; what is
no id has none.
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Literal

import pyarrow as pa

from usertags.config.id_forms import IdForm
from usertags.config.text_signs import WHITE_SPACE
from usertags.errors import DataError, UsageError
from usertags.sources.personal_ids import ANY_FORM, PersonalId, personal_id
from usertags.sources.reading import UNUSABLE, missing_columns

PiiTreatment = Literal["hash", "drop"]
# From here on a whole number in a float may stand for its neighbours.
_INEXACT = {pa.float16(): 2**11, pa.float32(): 2**24, pa.float64(): 2**53}


def hash_pii(
    batch: pa.RecordBatch,
    columns: Mapping[str, PiiTreatment],
    salt: str,
    nulls: Collection[str] = (),
    forms: Mapping[str, IdForm] | None = None,
) -> pa.RecordBatch:
    """The batch with the given columns hashed (64 hexadecimal digits; empty, blank, the words in `nulls` and
    what is no id of the form of its column become null) or removed. Other columns are unchanged; a hashed
    column gets the type string. With hashed columns, `landed_unusable` says which values were no ids."""
    if not salt:
        raise UsageError("personal data cannot be hashed without a salt")
    missing = [name for name in columns if name not in batch.schema.names]
    if missing:
        raise DataError(missing_columns(missing, batch.schema.names))
    fields, arrays = [], []
    reasons: dict[str, pa.Array] = {}
    for field, array in zip(batch.schema, batch.columns, strict=True):
        treatment = columns.get(field.name)
        if treatment == "drop":
            continue
        if treatment == "hash":
            form = (forms or {}).get(field.name, ANY_FORM)
            array, reasons[field.name] = _hash_array(array, salt, nulls, form)  # noqa: PLW2901
        fields.append(pa.field(field.name, array.type) if treatment else field)
        arrays.append(array)
    if reasons:
        fields.append(pa.field(UNUSABLE, pa.string()))
        arrays.append(_as_json(batch.num_rows, reasons))
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))


def _hash_array(
    array: pa.Array, salt: str, nulls: Collection[str], form: IdForm
) -> tuple[pa.Array, pa.Array]:
    """The hashes, and the reasons of values that are no ids. Each distinct value of the batch is hashed
    once."""
    encoded = array.dictionary_encode()
    inexact = _INEXACT.get(array.type)
    found = [_id_of(value, nulls, form, inexact) for value in encoded.dictionary.to_pylist()]
    hashes = pa.array([_hashed(each.text, salt) for each in found], pa.string())
    reasons = pa.array([each.reason for each in found], pa.string())
    return hashes.take(encoded.indices), reasons.take(encoded.indices)


def _as_json(rows: int, reasons: Mapping[str, pa.Array]) -> pa.Array:
    there = {name: array.to_pylist() for name, array in reasons.items() if array.null_count < rows}
    if not there:
        return pa.nulls(rows, pa.string())
    of_rows = ({name: values[row] for name, values in there.items() if values[row]} for row in range(rows))
    return pa.array([json.dumps(each, ensure_ascii=False) if each else None for each in of_rows], pa.string())


def _id_of(value: object, nulls: Collection[str], form: IdForm, inexact: int | None) -> PersonalId:
    # The hash of a word for null would be an id that joins strangers.
    if value is None or (isinstance(value, str) and value.strip(WHITE_SPACE) in nulls):
        return PersonalId()
    if isinstance(value, float) and value.is_integer():
        # Spreadsheets turn eleven-digit numbers into floats.
        lost = inexact is not None and abs(value) >= inexact
        return PersonalId(reason="shortened") if lost else personal_id(str(int(value)), form)
    return personal_id(format(value, "f") if isinstance(value, Decimal) else str(value), form)


def hash_value(value: str | None, salt: str, form: IdForm = ANY_FORM) -> str | None:
    """SHA-256 of the salt and the normal form, as hexadecimal digits; null for nothing, and for what is no
    id."""
    return _hashed(personal_id(value, form).text, salt) if value is not None else None


def _hashed(text: str | None, salt: str) -> str | None:
    return hashlib.sha256((salt + text).encode()).hexdigest() if text else None
