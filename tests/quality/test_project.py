"""The committed project of Great Expectations: the library loads all of it, and runs what the stages run."""

import json
import shutil
from pathlib import Path
from typing import Any

import great_expectations as gx
import pytest
from great_expectations.expectations import core
from pyspark.sql import SparkSession

from jobs.catalogue.build import load_catalogue
from jobs.config.expectation_names import EXPECTATIONS
from jobs.quality.checks import Check
from jobs.quality.expectations import Sampling, Validator
from jobs.quality.project import differences, expectation_type, write_project
from jobs.quality.suites import all_suites, clean_suite

ROOT = Path(__file__).resolve().parents[2]
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


def test_the_committed_validation_says_what_the_stage_says(
    project: Any, spark: SparkSession, tmp_path: Path
) -> None:
    """Two referrals, one of them by somebody whose number has a letter."""
    rows = spark.createDataFrame(
        [("T1", "100", "200", "2026-11-01"), ("T2", "100", "2x0", "2026-11-01")],
        "referral_id string, referrer string, referee string, referred_at string",
    ).selectExpr("*", "referred_at as updated_at", "referred_at as event_day")
    theirs = project.validation_definitions.get("clean.referrals").run(
        batch_parameters={"dataframe": rows}, result_format="BOOLEAN_ONLY"
    )
    suite = clean_suite(CATALOGUE, CATALOGUE.sources["referrals"])
    ours = Validator().validate(suite.name, rows, suite.checks, sampling=Sampling(("referral_id",)))
    by_id = {item.expectation_config.meta["check_id"]: item.success for item in theirs.results}
    assert {item.check_id: item.success for item in ours} == by_id | {
        "clean.referrals.every_declared_check_ran": True
    }
    (failed,) = [item for item in ours if not item.success]
    assert failed.check_id == "clean.referrals.referee_in_its_form"
    assert json.loads(failed.sample or "") == [{"referral_id": "T2", "referee": "2x0"}]


def test_what_a_row_says_of_a_person_is_masked(spark: SparkSession, tmp_path: Path) -> None:
    rows = spark.createDataFrame([("1", "8f3a"), ("2", None)], "id string, phone string")
    shape = Check(
        "t.x",
        "phone in its form",
        "ExpectColumnValuesToMatchRegex",
        {"column": "phone", "regex": "^9"},
        "critical",
        "o",
        "a",
    )
    given = Check(
        "t.x", "phone is given", "ExpectColumnValuesToNotBeNull", {"column": "phone"}, "warning", "o", "a"
    )
    sampling = Sampling(("id",), frozenset({"phone"}))
    found = {
        item.name: item.sample
        for item in Validator().validate("t.x", rows, [shape, given], sampling=sampling)
    }
    assert json.loads(found["phone in its form"] or "") == [{"id": "1", "phone": "***"}]
    assert json.loads(found["phone is given"] or "") == [{"id": "2", "phone": None}]


def test_a_column_that_is_not_there_and_a_parameter_are_told(spark: SparkSession, tmp_path: Path) -> None:
    rows = spark.createDataFrame([("1",), ("2",)], "id string")
    missing = Check(
        "t.x", "gone is given", "ExpectColumnValuesToNotBeNull", {"column": "gone"}, "warning", "o", "a"
    )
    users = Check(
        "t.x",
        "every user",
        "ExpectTableRowCountToEqual",
        {"value": {"$PARAMETER": "population"}},
        "critical",
        "o",
        "a",
    )
    results = Validator().validate("t.x", rows, [missing, users], {"population": 3})
    assert [item.success for item in results] == [False, False, False]
    assert results[0].observed.startswith("1 checks ran: gone is given: ")
    assert results[1].observed.startswith("the check itself failed")
    assert (results[2].observed, results[2].bounds) == ("2", '{"value": 3}')
