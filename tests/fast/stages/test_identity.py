"""The ids that are to be blocked, as the sources have them."""

from pathlib import Path

import pytest

from tests.support.folders import PROJECT_YML, Folder
from usertags.errors import ConfigError
from usertags.project.model import Project
from usertags.sources.pii import hash_value
from usertags.stages.extract import SALT
from usertags.stages.identity import blocked_ids

LINKS = """source: account_links
kind: links
read: {connection: shop, table: account_links}
columns:
  link_id: {from: link_id, type: string}
  open_id: {from: open_id, type: string}
  phone: {from: phone, type: string, pii: hash}
  linked_at: {from: linked_at, type: timestamp}
key: [link_id]
links: {open_id: open_id, phone: phone}
time: linked_at
"""
BLOCK = """
identity:
  block:
    phone: ["${SHOP_PHONE}"]
    open_id: [o9]
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv(SALT, "pepper")
    small = Folder.small(tmp_path)
    small.write("sources/account_links.yml", LINKS)
    small.write(PROJECT_YML, small.read(PROJECT_YML) + BLOCK)
    return small.project()


def blocked(project: Project) -> list[str]:
    assert project.identity is not None
    return sorted(blocked_ids(project, project.identity))


def test_an_id_is_hashed_if_the_sources_hash_it(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """However it is written: a number with separators is the same number."""
    phone = hash_value("13900001111", "pepper")
    for text in ("13900001111", "+86 139-0000-1111"):
        monkeypatch.setenv("SHOP_PHONE", text)
        assert blocked(project) == ["open_id:o9", f"phone:{phone}"]


@pytest.mark.parametrize(
    ("text", "words"), [(None, "SHOP_PHONE"), ("  ", "`block` of phone has an empty id")]
)
def test_an_id_that_is_not_given_is_an_error(
    project: Project, monkeypatch: pytest.MonkeyPatch, text: str | None, words: str
) -> None:
    monkeypatch.delenv("SHOP_PHONE", raising=False)
    if text is not None:
        monkeypatch.setenv("SHOP_PHONE", text)
    with pytest.raises(ConfigError, match=words):
        blocked(project)
