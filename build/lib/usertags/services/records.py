"""services.json: the ports and generated passwords of one state folder, readable by its owner only."""

import contextlib
import json
import os
import secrets
import stat
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from usertags.errors import InfrastructureError

FILE_NAME = "services.json"


@dataclass(frozen=True)
class PostgresRecord:
    """The database: `prepared` once the user and the database of the shop exist."""

    password: str = field(repr=False)
    admin_password: str = field(repr=False)
    ports: dict[str, int] = field(default_factory=dict)
    prepared: bool = False

    @classmethod
    def new(cls) -> Self:
        return cls(password=_secret(), admin_password=_secret())


@dataclass(frozen=True)
class StoreRecord:
    """The S3 store and catalog: `prepared` once its buckets exist and writes are synced to disk."""

    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    internal_key: str = field(repr=False)
    ports: dict[str, int] = field(default_factory=dict)
    prepared: bool = False

    @classmethod
    def new(cls) -> Self:
        return cls(access_key=f"UT{secrets.token_hex(9)}", secret_key=_secret(), internal_key=_secret())


@dataclass(frozen=True)
class SparkRecord:
    """The Spark server: `settings` names what it was started with."""

    token: str = field(repr=False)
    ports: dict[str, int] = field(default_factory=dict)
    settings: str = ""

    @classmethod
    def new(cls) -> Self:
        return cls(token=_secret())


@dataclass(frozen=True)
class Records:
    """The recorded state of the servers; None for a server that was never started."""

    postgres: PostgresRecord | None = None
    store: StoreRecord | None = None
    spark: SparkRecord | None = None

    @classmethod
    def load(cls, state: Path) -> Self:
        """Read services.json; empty if it does not exist, InfrastructureError if it cannot be read."""
        path = state / FILE_NAME
        try:
            content: dict[str, Any] = json.loads(path.read_text("utf-8"))
            postgres, store, spark = (content.get(name) for name in ("postgres", "store", "spark"))
            return cls(
                postgres=PostgresRecord(**postgres) if postgres else None,
                store=StoreRecord(**store) if store else None,
                spark=SparkRecord(**spark) if spark else None,
            )
        except (FileNotFoundError, NotADirectoryError):
            return cls()
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise InfrastructureError(
                f"{path} contains the passwords of the embedded servers and cannot be read"
                f" ({type(error).__name__}).",
                safe="the data of the servers is on disk, unchanged",
                next_step=f"restore the file from a backup, or remove {state} to start with empty servers",
            ) from None

    def save(self, state: Path) -> None:
        """Replace services.json in one step, synced, mode 0600."""
        text = json.dumps({name: value for name, value in asdict(self).items() if value}, indent=2)
        write_private(state / FILE_NAME, text + "\n")

    def ports(self) -> set[int]:
        """All ports recorded for any server."""
        sections = [section for section in (self.postgres, self.store, self.spark) if section is not None]
        return {port for section in sections for port in section.ports.values()}

    def with_postgres(self, **changes: Any) -> Self:
        return replace(self, postgres=replace(self.postgres or PostgresRecord.new(), **changes))

    def with_store(self, **changes: Any) -> Self:
        return replace(self, store=replace(self.store or StoreRecord.new(), **changes))

    def with_spark(self, **changes: Any) -> Self:
        return replace(self, spark=replace(self.spark or SparkRecord.new(), **changes))


def write_private(path: Path, text: str) -> None:
    """Write a file atomically that only its owner can read; the owner is that of the folder."""
    partial = path.with_name(path.name + ".partial")
    with contextlib.suppress(FileNotFoundError):
        partial.unlink()
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, stat.S_IRUSR | stat.S_IWUSR)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def _secret() -> str:
    # Hexadecimal: needs no quoting in a URL, in SQL, in JSON or in a `KEY:SECRET` credential.
    return secrets.token_hex(24)
