"""A state that commit a53d4a7 wrote: it is not read before it is migrated, and then its next day holds what
that commit published of it."""

import json
import tarfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.places import CASES, TINY_SHOP
from usertags import services
from usertags.errors import UsageError
from usertags.project.build import load_project
from usertags.published import PUBLISHED, TAG_COVERAGE
from usertags.store.spark import start_server

from .expected import D1, D2, D3
from .shop import NewShop, Row, Shop, ordered

OLD = CASES / "first_round"


@pytest.fixture(scope="module")
def spark_url(new_shop: NewShop) -> str:
    """The shared session server; the state of the old shop has servers of its own for all else."""
    return start_server(load_project(new_shop(TINY_SHOP, "TINY_SHOP_DIR").folder))


@pytest.fixture(scope="module")
def shop(
    new_project_folder: Callable[..., Any], spark_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shop]:
    """The first two days' files are there, in a folder that is named as it was."""
    folder = tmp_path_factory.mktemp("first_round")
    with tarfile.open(OLD / "state.tar.xz") as archive:
        # The first versions of Python 3.11 have no filters.
        archive.extraction_filter = getattr(tarfile, "data_filter", lambda member, path: member)
        archive.extractall(folder)
    configs = new_project_folder(TINY_SHOP, embedded=True).path
    _edit(configs / "project.yml", state=str(folder / "state"))
    (configs / "spark" / "session.yml").write_text(yaml.safe_dump({"remote": spark_url}))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("TINY_SHOP_DIR", "landing")
        made = Shop(configs, "TINY_SHOP_DIR", Path("landing"))
        for day in (D1, D2):
            made.land(TINY_SHOP / "landing", str(day))
        yield made
        made.pipeline.close()
    services.stop(folder / "state")


def _edit(path: Path, **changes: Any) -> None:
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    path.write_text(yaml.safe_dump(data | changes, allow_unicode=True, sort_keys=False), encoding="utf-8")


def as_json(rows: list[Row]) -> list[Row]:
    read: list[Row] = json.loads(json.dumps(ordered(rows), default=str))
    return read


def test_an_old_state_is_refused_migrated_and_carried_on(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    known = [spec for spec in PUBLISHED if spec is not TAG_COVERAGE]
    before = {spec.name: shop.count(spec.name) for spec in known}
    with pytest.raises(UsageError, match="usertags migrate"):
        shop.run(D2)
    assert shop.command("migrate") == 0
    printed = capsys.readouterr().out
    for source in ("orders", "users", "referrals"):
        assert f"source {source}: register 2 batches, " in printed
    assert "tags.tag_coverage: count the users of the tags of 2 published days" in printed
    assert "nothing was written" in printed
    with pytest.raises(UsageError, match="usertags migrate"):
        shop.run(D2)
    assert shop.command("migrate", "--apply") == 0
    assert "done" in capsys.readouterr().out
    assert shop.command("migrate") == 0
    assert "nothing to do" in capsys.readouterr().out
    # Nothing is read again. The batch of the day is cleaned again: CSV sources have words for null now.
    shop.run(D2, until="aggregate")
    extracted, cleaned = shop.reports[0], shop.reports[-2]
    assert {line.note for line in extracted.lines} == {"batch already exists"}
    assert sum(line.written or 0 for line in cleaned.lines) == 6
    shop.run(D2, until="aggregate")
    assert {line.written for report in shop.reports[:-1] for line in report.lines} == {0}
    assert {line.note for line in shop.reports[-1].lines} == {"nothing changed"}
    assert {spec.name: shop.count(spec.name) for spec in known} == before
    for day in (D1, D2):
        users = defaultdict(set)
        for row in shop.published("user_tags", day):
            users[row["tag_id"]].add(row["user_id"])
        sizes = {row["tag_id"]: row["users"] for row in shop.published("tag_coverage", day)}
        assert {tag: users for tag, users in sizes.items() if users} == {
            tag: len(carriers) for tag, carriers in users.items()
        }
    shop.land(TINY_SHOP / "landing", str(D3))
    shop.run(D3)
    expected = json.loads((OLD / "expected.json").read_text(encoding="utf-8"))
    for spec in known:
        found = as_json(shop.published(spec.name.removeprefix("tags."), D3))
        assert found == expected[spec.name], spec.name
