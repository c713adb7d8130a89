"""The committed project of Great Expectations: the library loads all of it, and runs what the stages run."""

import shutil
from pathlib import Path
from typing import Any

import great_expectations as gx
import pytest
from great_expectations.expectations import core

from jobs.catalogue.build import load_catalogue
from jobs.config.expectation_names import EXPECTATIONS
from jobs.quality.project import differences, expectation_type, write_project
from jobs.quality.suites import all_suites
from tests.support.places import ROOT

CATALOGUE = load_catalogue(ROOT / "configs")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The committed project, in a copy, so that the library may write beside it."""
    folder = tmp_path_factory.mktemp("project") / "expectations"
    shutil.copytree(ROOT / "expectations", folder)
    return gx.get_context(mode="file", project_root_dir=str(folder))


def test_the_committed_files_are_what_the_configuration_says() -> None:
    assert differences(CATALOGUE, ROOT / "expectations") == []


def test_a_file_that_is_old_missing_or_left_over_is_found_and_put_right(tmp_path: Path) -> None:
    write_project(CATALOGUE, tmp_path)
    suites = tmp_path / "gx" / "expectations"
    users = suites / "clean" / "users.json"
    users.write_text(users.read_text().replace("critical", "info", 1))
    (suites / "tags" / "rfm.json").unlink()
    (suites / "clean" / "gone.json").write_text("{}")
    changed = [f"gx/expectations/{name}.json" for name in ("clean/gone", "clean/users", "tags/rfm")]
    assert differences(CATALOGUE, tmp_path) == changed
    assert write_project(CATALOGUE, tmp_path) == changed
    assert differences(CATALOGUE, tmp_path) == []
    assert not (suites / "clean" / "gone.json").exists()


def test_the_library_loads_every_expectation_that_is_declared(project: Any) -> None:
    loaded = {suite.name: len(suite.expectations) for suite in project.suites.all()}
    assert loaded == {suite.name: len(suite.checks) for suite in all_suites(CATALOGUE)}
    assert {item.name for item in project.validation_definitions.all()} == set(loaded)
    checkpoints = {item.name: len(item.validation_definitions) for item in project.checkpoints.all()}
    assert checkpoints == {"clean": len(CATALOGUE.sources), "audit": 4}


def test_the_names_that_a_check_can_have_are_those_of_the_library() -> None:
    theirs = {name for name in dir(core) if name.startswith("Expect")}
    assert theirs >= EXPECTATIONS
    unknown = {name for name in EXPECTATIONS if expectation_type(name) != _type(name)}
    assert unknown == set()


def _type(name: str) -> str:
    return str(getattr(core, name).expectation_type)
