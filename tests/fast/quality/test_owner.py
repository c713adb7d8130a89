"""Who has the checks that nobody wrote: the one place that says so is project.yml."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.places import ROOT, TINY_SHOP
from usertags.config.quality_models import QualityEntry, owner_of
from usertags.project.build import load_project
from usertags.quality.checks import owned, result_of
from usertags.quality.kinds import CheckKind
from usertags.quality.suites import all_suites


@pytest.mark.parametrize(
    ("text", "owner"),
    [
        ("quality: {owner: platform}", "platform"),
        ("quality: {least: 3}", "data engineering"),
        ("quality: {owner: ''}", "data engineering"),
        ("quality: [", "data engineering"),
        ("", "data engineering"),
    ],
)
def test_the_owner_is_read_without_the_rest_of_the_configuration(
    tmp_path: Path, text: str, owner: str
) -> None:
    (tmp_path / "project.yml").write_text(text)
    assert owner_of(tmp_path) == owner
    assert owner_of(tmp_path / "none") == "data engineering"


def test_checks_that_nobody_wrote_have_the_owner_of_the_project_and_others_their_own() -> None:
    project = load_project(TINY_SHOP)
    platform = replace(project, quality=QualityEntry(owner="platform"))
    checks = [check for suite in all_suites(platform) for check in suite.checks]
    owners = {check.owner for check in checks if check.kind in (CheckKind.COLUMNS, CheckKind.ROWS_CHECKED)}
    assert owners == {"platform"}
    written = {entry.owner for source in project.sources.values() for entry in source.checks}
    assert written and written <= {check.owner for check in checks}
    results = [
        result_of(CheckKind.REPORT, "ops.reports", "warning", success=True, subject="clean"),
        result_of(CheckKind.FRESH, "clean.orders", "warning", success=True, owner="shop"),
    ]
    assert [each.owner for each in owned(results, "platform")] == ["platform", "shop"]


def test_the_default_is_written_in_one_place() -> None:
    code = [path for folder in ("jobs", "plugins", "dags") for path in sorted((ROOT / folder).rglob("*.py"))]
    named = [path.name for path in code if "data engineering" in path.read_text(encoding="utf-8")]
    assert named == ["quality_models.py"]
