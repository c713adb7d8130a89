"""No value of a column marked `pii` is found anywhere after good, refused and failed runs: not in a table of
any namespace or branch, an object of a bucket, a report, a log, or what the command line prints."""

import gzip
import io
import json
import os
import shutil
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from sqlalchemy import make_url

from tests.support.places import CASES
from usertags import services
from usertags.pipeline import Pipeline
from usertags.project.build import load_project
from usertags.sources.pii import hash_value
from usertags.stages.extract import SALT
from usertags.store.jars import jar_paths
from usertags.store.lake import Lake

from .sentinels import ENCODINGS, Sentinels, of_buckets, of_folder, of_tables, spellings

USERTAGS = Path(sys.executable).parent / "usertags"
D1, D2, D3 = "2026-03-01", "2026-03-02", "2026-03-03"

PHONES = tuple(f"199{number:02}317{number:03}" for number in range(38))
NAMES = tuple(f"欧阳哨兵{letter}" for letter in "甲乙丙丁戊己庚辛壬癸子丑")
OPEN_IDS = tuple(f"oSentinel_{number:02}-Qx{number * 7:03}" for number in range(18))
ONE = PHONES[0]

# What a person would turn on to look for a fault: every logger of the process, the database's as well.
LOUD = """
import logging
logging.basicConfig(level=logging.DEBUG)
logging.getLogger("sqlalchemy").setLevel(logging.DEBUG)
from usertags.cli.app import main
main()
"""


@dataclass
class Office:
    """The project, its sources, and everything that its commands printed."""

    configs: Path
    state: Path
    landing: Path
    scratch: Path
    url: str
    printed: list[tuple[str, str]] = field(default_factory=list)

    def run(self, *arguments: str, code: int = 0, loud: bool = False, url: str | None = None) -> str:
        """A command of `usertags` as a process; returns what it printed."""
        program = [sys.executable, "-c", LOUD] if loud else [str(USERTAGS)]
        environment = {"PII_SHOP_DIR": str(self.landing), "PII_SHOP_URL": url or self.url}
        done = subprocess.run(
            [*program, "--configs", str(self.configs), *arguments],
            env=_without_salt(os.environ | environment | {"TMPDIR": str(self.scratch)}),
            capture_output=True,
            text=True,
            check=False,
        )
        self.printed.append((" ".join(arguments), done.stdout + done.stderr))
        assert done.returncode == code, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout + done.stderr

    def land(self, name: str, content: bytes) -> Path:
        path = self.landing / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def sql(self, *statements: str) -> list[Any]:
        """Run statements in the database; the rows of the last."""
        plain = self.url.replace("postgresql+psycopg", "postgresql")
        with psycopg.connect(plain, sslmode="disable", autocommit=True) as connection:
            for statement in statements:
                done = connection.execute(statement)  # type: ignore[call-overload]
            return done.fetchall() if done.description else []

    @cached_property
    def lake(self) -> Lake:
        return Pipeline(load_project(self.configs)).lake

    def rows(self, table: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.lake.catalog.load_table(table).scan().to_arrow().to_pylist()
        return found


def _without_salt(environment: dict[str, str]) -> dict[str, str]:
    """The embedded lake makes a salt of its own."""
    return {name: value for name, value in environment.items() if name != SALT}


_VIEW = """
create or replace view members as
select member_no, name, {phone} as phone, backup_phone, open_id, city, level, updated_at from member_rows
"""


def _members(office: Office) -> None:
    office.sql(
        "create table member_rows (member_no text, name text, phone text, backup_phone bigint, open_id text, "
        "city text, level text, updated_at timestamptz)",
        _VIEW.format(phone="phone"),
    )
    rows = [
        (f"m{n}", NAMES[0], text, PHONES[1], OPEN_IDS[0], "上海", "1")
        for n, text in enumerate(spellings(ONE))
    ]
    rows += [
        ("m10", NAMES[1], PHONES[2], PHONES[3], OPEN_IDS[1], "北京", "2"),
        ("m10", NAMES[1], PHONES[2], PHONES[3], OPEN_IDS[1], "北京", "2"),
        ("m11", NAMES[2], PHONES[4], PHONES[5], OPEN_IDS[2], "北京", "twelve"),
        ("m12", NAMES[3], PHONES[6], PHONES[7], OPEN_IDS[3], "测试", "1"),
        ("", NAMES[4], PHONES[9], PHONES[8], OPEN_IDS[4], "上海", "1"),
    ]
    _insert(office, rows, f"{D1} 10:00:00+08")


def _insert(office: Office, rows: list[tuple[str, ...]], at: str) -> None:
    values = ", ".join("(" + ", ".join(f"'{value}'" for value in (*row, at)) + ")" for row in rows)
    office.sql(f"insert into member_rows values {values}")


GZIP = b"\x1f"
HEADER = "编号,姓名,备注,手机,金额,时间"


def _visits(office: Office) -> None:
    good = [f"v{n},{NAMES[0]},到店,{text},10,{D1} 10:00:00" for n, text in enumerate(spellings(ONE))]
    swallowed = [
        # Two quotes that were never meant for each other: as CSV this is one record of the right width.
        f'v20,{NAMES[5]},"看了,{PHONES[10]},10,{D1} 10:00:00',
        f'v21,{NAMES[6]},走了",{PHONES[11]},10,{D1} 10:00:00',
    ]
    bad = [
        f"v10,{NAMES[1]},到店,{PHONES[12]},十元,{D1} 10:00:00",
        f"v11,{NAMES[2]},测试,{PHONES[13]},10,{D1} 10:00:00",
        f"v12,{NAMES[3]},{PHONES[14]},10",
        f'v13,{NAMES[4]},"到店"了,{PHONES[15]},10,{D1} 10:00:00',
        f"v14,{NAMES[4]},到店,{PHONES[16]},10,{D1} 10:00:00",
        f"v14,{NAMES[4]},到店,{PHONES[16]},10,{D1} 10:00:00",
        f"v15,{NAMES[4]},到店,,10,{D1} 10:00:00",
        f'v16,{NAMES[5]},"{PHONES[17]},10,{D1} 10:00:00',
    ]
    content = "\n".join([HEADER, *good, *swallowed, *bad]).encode("gbk")
    undecodable = b"\nv17,\xff\xff," + f"到店,{PHONES[18]},10,{D1} 10:00:00\n".encode("gbk")
    office.land(f"visits/dt={D1}/visits.csv.gz", gzip.compress(content + undecodable))


def _order(number: int, phone: object, **more: object) -> dict[str, object]:
    usual = {"order_id": f"o{number}", "open_id": OPEN_IDS[5], "receiver": NAMES[7], "receiver_phone": phone}
    usual |= {"status": "paid", "amount": 20, "ordered_at": f"{D1} 11:00:00", "updated_at": f"{D1} 11:00:00"}
    return usual | more


def _orders(office: Office) -> None:
    def line(*arguments: Any, **more: object) -> str:
        return json.dumps(_order(*arguments, **more), ensure_ascii=False)

    good = [line(number, text) for number, text in enumerate(spellings(ONE))]
    other = [
        json.dumps(_order(10, int(PHONES[20]), open_id=OPEN_IDS[6], receiver=NAMES[8])),
        line(11, {"phone": PHONES[21], "name": NAMES[9]}, open_id=OPEN_IDS[7]),
        line(12, PHONES[22], status="lost", open_id=OPEN_IDS[8], receiver=NAMES[10]),
        line(13, PHONES[23], amount="abc", open_id=OPEN_IDS[9]),
        line(14, PHONES[24], open_id=None),
        line(15, PHONES[25], open_id=OPEN_IDS[10]),
        line(15, PHONES[25], open_id=OPEN_IDS[10]),
        line(
            15,
            PHONES[25],
            open_id=OPEN_IDS[10].replace("oS", "ｏＳ"),
            amount=21,
            updated_at=f"{D1} 11:00:01",
        ),
        line(16, PHONES[26], open_id=OPEN_IDS[11], receiver=NAMES[11])[:-30],
        f'{{"order_id": "o17", "open_id": "{OPEN_IDS[12]}", "receiver_phone": "{PHONES[27]}',
        line(18, PHONES[28]) + line(19, PHONES[29], open_id=OPEN_IDS[13]),
        json.dumps([PHONES[30], OPEN_IDS[14]]),
    ]
    content = "\n".join([*good, *other]).encode()
    undecodable = b'\n{"order_id": "o\xff", ' + f'"receiver_phone": "{PHONES[31]}"}}\n'.encode()
    office.land(f"orders/dt={D1}/orders.json", content + undecodable)


def _second_day(office: Office, amount: int, hour: int) -> None:
    times = {"ordered_at": f"{D2} 09:00:00", "updated_at": f"{D2} {hour}:00:00"}
    rows = [_order(30, PHONES[32], open_id=OPEN_IDS[15], amount=amount, **times)]
    office.land(f"orders/dt={D2}/orders.json", "".join(f"{json.dumps(row)}\n" for row in rows).encode())


def _failing_extracts(office: Office) -> None:
    """Sources that are gone, that refuse, and whose rows cannot be read."""
    name, _, place = office.url.rpartition("@")
    server, _, database = place.partition("/")
    members = ("extract", "--day", D3, "--source", "members")
    office.run(*members, code=4, loud=True, url=f"{name}@127.0.0.1:1/{database}")
    wrong = office.run(*members, code=4, loud=True, url=f"{name}{PHONES[33]}@{server}/{database}")
    assert "refused the user or password" in wrong
    office.sql(_VIEW.format(phone="(phone::int)::text"))
    office.run(*members, code=3, loud=True)
    office.sql(_VIEW.format(phone="phone"))
    # As another program would do it: the server's own log must not tell the row either.
    with pytest.raises(psycopg.errors.UniqueViolation, match=PHONES[2]):
        office.sql("create unique index one_row on member_rows (phone)")
    row = f"v30,{NAMES[1]},到店,{PHONES[34]},10,{D3} 10:00:00\n"
    visits = ("extract", "--day", D3, "--source", "visits")
    for content in (
        f"{HEADER}{row}{row}".encode("gbk"),  # the header has lost its line end
        row.encode("gbk"),
        gzip.compress(f"{HEADER}\n{row * 50}".encode("gbk"))[:-20],
    ):
        file = office.land(f"visits/dt={D3}/visits.csv{'.gz' if content[:1] == GZIP else ''}", content)
        office.run(*visits, code=3, loud=True)
        file.unlink()
    keys = {"order_id": "o40", PHONES[35]: 1, OPEN_IDS[16]: 2}
    file = office.land(f"orders/dt={D3}/orders.json", json.dumps(keys).encode())
    office.run("extract", "--day", D3, "--source", "orders", code=3, loud=True)
    file.unlink()


def _look_around(office: Office) -> None:
    """The commands that read, and questions that hold an id themselves."""
    office.run("report", "--day", D1)
    for day in (D2, D3):
        office.run("checks", "--day", day)
    users = [row["user_id"] for row in office.rows("tags.user_profile")]
    assert len(set(users)) > 5
    office.run("explain", "--day", D2, "--user", users[0])
    office.run("explain", "--day", D2, "--user", "nobody", code=2)
    for table in ("user_tags", "ops.quarantine", "ops.checks"):
        office.run("query", f"select * from {table}", "--format", "json")
    office.run("query", "select cast(tag_value as integer) from user_tags where tag_id = 'contact'", code=2)


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """It has servers of its own: everything that they leave behind is looked through."""
    folder = tmp_path_factory.mktemp("pii")
    state = folder / "state"
    configs = Path(shutil.copytree(CASES / "pii_shop", folder / "pii_shop"))
    project_yml = yaml.safe_load((configs / "project.yml").read_text(encoding="utf-8")) | {
        "state": str(state)
    }
    (configs / "project.yml").write_text(yaml.safe_dump(project_yml, allow_unicode=True), encoding="utf-8")
    try:
        yield _lived_through(configs, state, tmp_path_factory)
    finally:
        services.stop(state)


def _lived_through(configs: Path, state: Path, tmp_path_factory: pytest.TempPathFactory) -> Office:
    running = services.start(state, {"postgres", "store"})
    folders = [tmp_path_factory.mktemp(name) for name in ("landing", "scratch")]
    made = Office(configs, state, *folders, url=str(running.postgres_url))
    _members(made)
    _visits(made)
    _orders(made)
    made.run("extract", "--day", D1, loud=True)
    made.run("run", "--day", D1)
    _second_day(made, amount=5000, hour=10)
    made.run("run", "--day", D2, code=3)
    _insert(made, [("m20", NAMES[1], PHONES[36], PHONES[37], OPEN_IDS[17], "深圳", "1")], f"{D3} 10:00:00+08")
    _failing_extracts(made)
    _second_day(made, amount=50, hour=11)
    made.run("run", "--day", D2, "--re-extract")
    made.run("run", "--day", D3, code=3)
    _look_around(made)
    return made


@pytest.fixture(scope="module")
def sentinels() -> Sentinels:
    return Sentinels(PHONES, (*NAMES, *OPEN_IDS))


def leaks(found: Iterable[tuple[str, str | bytes]], sentinels: Sentinels) -> dict[str, set[str]]:
    """What is found where; several things may have one name."""
    everything = list(found)
    assert everything, "nothing was looked at"
    where: dict[str, set[str]] = defaultdict(set)
    for place, content in everything:
        looked = sentinels.in_bytes if isinstance(content, bytes) else sentinels.in_text
        where[place] |= looked(content)  # type: ignore[arg-type]
    return {place: values for place, values in where.items() if values}


def test_the_sources_are_full_of_them(office: Office, sentinels: Sentinels) -> None:
    """Else nothing would be shown by finding none elsewhere."""
    found = leaks(of_folder(office.landing, without=()), sentinels)
    found["database"] = sentinels.in_text(str(office.sql("select * from member_rows")))
    # Of files that were taken away again, and of a password.
    gone = {PHONES[19], *PHONES[33:36], OPEN_IDS[16]}
    assert set().union(*found.values()) == sentinels.all - gone


def test_every_way_in_was_taken(office: Office) -> None:
    """Rows that were kept, repeated, set aside for every reason, and days that were published and refused."""
    reasons = Counter((row["source"], row["reason"]) for row in office.rows("ops.quarantine"))
    assert reasons == {
        ("members", "missing_user"): 1,
        ("members", "test_account"): 1,
        ("members", "type_level"): 1,
        ("orders", "missing_user"): 1,
        ("orders", "type_amount"): 1,
        ("orders", "unknown_status"): 1,
        ("orders", "unparsable"): 5,
        ("visits", "missing_user"): 1,
        ("visits", "test_visit"): 1,
        ("visits", "type_amount"): 1,
        ("visits", "unparsable"): 5,
    }
    verdicts = {(str(row["dt"]), row["stage"], row["status"]) for row in office.rows("ops.runs")}
    assert {(D2, "clean", "refused"), (D3, "audit", "refused")} <= verdicts
    assert {str(row["dt"]) for row in office.rows("tags.publications")} == {D1, D2}
    assert any(
        ref.startswith("run_") for ref in office.lake.catalog.load_table("tags.user_tags").metadata.refs
    )


def test_five_spellings_of_a_phone_are_one_hash_in_every_source(office: Office) -> None:
    members = [row for row in office.rows("raw.members") if row["member_no"] in {f"m{n}" for n in range(5)}]
    visits = [row for row in office.rows("raw.visits") if row["编号"] in {f"v{n}" for n in range(5)}]
    orders = [row for row in office.rows("raw.orders") if row["order_id"] in {f"o{n}" for n in range(5)}]
    hashes = [row["phone"] for row in members] + [row["手机"] for row in visits]
    hashes += [row["receiver_phone"] for row in orders]
    assert len(hashes) >= 15
    assert set(hashes) == {hash_value(ONE, (office.state / "pii_salt").read_text())}
    assert len({row["open_id"] for row in office.rows("raw.orders") if row["order_id"] == "o15"}) == 1


def test_no_table_holds_one(office: Office, sentinels: Sentinels) -> None:
    assert leaks(of_tables(office.lake), sentinels) == {}


def test_no_object_of_a_bucket_holds_one(office: Office, sentinels: Sentinels) -> None:
    objects = list(of_buckets(office.lake))
    kinds = {name.rpartition(".")[2] for name, _ in objects}
    assert {"parquet", "avro", "json", "html"} <= kinds
    assert leaks(objects, sentinels) == {}


def test_no_file_beside_them_holds_one(office: Office, sentinels: Sentinels) -> None:
    """The logs of the servers, the Data Docs, the store's own files, temporary files; not the database."""
    logs = {path.name for path in (office.state / "logs").iterdir()}
    assert {"postgres.log", "spark.log", "store.log"} <= logs
    found = of_folder(office.state, without=[office.state / "postgres"])
    # Spark's copies of the libraries that it was started with take most of the time and hold no data.
    ours = {path.name: path.stat().st_size for path in jar_paths()}
    files = [(name, data) for name, data in found if ours.get(Path(name).name) != len(data)]
    assert leaks(files, sentinels) == {}
    scratch = {place: sentinels.in_bytes(data) for place, data in of_folder(office.scratch, without=())}
    assert not any(scratch.values())


def test_nothing_that_was_printed_holds_one(office: Office, sentinels: Sentinels) -> None:
    assert leaks(office.printed, sentinels) == {}


def test_no_log_and_nothing_printed_holds_a_key(office: Office) -> None:
    """The password of the database, the keys of the store, the salt."""
    running = services.endpoints(office.state)
    assert running is not None
    keys = (str(make_url(office.url).password), str(running.s3_secret_key))
    keys += ((office.state / "pii_salt").read_text(), str(running.spark_url).partition("token=")[2])
    assert min(map(len, keys)) > 10
    secret = Sentinels((), keys)
    assert leaks([*office.printed, *of_folder(office.state / "logs", without=())], secret) == {}


def test_the_search_finds_every_form() -> None:
    """A phone number in each spelling and a name, in each encoding, as text and inside packed files."""
    wanted = Sentinels((ONE,), (NAMES[0], OPEN_IDS[0]))
    for text in (*spellings(ONE), NAMES[0], NAMES[0].encode("unicode_escape").decode(), OPEN_IDS[0].upper()):
        sink = io.BytesIO()
        pq.write_table(pa.table({"raw": [f"a {text} b"]}), sink, compression="zstd")
        written = [f"x {text} y".encode(encoding) for encoding in ENCODINGS]
        for data in (*written, gzip.compress(written[0]), sink.getvalue()):
            assert len(wanted.in_bytes(data)) == 1, (text, data)
    assert wanted.in_bytes(f"{ONE[:5]} {ONE[6:]}".encode()) == set()
