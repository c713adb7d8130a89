"""Types of values as they are landed: what holds every value of a type exactly, and the conversion to it.

A number counts as its shortest decimal text, as everywhere (`usertags.transform.exact`). So a float is no
double: 19.99 as a float would be 19.989999771118164 as a double.
"""

from collections.abc import Iterable
from functools import reduce

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

TEXT, INSTANT, LOCAL_TIME = pa.string(), pa.timestamp("us", tz="UTC"), pa.timestamp("us")
_DIGITS = {pa.int32(): 10, pa.int64(): 19}
_SMALL = {
    pa.int8(): pa.int32(),
    pa.int16(): pa.int32(),
    pa.uint8(): pa.int32(),
    pa.uint16(): pa.int32(),
    pa.uint32(): pa.int64(),
    pa.uint64(): pa.decimal128(20, 0),
    pa.float16(): pa.float64(),
    pa.date64(): pa.date32(),
}
_AS_THEY_ARE = {pa.bool_(), pa.int32(), pa.int64(), pa.float32(), pa.float64(), pa.date32(), TEXT, pa.null()}
_WIDEST = 38


def landed_type(kind: pa.DataType) -> pa.DataType | None:
    """The type of the lake that holds every value of a type; None if there is none (lists, durations, …).

    A column without any value has the type null, until another one is known.
    """
    if pa.types.is_dictionary(kind):
        return landed_type(kind.value_type)
    if pa.types.is_timestamp(kind):
        return INSTANT if kind.tz else LOCAL_TIME
    if kind in _AS_THEY_ARE:
        return kind
    if pa.types.is_decimal(kind):
        return (
            pa.decimal128(kind.precision, kind.scale)
            if 0 <= kind.scale <= kind.precision <= _WIDEST
            else TEXT
        )
    return TEXT if _is_text(kind) else _SMALL.get(kind)


def _is_text(kind: pa.DataType) -> bool:
    """Whether a type is landed as text: text, bytes (as old programs write texts), a time of the day."""
    of_text: bool = (
        pa.types.is_large_string(kind)
        or pa.types.is_string_view(kind)
        or _is_bytes(kind)
        or pa.types.is_time(kind)
        or _is_uuid(kind)
    )
    return of_text


def _is_bytes(kind: pa.DataType) -> bool:
    of_bytes: bool = (
        pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_fixed_size_binary(kind)
        or pa.types.is_binary_view(kind)
    )
    return of_bytes


def _is_uuid(kind: pa.DataType) -> bool:
    return isinstance(kind, pa.BaseExtensionType) and kind.extension_name == "arrow.uuid"


def holds(wide: pa.DataType, narrow: pa.DataType) -> bool:
    """Whether every value of a landed type is one of another. A text holds numbers, but no times, which a
    `format` would read."""
    if wide == narrow or pa.types.is_null(narrow):
        return True
    if wide == TEXT:
        return not pa.types.is_temporal(narrow)
    if wide == pa.int64() or wide == pa.float64():
        return bool(narrow == pa.int32())
    if pa.types.is_decimal(wide):
        digits, scale = _decimal(narrow)
        return bool(0 < digits <= wide.precision - wide.scale and scale <= wide.scale)
    return False


def _decimal(kind: pa.DataType) -> tuple[int, int]:
    """Digits before and after the point that a type of exact numbers has; (0, 0) for others."""
    if pa.types.is_decimal(kind):
        return max(kind.precision - kind.scale, 1), kind.scale
    return _DIGITS.get(kind, 0), 0


def common_type(kinds: Iterable[pa.DataType]) -> pa.DataType:
    """The narrowest landed type that holds every value of several: text if there is no other."""
    return reduce(_common, kinds)


def _common(left: pa.DataType, right: pa.DataType) -> pa.DataType:
    if holds(left, right):
        return left
    if holds(right, left):
        return right
    (before, after), (other_before, other_after) = _decimal(left), _decimal(right)
    scale = max(after, other_after)
    precision = max(before, other_before) + scale
    return pa.decimal128(precision, scale) if before and other_before and precision <= _WIDEST else TEXT


def converted(array: pa.Array, kind: pa.DataType) -> pa.Array:
    """The values in a landed type that holds them. Raises ArrowInvalid for bytes that are no text."""
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if array.type == kind:
        return array
    if pa.types.is_null(array.type):
        return pa.nulls(len(array), kind)
    if pa.types.is_float16(array.type):
        # Its shortest text, as a double: 0.1 and not 0.0999755859375.
        values = array.to_numpy(zero_copy_only=False).astype(np.float16)
        array = pa.array(
            [float(str(each)) for each in values], pa.float64(), mask=np.asarray(array.is_null())
        )
    return _as_text(array) if kind == TEXT else array.cast(kind)


def _as_text(array: pa.Array) -> pa.Array:
    """Values as the texts that clean reads as the same values."""
    kind = array.type
    if _is_uuid(kind):
        return pa.array([None if each is None else str(each) for each in array.to_pylist()], TEXT)
    if pa.types.is_fixed_size_binary(kind):
        return pa.array([None if each is None else each.hex() for each in array.to_pylist()], TEXT)
    if pa.types.is_timestamp(kind):
        text = array.cast(LOCAL_TIME).cast(TEXT)
        return pc.binary_join_element_wise(text, "Z", "") if kind.tz else text
    if pa.types.is_floating(kind):
        numbers = array.to_pylist()
        return pa.array([None if each is None else _of_float(each, kind) for each in numbers], TEXT)
    text = array.cast(TEXT)
    if pa.types.is_time(kind):
        # As databases print it, without zeros after the second.
        return pc.replace_substring_regex(text, r"(\.0+|(\.\d*[1-9])0+)$", r"\2")
    return text


def _of_float(value: float, kind: pa.DataType) -> str:
    """The shortest text of a float or double, as `exact_text` (usertags/transform/exact.py) writes it:
    without an exponent, a whole number without a point, as far as its digits are those of one number."""
    if pa.types.is_float32(kind):
        short, exact = np.float32(value), abs(value) < 2**24
        return np.format_float_positional(short, trim="-") if exact else str(short)
    return np.format_float_positional(value, trim="-") if abs(value) < 2**53 else str(value)
