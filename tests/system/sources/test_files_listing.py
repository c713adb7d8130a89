"""Which files belong to a day, in folders and in buckets, and what is said when they cannot be had."""

import gzip
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from usertags.errors import DataError, InfrastructureError, UsageError
from usertags.sources.files import list_files, read_files
from usertags.sources.s3 import S3Access, make_client

DAY = date(2024, 3, 10)
NAMES = [
    "behaviour/dt=2024-03-09/a.json.gz",
    "behaviour/dt=2024-03-10/b.json.gz",
    "behaviour/dt=2024-03-10/deep/c.json.gz",
    "behaviour/dt=2024-03-10/.hidden.json.gz",
    "behaviour/dt=2024-03-10/b.json.gz.part",
    "behaviour/dt=2024-03-11/d.json.gz",
    "behaviour/dt=latest/e.json.gz",
    "orders 2024-03-08.csv",
    "订单.csv",
]
Put = Callable[[str, bytes], None]


@pytest.fixture(params=["folder", "bucket"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Put, S3Access | None]:
    """An empty root, a function that puts a file there, and the keys that open it."""
    if request.param == "folder":

        def put_file(name: str, content: bytes) -> None:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes(content)

        return str(tmp_path), put_file, None
    access: S3Access = request.getfixturevalue("s3_access")
    bucket = request.getfixturevalue("landing_bucket")
    client = make_client(access)
    prefix = f"sources-test/{tmp_path.name}"

    def put_object(name: str, content: bytes) -> None:
        client.put_object(Bucket=bucket, Key=f"{prefix}/{name}", Body=content)

    return f"s3://{bucket}/{prefix}", put_object, access


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("behaviour/dt={day}/*.json.gz", [NAMES[0], NAMES[1]]),
        ("behaviour/dt={day}/**/*.json.gz", [NAMES[0], NAMES[1], NAMES[2]]),
        ("behaviour/**", [name for name in NAMES if name.startswith("behaviour") and ".hidden" not in name]),
        ("orders {day}.csv", [NAMES[7]]),
        ("*.csv", NAMES[7:]),
        ("??.csv", [NAMES[8]]),
        ("**/{day}/nothing", []),
        ("behaviour/dt={day}/{day}.gz", []),
    ],
)
def test_patterns(place: tuple[str, Put, S3Access | None], pattern: str, expected: list[str]) -> None:
    root, put, access = place
    for name in NAMES:
        put(name, b"x")
    files = list_files(root, pattern, data_day=DAY, s3=access)
    assert [file.name for file in files] == sorted(expected)
    assert all(file.path == f"{root}/{file.name}" and file.size == 1 for file in files)


def test_the_day_is_known(place: tuple[str, Put, S3Access | None]) -> None:
    root, put, access = place
    put("dt=2024-02-29/x.csv", b"x")
    assert [file.day for file in list_files(root, "dt={day}/*", data_day=DAY, s3=access)] == [
        date(2024, 2, 29)
    ]
    assert [file.day for file in list_files(root, "*/*", data_day=DAY, s3=access)] == [None]


def test_a_name_that_is_no_day_is_reported(place: tuple[str, Put, S3Access | None]) -> None:
    root, put, access = place
    put("dt=2024-02-30/x.csv", b"x")
    with pytest.raises(DataError, match=r"dt=2024-02-30/x\.csv: invalid date 2024-02-30"):
        list_files(root, "dt={day}/*", data_day=DAY, s3=access)


def test_the_fingerprint_follows_the_content(place: tuple[str, Put, S3Access | None]) -> None:
    root, put, access = place

    def fingerprint() -> str:
        return list_files(root, "x.csv", data_day=DAY, s3=access)[0].fingerprint

    put("x.csv", b"a\n1\n")
    first = fingerprint()
    put("x.csv", b"a\n2\n")
    second = fingerprint()
    put("x.csv", b"a\n1\n")
    assert first != second
    assert fingerprint() == first


def table() -> pa.Table:
    return pa.table({"id": pa.array([1, 2], pa.int64()), "name": ["张伟", None], "secret": ["x", "y"]})


def parquet(data: pa.Table) -> bytes:
    out = pa.BufferOutputStream()
    pq.write_table(data, out)
    return bytes(out.getvalue())


@pytest.mark.parametrize(
    ("name", "content", "options"),
    [
        ("x.csv", "id,name\n1,张伟\n2,\n".encode(), {"format": "csv"}),
        ("x.csv.gz", gzip.compress("id,name\n1,张伟\n2,\n".encode()), {"format": "csv"}),
        ("x.json", '{"id": 1, "name": "张伟"}\n{"id": 2, "name": ""}\n'.encode(), {"format": "json"}),
        ("x.parquet", parquet(table()), {"format": "parquet"}),
    ],
    ids=["csv", "csv_gz", "json", "parquet"],
)
def test_every_format_is_read_from_both(
    place: tuple[str, Put, S3Access | None], name: str, content: bytes, options: dict[str, Any]
) -> None:
    root, put, access = place
    put(name, content)
    files = list_files(root, "x.*", data_day=DAY, s3=access)
    reading = read_files(files, columns=["id", "name"], has_pii=False, s3=access, **options)
    rows = reading.read_all().to_pylist()
    assert [(str(row["id"]), row["name"] or "") for row in rows] == [("1", "张伟"), ("2", "")]
    assert {row["landed_file"] for row in rows} == {name}
    assert "secret" not in reading.schema.names


@pytest.mark.parametrize("name", ["x.csv.gz", "x.parquet"])
def test_a_damaged_file_is_reported_by_name(place: tuple[str, Put, S3Access | None], name: str) -> None:
    root, put, access = place
    whole = parquet(table()) if name == "x.parquet" else gzip.compress(b"id\n" + b"12345\n" * 1000)
    put(name, whole[: len(whole) // 2])
    files = list_files(root, "x.*", data_day=DAY, s3=access)
    with pytest.raises(DataError, match=rf"{name} cannot be read"):
        list(
            read_files(
                files,
                columns=["id"],
                format="parquet" if name == "x.parquet" else "csv",
                has_pii=False,
                s3=access,
            )
        )


@pytest.mark.parametrize("name", ["x.csv", "x.parquet"])
def test_a_file_that_changed_after_it_was_listed_is_not_read(
    place: tuple[str, Put, S3Access | None], name: str
) -> None:
    root, put, access = place
    put(name, b"id\n1\n" if name == "x.csv" else parquet(table()))
    files = list_files(root, "x.*", data_day=DAY, s3=access)
    put(name, b"id\n1\n2\n" if name == "x.csv" else parquet(pa.concat_tables([table()] * 9)))
    with pytest.raises(InfrastructureError, match="changed after it was listed"):
        list(
            read_files(
                files,
                columns=["id"],
                format="csv" if name == "x.csv" else "parquet",
                has_pii=False,
                s3=access,
            )
        )


def test_parquet_keeps_its_types_and_numbers_its_rows(tmp_path: Path) -> None:
    data = pa.table(
        {
            "price": pa.array(["1.50", "2.25"]).cast(pa.decimal128(10, 2)),
            "at": pa.array([0, 1], pa.timestamp("us", "UTC")),
            "kind": pa.array(["a", "b"]).dictionary_encode(),
        }
    )
    pq.write_table(data, tmp_path / "1.parquet")
    pq.write_table(data, tmp_path / "2.parquet")
    files = list_files(str(tmp_path), "*", data_day=DAY)
    reading = read_files(files, columns=["kind", "price", "at"], format="parquet", has_pii=False)
    assert reading.schema == pa.schema(
        [
            ("kind", pa.string()),
            ("price", pa.decimal128(10, 2)),
            ("at", pa.timestamp("us", "UTC")),
            ("landed_file", pa.string()),
            ("landed_line", pa.int64()),
        ]
    )
    rows = reading.read_all()
    assert rows.column("landed_line").to_pylist() == [1, 2, 1, 2]
    assert rows.column("kind").to_pylist() == ["a", "b", "a", "b"]


def test_parquet_types_may_differ_between_files(tmp_path: Path) -> None:
    pq.write_table(pa.table({"n": pa.array([1], pa.int64())}), tmp_path / "1.parquet")
    pq.write_table(pa.table({"n": pa.array([2], pa.int32())}), tmp_path / "2.parquet")
    files = list_files(str(tmp_path), "*", data_day=DAY)
    batches = read_files(files, columns=["n"], format="parquet", has_pii=False)
    assert pa.Table.from_batches(batches).column("n").to_pylist() == [1, 2]
    pq.write_table(pa.table({"n": pa.array([1.5])}), tmp_path / "2.parquet")
    files = list_files(str(tmp_path), "*", data_day=DAY)
    batches = read_files(files, columns=["n"], format="parquet", has_pii=False)
    assert pa.Table.from_batches(batches).column("n").to_pylist() == ["1", "1.5"]


def test_parquet_without_a_column_names_those_it_has(tmp_path: Path) -> None:
    pq.write_table(table(), tmp_path / "x.parquet")
    files = list_files(str(tmp_path), "*", data_day=DAY)
    with pytest.raises(DataError, match=r"no column nam \(did you mean name\?\); it has id, name, secret"):
        read_files(files, columns=["id", "nam"], format="parquet", has_pii=False)


def test_parquet_batches_are_bounded(tmp_path: Path) -> None:
    pq.write_table(pa.table({"n": range(120_000)}), tmp_path / "x.parquet")
    files = list_files(str(tmp_path), "*", data_day=DAY)
    batches = list(read_files(files, columns=["n"], format="parquet", has_pii=False))
    assert [batch.num_rows for batch in batches] == [50_000, 50_000, 20_000]


@pytest.mark.parametrize("format", ["csv", "json", "parquet"])
def test_no_files_are_no_rows_with_a_schema(format: Any) -> None:
    reading = read_files([], columns=["a"], format=format, has_pii=False)
    assert reading.schema.names[:3] == ["a", "landed_file", "landed_line"]
    assert list(reading) == []


def test_a_missing_root_is_reported(tmp_path: Path, s3_access: S3Access) -> None:
    with pytest.raises(DataError, match="nowhere does not exist"):
        list_files(str(tmp_path / "nowhere"), "*", data_day=DAY)
    with pytest.raises(DataError, match="s3://nowhere-at-all does not exist"):
        list_files("s3://nowhere-at-all/x", "*", data_day=DAY, s3=s3_access)
    assert list_files(str(tmp_path), "nowhere/*", data_day=DAY) == []


def test_wrong_keys_and_a_dead_service_are_infrastructure(s3_access: S3Access, landing_bucket: str) -> None:
    wrong = replace(s3_access, secret_key="wr0ng-secret")
    with pytest.raises(InfrastructureError, match="refused s3://") as error:
        list_files(f"s3://{landing_bucket}", "*", data_day=DAY, s3=wrong)
    assert "wr0ng" not in str(error.value) + repr(wrong)
    dead = replace(s3_access, endpoint="http://127.0.0.1:1")
    with pytest.raises(InfrastructureError, match=r"the S3 service at 127\.0\.0\.1:1 failed to deliver"):
        list_files(f"s3://{landing_bucket}", "*", data_day=DAY, s3=dead)


def test_parquet_with_wrong_keys_is_infrastructure(s3_access: S3Access, landing_bucket: str) -> None:
    make_client(s3_access).put_object(
        Bucket=landing_bucket, Key="sources-test/x.parquet", Body=parquet(table())
    )
    files = list_files(f"s3://{landing_bucket}/sources-test", "x.parquet", data_day=DAY, s3=s3_access)
    for broken in (replace(s3_access, secret_key="wr0ng"), replace(s3_access, endpoint="http://127.0.0.1:1")):
        with pytest.raises(InfrastructureError, match="failed to deliver") as error:
            read_files(files, columns=["id"], format="parquet", has_pii=False, s3=broken)
        assert "wr0ng" not in str(error.value)


@pytest.mark.parametrize("pattern", ["../x", "a/../../x", "/etc/*"])
def test_a_pattern_may_not_leave_its_root(tmp_path: Path, pattern: str) -> None:
    with pytest.raises(UsageError, match="points outside the root"):
        list_files(str(tmp_path), pattern, data_day=DAY)


def test_s3_without_keys_is_reported() -> None:
    with pytest.raises(UsageError, match="needs a connection with `store:`"):
        list_files("s3://bucket", "*", data_day=DAY)
