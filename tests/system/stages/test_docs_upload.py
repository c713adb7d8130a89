"""The pages of a stage and what they load, on a real S3 server."""

from datetime import date
from typing import Any

import pytest

from usertags import services
from usertags.project.build import ROOT, load_project
from usertags.quality.docs import assets
from usertags.sources.s3 import S3Access
from usertags.stages.reports_store import keys_under, publish_docs
from usertags.store.lake import Lake

PROJECT = load_project(ROOT / "tests" / "cases" / "tiny_shop")
DAY = date(2026, 3, 2)


def test_pages_lie_with_their_run_and_what_they_load_once(
    running: services.Endpoints, s3_access: S3Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = Lake(running.catalog_properties(), s3_access, running.reports_bucket)
    put: list[str] = []
    whole = lake.boto.put_object

    def counted(**named: Any) -> Any:
        put.append(named["Key"])
        return whole(**named)

    monkeypatch.setattr(lake.boto, "put_object", counted)
    name = PROJECT.name
    shared = {f"{name}/assets/{path}" for path in assets()}
    first = f"{name}/2026-03-02/r1/quality/clean"
    pages = {"index.html": "<p>first</p>", "validations/clean/orders/x.html": "<p>中</p>"}
    try:
        address = publish_docs(lake, PROJECT, DAY, "r1", "clean", pages)
        assert address == f"s3://{lake.reports_bucket}/{first}/index.html"
        assert set(put[:-2]) == shared
        assert put[-2:] == [f"{first}/validations/clean/orders/x.html", f"{first}/index.html"]
        found = lake.boto.get_object(Bucket=lake.reports_bucket, Key=put[-2])
        assert (found["Body"].read().decode(), found["ContentType"]) == ("<p>中</p>", "text/html")
        put.clear()
        publish_docs(lake, PROJECT, DAY, "r2", "audit", pages)
        assert sorted(put) == [
            f"{name}/2026-03-02/r2/quality/audit/{name}"
            for name in ("index.html", "validations/clean/orders/x.html")
        ]
    finally:
        for key in list(keys_under(lake, f"{name}/")):
            lake.boto.delete_object(Bucket=lake.reports_bucket, Key=key)
