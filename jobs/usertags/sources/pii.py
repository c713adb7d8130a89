"""Personal data is replaced before it is written: by a salted hash, or dropped.

Different spellings of a phone number have the same hash, so that people can still be matched across sources.
"""

import hashlib
import re
import unicodedata
from collections.abc import Collection, Mapping
from typing import Literal

import pyarrow as pa

from usertags.config.text_signs import WHITE_SPACE
from usertags.errors import DataError, UsageError
from usertags.sources.reading import missing_columns

PiiTreatment = Literal["hash", "drop"]

# Separators between the digits of a phone number, besides white space and dashes. Not the dot: it would
# give different IP addresses the same digits.
_SEPARATORS = frozenset("()\u2212")
_MAINLAND_MOBILE = re.compile(r"(?:(?:\+|00)?86)?(1[0-9]{10})")
_PHONE = re.compile(r"\+?[0-9]{7,15}")


def hash_pii(
    batch: pa.RecordBatch, columns: Mapping[str, PiiTreatment], salt: str, nulls: Collection[str] = ()
) -> pa.RecordBatch:
    """The batch with the given columns hashed (64 hexadecimal digits; empty, blank and the words in `nulls`
    become null) or removed. Other columns are unchanged; a hashed column gets the type string."""
    if not salt:
        raise UsageError("personal data cannot be hashed without a salt")
    missing = [name for name in columns if name not in batch.schema.names]
    if missing:
        raise DataError(missing_columns(missing, batch.schema.names))
    fields, arrays = [], []
    for field, array in zip(batch.schema, batch.columns, strict=True):
        treatment = columns.get(field.name)
        if treatment == "drop":
            continue
        hashed = treatment == "hash"
        fields.append(pa.field(field.name, pa.string()) if hashed else field)
        arrays.append(_hash_array(array, salt, nulls) if hashed else array)
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))


def _hash_array(array: pa.Array, salt: str, nulls: Collection[str]) -> pa.Array:
    """Each distinct value of the batch is hashed once."""
    encoded = array.dictionary_encode()
    hashes = [hash_value(_as_text(value, nulls), salt) for value in encoded.dictionary.to_pylist()]
    return pa.array(hashes, pa.string()).take(encoded.indices)


def _as_text(value: object, nulls: Collection[str]) -> str | None:
    # The hash of a word for null would be an id that joins strangers.
    if value is None or (isinstance(value, str) and value.strip(WHITE_SPACE) in nulls):
        return None
    # Spreadsheets turn eleven-digit numbers into floats.
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def hash_value(value: str | None, salt: str) -> str | None:
    """SHA-256 of the salt and the normal form, as hexadecimal digits; null for nothing."""
    normal = normalise(value) if value is not None else ""
    return hashlib.sha256((salt + normal).encode()).hexdigest() if normal else None


def normalise(value: str) -> str:
    """The canonical spelling of an id: compatibility forms folded (full-width digits), invisible
    characters and surrounding blanks removed, case folded; a phone number without separators, and for
    mainland China without the country code. Other ids keep their inner punctuation: `a-b` and `ab` are
    different ids."""
    plain = _MAINLAND_MOBILE.fullmatch(value)
    if plain:
        return plain.group(1)
    visible = "".join(
        character
        for character in unicodedata.normalize("NFKC", value)
        if unicodedata.category(character) != "Cf"
    )
    # Case folding can undo the compatibility form of a few letters, so it is normalised a second time.
    folded = unicodedata.normalize("NFKC", visible.strip().casefold())
    digits = "".join(character for character in folded if not _separates(character))
    mobile = _MAINLAND_MOBILE.fullmatch(digits)
    if mobile:
        return mobile.group(1)
    return digits if _PHONE.fullmatch(digits) else folded


def _separates(character: str) -> bool:
    return character.isspace() or character in _SEPARATORS or unicodedata.category(character) == "Pd"
