"""Hashing at the door: spellings of one person meet, two people never do, and nothing readable is left."""

import hashlib
from collections.abc import Callable

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from usertags.config.id_forms import IdForm
from usertags.errors import DataError, UsageError
from usertags.sources.personal_ids import normalise
from usertags.sources.pii import hash_pii, hash_value

SALT = "pepper"
WIDE = str.maketrans("0123456789+-", "０１２３４５６７８９＋－")

mobiles = st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True)
SPELLINGS: list[Callable[[str], str]] = [
    lambda number: f"+86{number}",
    lambda number: f"0086 {number}",
    lambda number: f"+86 {number[:3]} {number[3:7]} {number[7:]}",
    lambda number: f" {number[:3]}-{number[3:7]}-{number[7:]}\t",
    lambda number: f"(+86){number[:3]}\u2010{number[3:]}",
    lambda number: number.translate(WIDE),
    lambda number: f"+86-{number}".translate(WIDE),
    lambda number: f"\u202d{number}\u202c",
    lambda number: f"86{number}",
]


@given(mobiles)
def test_all_spellings_of_one_number_have_one_hash(number: str) -> None:
    expected = hashlib.sha256(f"{SALT}{number}".encode()).hexdigest()
    assert {hash_value(spell(number), SALT) for spell in [str, *SPELLINGS]} == {expected}


@given(st.lists(mobiles, min_size=2, max_size=2, unique=True), st.sampled_from(SPELLINGS))
def test_two_numbers_have_two_hashes(numbers: list[str], spell: Callable[[str], str]) -> None:
    assert hash_value(spell(numbers[0]), SALT) != hash_value(numbers[1], SALT)


@given(st.text())
def test_the_normal_form_is_stable(value: str) -> None:
    assert normalise(normalise(value)) == normalise(value)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Li.Si@Example.COM ", "li.si@example.com"),
        ("ｌｉ@ｅｘａｍｐｌｅ．ｃｏｍ", "li@example.com"),
        ("oGZUI0egBJY1", "OGZUI0EGBJY1"),
        ("021-6234 5678", "(021)62345678"),
        ("+1 415 555 2671", "+14155552671"),
        ("STRASSE", "straße"),
    ],
)
def test_spellings_of_other_ids_meet(one: str, other: str) -> None:
    assert hash_value(one, SALT) == hash_value(other, SALT)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("o-abc", "oabc"),
        ("li.si@example.com", "lisi@example.com"),
        ("192.168.111.11", "192.168.11.111"),
        ("+14155552671", "14155552672"),
        ("device 1", "device1"),
        ("123e4567-e89b", "123e4567e89b"),
    ],
)
def test_different_ids_stay_different(one: str, other: str) -> None:
    assert hash_value(one, SALT) != hash_value(other, SALT)


def test_a_batch_keeps_its_other_columns_and_loses_all_that_is_readable() -> None:
    batch = pa.record_batch(
        {
            "id": pa.array([1, 2, 3, 4, 5]),
            "phone": ["13800138000", "+86 138 0013 8000", "", " \u3000", None],
            "name": ["张伟", "李娜", "x", "y", "z"],
            "number": pa.array([13800138000, None, 1, 2, 3], pa.int64()),
            "sheet": pa.array([13800138000.0, None, 1.5, 2, 3], pa.float64()),
        }
    )
    hashed = hash_pii(batch, {"phone": "hash", "name": "drop", "number": "hash", "sheet": "hash"}, SALT)
    expected = hash_value("13800138000", SALT)
    assert hashed.schema.names == ["id", "phone", "number", "sheet", "landed_unusable"]
    assert hashed.column("landed_unusable").null_count == 5
    assert hashed.column("id").to_pylist() == [1, 2, 3, 4, 5]
    assert hashed.column("phone").to_pylist() == [expected, expected, None, None, None]
    assert hashed.column("number").to_pylist()[:2] == [expected, None]
    assert hashed.column("sheet").to_pylist()[:2] == [expected, None]
    assert {hashed.schema.field(name).type for name in ("phone", "number", "sheet")} == {pa.string()}
    assert "138" not in str(hashed.select(["phone"]).to_pylist()).replace(str(expected), "")


def test_a_word_for_null_has_no_hash() -> None:
    batch = pa.record_batch({"phone": ["\\N", " NULL\u3000", "null ", "13800138000", None]})
    hashed = hash_pii(batch, {"phone": "hash"}, SALT, nulls=("\\N", "NULL"))
    # `null` is no word of this source: it stands for nobody all the same, and is reported.
    why = [None, None, '{"phone": "placeholder"}', None, None]
    assert hashed.column("landed_unusable").to_pylist() == why
    assert hashed.column("phone").to_pylist() == [
        None,
        None,
        None,
        hash_value("13800138000", SALT),
        None,
    ]


def test_an_empty_batch_has_the_same_schema() -> None:
    schema = pa.schema([("phone", pa.string()), ("name", pa.string()), ("n", pa.int64())])
    empty = pa.RecordBatch.from_pylist([], schema=schema)
    hashed = hash_pii(empty, {"phone": "hash", "name": "drop"}, SALT)
    expected = [("phone", pa.string()), ("n", pa.int64()), ("landed_unusable", pa.string())]
    assert hashed.schema == pa.schema(expected)
    assert hash_pii(empty, {"name": "drop"}, SALT).schema.names == ["phone", "n"]


def test_another_salt_gives_another_hash_and_none_is_refused() -> None:
    assert hash_value("13800138000", "a") != hash_value("13800138000", "b")
    with pytest.raises(UsageError):
        hash_pii(pa.record_batch({"phone": ["13800138000"]}), {"phone": "hash"}, "")


def test_a_missing_column_is_named_and_no_value() -> None:
    with pytest.raises(DataError, match=r"no column fone \(did you mean phone\?\)") as error:
        hash_pii(pa.record_batch({"phone": ["13800138000"]}), {"fone": "hash"}, SALT)
    assert "138" not in str(error.value)


def test_numbers_that_are_no_texts_are_read_by_their_digits() -> None:
    """A double has all digits of a whole number up to 2^53, a float up to 2^24."""
    batch = pa.record_batch(
        {
            "double": pa.array([13800138000.0, 2.0**53, float("nan"), 0.0], pa.float64()),
            "float": pa.array([1234567.0, 13800138000.0, None, 0.0], pa.float32()),
            "number": pa.array(["13800138000.00", "0.00", None, "7.50"]).cast(pa.decimal128(14, 2)),
        }
    )
    hashed = hash_pii(batch, dict.fromkeys(batch.schema.names, "hash"), SALT)
    phone = hash_value("13800138000", SALT)
    assert hashed.column("double").to_pylist() == [phone, None, None, None]
    assert hashed.column("float").to_pylist() == [hash_value("1234567", SALT), None, None, None]
    assert hashed.column("number").to_pylist() == [phone, None, None, hash_value("7.50", SALT)]
    assert hashed.column("landed_unusable").to_pylist() == [
        None,
        '{"double": "shortened", "float": "shortened", "number": "placeholder"}',
        '{"double": "placeholder"}',
        '{"double": "placeholder", "float": "placeholder"}',
    ]


def test_a_column_has_the_form_of_its_kind_of_id() -> None:
    batch = pa.record_batch({"phone": ["8613800138000", "123"], "other": ["123", "x"], "n": [1, 2]})
    forms = {"phone": IdForm(("digits",), "86", "1[3-9][0-9]{9}")}
    hashed = hash_pii(batch, {"phone": "hash", "other": "hash"}, SALT, forms=forms)
    assert hashed.column("phone").to_pylist() == [hash_value("13800138000", SALT), None]
    assert hashed.column("other").to_pylist() == [hash_value("123", SALT), hash_value("x", SALT)]
    assert hashed.column("landed_unusable").to_pylist() == [None, '{"phone": "form"}']
    assert hash_value("123", SALT, forms["phone"]) is None
