"""Start, stop and look at the embedded servers of one state folder."""

import contextlib
import fcntl
import os
import shutil
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from usertags.errors import InfrastructureError
from usertags.project.versions import version_of
from usertags.services import ports, postgres, spark, store
from usertags.services.model import SERVICE_NAMES, Endpoints, ServiceName, ServiceStatus
from usertags.services.postgres import Postgres
from usertags.services.process import POLL_SECONDS
from usertags.services.records import PostgresRecord, Records, SparkRecord, StoreRecord
from usertags.services.spark import Spark
from usertags.services.store import Store

MINIMUM_FREE_BYTES = 512 * 1024**2
LOCK_SECONDS = 180.0


def start(
    state: Path,
    names: Collection[ServiceName],
    *,
    spark_settings: Mapping[str, str] | None = None,
    progress: Callable[[str], None] | None = None,
) -> Endpoints:
    """Start the given servers that are not running yet, in parallel, and return when all of them answer.

    `progress` receives a line per step. Data, ports and passwords are kept in `state` between starts. A
    Spark server that was started with other settings is restarted. Raises InfrastructureError if a server
    cannot start; the others keep running.
    """
    state = _folder(state)
    report = progress or (lambda line: None)
    with _disk_errors(state):
        # Other users may traverse the folder but not list it: PostgreSQL may have to run as another user
        # in a subfolder.
        state.mkdir(mode=0o711, parents=True, exist_ok=True)
        (state / "logs").mkdir(mode=0o700, exist_ok=True)
        _check_space(state)
        with _exclusive(state, report):
            todo = [name for name in SERVICE_NAMES if name in names]
            settings = dict(spark_settings or {})
            failures = _start_all(state, todo, settings, report)
            # Another program may take a port between choice and start: retry once with other ports.
            again = [name for name, error in failures.items() if "already in use" in str(error).lower()]
            if again:
                failures = {**failures, **dict.fromkeys(again)} | _start_all(state, again, settings, report)
            for error in failures.values():
                if error is not None:
                    raise error
    found = endpoints(state)
    if found is None:
        raise InfrastructureError(
            f"The embedded servers exited right after they started. Their logs are in {state / 'logs'}.",
            safe="their data is on disk",
            next_step="read the logs, then start again",
        )
    return found


def stop(state: Path) -> None:
    """Stop the servers of the state folder; does nothing if none is running."""
    state = _folder(state)
    if not state.is_dir():
        return
    with _disk_errors(state), _exclusive(state, lambda line: None), ThreadPoolExecutor(3) as pool:
        # Even without a readable services.json the servers are found and stopped.
        record = None
        with contextlib.suppress(InfrastructureError):
            record = Records.load(state).store
        ends = [
            pool.submit(Postgres(state).stop),
            pool.submit(Store(state).stop, record),
            pool.submit(Spark(state).stop),
        ]
        for end in ends:
            end.result()


def status(state: Path) -> list[ServiceStatus]:
    """The current status of the servers, PostgreSQL first."""
    state = _folder(state)
    records, database, files, sessions = Records.load(state), Postgres(state), Store(state), Spark(state)
    url = catalog = connect = None
    if records.postgres is not None and records.postgres.ports:
        url = f"postgresql://{postgres.USER}@{ports.LOOPBACK}:{records.postgres.ports['sql']}/{postgres.DATABASE}"
    if records.store is not None and records.store.ports:
        catalog = files.s3_endpoint(records.store)
    if records.spark is not None and records.spark.ports:
        connect = sessions.address(records.spark)
    return [
        _status("postgres", database.pid(), url, database.log),
        _status("store", files.pid(), catalog, files.log),
        _status("spark", sessions.pid(), connect, sessions.log),
    ]


def endpoints(state: Path) -> Endpoints | None:
    """The endpoints of the running servers; None if none is running."""
    state = _folder(state)
    records, database, files, sessions = Records.load(state), Postgres(state), Store(state), Spark(state)
    postgres_up = records.postgres is not None and _up(database.pid(), records.postgres.ports, ("sql",))
    store_up = records.store is not None and _up(files.pid(), records.store.ports, ("s3", "catalog"))
    spark_up = records.spark is not None and _up(sessions.pid(), records.spark.ports, ("connect",))
    if not postgres_up and not store_up and not spark_up:
        return None
    record = records.store if store_up else None
    return Endpoints(
        postgres_url=database.url(records.postgres) if records.postgres and postgres_up else None,
        s3_endpoint=files.s3_endpoint(record) if record else None,
        s3_access_key=record.access_key if record else None,
        s3_secret_key=record.secret_key if record else None,
        catalog_uri=files.catalog_uri(record) if record else None,
        spark_url=sessions.url(records.spark) if records.spark and spark_up else None,
    )


def _start_all(
    state: Path,
    names: Collection[ServiceName],
    settings: Mapping[str, str],
    report: Callable[[str], None],
) -> dict[ServiceName, InfrastructureError | None]:
    """Start the servers in parallel, record those that are prepared, and return the failures."""
    records = _with_spark_settings(state, Records.load(state), names, settings)
    records = _with_ports(state, records, names)
    # Saved before anything starts: a server must never run with an unrecorded port or password.
    records.save(state)
    with ThreadPoolExecutor(len(SERVICE_NAMES)) as pool:
        tasks: dict[ServiceName, Future[None]] = {}
        if "postgres" in names and records.postgres is not None:
            tasks["postgres"] = pool.submit(Postgres(state).start, records.postgres, report)
        if "store" in names and records.store is not None:
            tasks["store"] = pool.submit(Store(state).start, records.store, report)
        if "spark" in names and records.spark is not None:
            tasks["spark"] = pool.submit(Spark(state).start, records.spark, settings, report)
    failures: dict[ServiceName, InfrastructureError | None] = {}
    for name, task in tasks.items():
        error = task.exception()
        if error is None:
            records = _prepared(records, name)
        elif isinstance(error, InfrastructureError):
            failures[name] = error
        else:
            raise error
    records.save(state)
    return failures


def _prepared(records: Records, name: ServiceName) -> Records:
    if name == "postgres":
        return records.with_postgres(prepared=True)
    return records.with_store(prepared=True) if name == "store" else records


def _with_spark_settings(
    state: Path, records: Records, names: Collection[ServiceName], settings: Mapping[str, str]
) -> Records:
    """Record the settings of Spark; a server running with other settings is stopped."""
    if "spark" not in names:
        return records
    version = version_of(settings)
    if records.spark is None or records.spark.settings != version:
        Spark(state).stop()
    return records.with_spark(settings=version)


def _with_ports(state: Path, records: Records, names: Collection[ServiceName]) -> Records:
    """Assign passwords to new servers, and free ports to servers that are not running."""
    database, files = Postgres(state), Store(state)
    if "postgres" in names:
        if records.postgres is None and database.data.exists():
            raise InfrastructureError(
                f"{database.data} contains a database, but services.json with its password is missing.",
                safe="the database is on disk, unchanged",
                next_step=f"restore services.json in {state}, or remove {database.folder} to start over",
            )
        if records.postgres is None or database.pid() is None:
            records = records.with_postgres(ports=_free(records, records.postgres, postgres.PORT_NAMES))
    if "store" in names:
        if records.store is None:
            files.stop(None)
        if records.store is None or files.pid() is None:
            records = records.with_store(ports=_free(records, records.store, store.PORT_NAMES))
    if "spark" in names and (records.spark is None or Spark(state).pid() is None):
        records = records.with_spark(ports=_free(records, records.spark, spark.PORT_NAMES))
    return records


def _free(
    records: Records, record: PostgresRecord | StoreRecord | SparkRecord | None, names: Iterable[str]
) -> dict[str, int]:
    """Ports for a server: its own if they are still free, and none of another server."""
    known = record.ports if record else {}
    return ports.choose(names, known, taken=records.ports() - set(known.values()))


def _status(name: ServiceName, pid: int | None, url: str | None, log: Path) -> ServiceStatus:
    if url is None:
        return ServiceStatus(name, "absent", pid, None, log)
    return ServiceStatus(name, "stopped" if pid is None else "running", pid, url, log)


def _up(pid: int | None, known: dict[str, int], needed: Collection[str]) -> bool:
    return pid is not None and all(name in known and ports.answers(known[name]) for name in needed)


def _folder(state: Path) -> Path:
    # A canonical path, because the servers are identified by it.
    return state.expanduser().resolve()


def _check_space(state: Path) -> None:
    free = shutil.disk_usage(state).free
    if free < MINIMUM_FREE_BYTES:
        raise InfrastructureError(
            f"The disk of {state} has {free // 1024**2} MB free; the embedded servers need at least"
            f" {MINIMUM_FREE_BYTES // 1024**2} MB.",
            safe="nothing was started; data of earlier runs is unchanged",
            next_step="free disk space, or set `state` in configs/project.yml to a folder on another disk",
        )


@contextlib.contextmanager
def _disk_errors(state: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InfrastructureError(
            f"The folder of the embedded servers cannot be used: {error.strerror or error}"
            f" ({error.filename or state}; the folder is {state}).",
            safe="data of earlier runs is unchanged",
            next_step="free disk space or make the folder writable, or set `state` in configs/project.yml",
        ) from error


@contextlib.contextmanager
def _exclusive(state: Path, report: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock of the state folder: only one start or stop at a time across processes."""
    descriptor = os.open(state / "services.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        deadline = time.monotonic() + LOCK_SECONDS
        waiting = False
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not waiting:
                    waiting = True
                    report("waiting for another process that starts or stops these servers")
            if time.monotonic() > deadline:
                raise InfrastructureError(
                    f"Another process has been starting or stopping the servers of {state} for"
                    f" {LOCK_SECONDS:.0f} seconds.",
                    safe="nothing was changed",
                    next_step="stop that process, then start again",
                )
            time.sleep(POLL_SECONDS)
        yield
    finally:
        os.close(descriptor)
