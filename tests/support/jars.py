"""The driver of the SQLite catalogs that tests share with Spark; no part of the product.

`python -m tests.support.jars` fetches it where it is missing.
"""

from pathlib import Path

from usertags.store.jars import fetch_jars, jar_path

SQLITE = {
    "org.xerial:sqlite-jdbc:3.51.0.0": "b0ca8cf80d6eff80ee18aa6e8a6aa72f697af0bf9c822c4b2ad9e35c7a3146e1",
}


def sqlite_driver() -> Path:
    return jar_path(next(iter(SQLITE)))


if __name__ == "__main__":
    fetch_jars(SQLITE)
