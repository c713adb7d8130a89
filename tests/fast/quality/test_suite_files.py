"""The committed files of checks: what the configuration says, and what Great Expectations understands."""

from pathlib import Path
from typing import Any

import great_expectations as gx
import yaml
from great_expectations.expectations import core

from tests.support.places import ROOT
from usertags.config.expectation_names import EXPECTATIONS
from usertags.project.build import load_project
from usertags.quality.suite_files import differences, write_suites
from usertags.quality.suites import all_suites

PROJECT = load_project(ROOT / "configs")
FOLDER = ROOT / "expectations"


def test_the_committed_files_are_what_the_configuration_says() -> None:
    assert differences(PROJECT, FOLDER) == []


def test_a_file_that_is_old_missing_or_left_over_is_found_and_put_right(tmp_path: Path) -> None:
    write_suites(PROJECT, tmp_path)
    users = tmp_path / "clean" / "users.yml"
    users.write_text(users.read_text().replace("critical", "info", 1))
    (tmp_path / "tags" / "rfm.yml").unlink()
    (tmp_path / "clean" / "gone.yml").write_text("{}")
    (tmp_path / "README.md").write_text("ours")
    changed = ["clean/gone.yml", "clean/users.yml", "tags/rfm.yml"]
    assert differences(PROJECT, tmp_path) == changed
    assert write_suites(PROJECT, tmp_path) == changed
    assert differences(PROJECT, tmp_path) == []
    assert not (tmp_path / "clean" / "gone.yml").exists()
    assert (tmp_path / "README.md").exists()


def test_a_file_says_what_each_check_is() -> None:
    written = yaml.safe_load((FOLDER / "clean" / "order_lines.yml").read_text(encoding="utf-8"))
    assert (written["suite"], written["stage"]) == ("clean.order_lines", "clean")
    empty = next(item for item in written["checks"] if item["check"] == "customer is never empty")
    assert empty == {
        "check": "customer is never empty",
        "id": "clean.order_lines.customer_is_never_empty",
        "severity": "critical",
        "expectation": "ExpectColumnValuesToNotBeNull",
        "arguments": {"column": "customer"},
        "owner": "data engineering",
        "action": "no row without it may be kept: report it, this is a defect of the pipeline",
    }


def test_every_declared_check_is_in_a_file_and_the_library_makes_an_expectation_of_it() -> None:
    found = {}
    for path in FOLDER.glob("*/*.yml"):
        written = yaml.safe_load(path.read_text(encoding="utf-8"))
        made = [_expectation(item) for item in written["checks"]]
        found[written["suite"]] = [item.meta["check_id"] for item in made]
    assert found == {suite.name: [check.check_id for check in suite.checks] for suite in all_suites(PROJECT)}


def _expectation(item: dict[str, Any]) -> Any:
    kind = getattr(gx.expectations, item["expectation"])
    return kind(**item["arguments"], severity=item["severity"], meta={"check_id": item["id"]})


def test_the_names_that_a_check_can_have_are_those_of_the_library() -> None:
    theirs = {name for name in dir(core) if name.startswith("Expect")}
    assert theirs >= EXPECTATIONS
