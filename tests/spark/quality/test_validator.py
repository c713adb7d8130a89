"""Great Expectations on Spark: the stage runs what is committed, and rows are masked."""

from pathlib import Path

import great_expectations as gx
import yaml
from pyspark.sql import SparkSession

from tests.support.places import ROOT
from usertags.project.build import load_project
from usertags.quality.checks import Check
from usertags.quality.expectations import Sampling, Validator
from usertags.quality.kinds import CheckKind
from usertags.quality.suites import clean_suite

PROJECT = load_project(ROOT / "configs")


def test_the_stage_says_of_each_committed_check_what_the_library_says(spark: SparkSession) -> None:
    """Two referrals, one of them by somebody whose number has a letter."""
    rows = spark.createDataFrame(
        [("T1", "100", "200", "2026-11-01"), ("T2", "100", "2x0", "2026-11-01")],
        "referral_id string, referrer string, referee string, referred_at string",
    ).selectExpr("*", "referred_at as updated_at", "referred_at as event_day")
    written = yaml.safe_load((ROOT / "expectations" / "clean" / "referrals.yml").read_text(encoding="utf-8"))
    asset = gx.get_context(mode="ephemeral").data_sources.add_spark("frames").add_dataframe_asset("rows")
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": rows})
    theirs = {
        item["id"]: batch.validate(getattr(gx.expectations, item["expectation"])(**item["arguments"])).success
        for item in written["checks"]
    }
    suite = clean_suite(PROJECT, PROJECT.sources["referrals"])
    ours = Validator().validate(suite.name, rows, suite.checks, sampling=Sampling(("referral_id",)))
    assert {item.check_id: item.success for item in ours} == theirs | {
        "clean.referrals.every_declared_check_ran": True
    }
    (failed,) = [item for item in ours if not item.success]
    assert failed.check_id == "clean.referrals.referee_in_its_form"
    assert failed.samples == ({"referral_id": "T2", "referee": "2x0"},)


def test_what_a_row_says_of_a_person_is_masked(spark: SparkSession, tmp_path: Path) -> None:
    rows = spark.createDataFrame([("1", "8f3a"), ("2", None)], "id string, phone string")
    shape = Check(
        "t.x",
        CheckKind.IN_FORM,
        "ExpectColumnValuesToMatchRegex",
        {"column": "phone", "regex": "^9"},
        "critical",
        "o",
        "a",
    )
    given = Check(
        "t.x", CheckKind.GIVEN, "ExpectColumnValuesToNotBeNull", {"column": "phone"}, "warning", "o", "a"
    )
    sampling = Sampling(("id",), frozenset({"phone"}))
    found = {
        item.kind: item.samples
        for item in Validator().validate("t.x", rows, [shape, given], sampling=sampling)
    }
    assert found[CheckKind.IN_FORM] == ({"id": "1", "phone": "***"},)
    assert found[CheckKind.GIVEN] == ({"id": "2", "phone": None},)


def test_a_column_that_is_not_there_and_a_parameter_are_reported(spark: SparkSession, tmp_path: Path) -> None:
    rows = spark.createDataFrame([("1",), ("2",)], "id string")
    missing = Check(
        "t.x", CheckKind.GIVEN, "ExpectColumnValuesToNotBeNull", {"column": "gone"}, "warning", "o", "a"
    )
    users = Check(
        "t.x",
        CheckKind.POPULATION,
        "ExpectTableRowCountToEqual",
        {"value": {"$PARAMETER": "population"}},
        "critical",
        "o",
        "a",
    )
    results = Validator().validate("t.x", rows, [missing, users], {"population": 3})
    assert [item.success for item in results] == [False, False, False]
    ran, gone, counted = results
    assert ran.value == 1 and (ran.error or "").startswith("t.x.gone_is_given: ")
    assert gone.error and gone.value is None
    assert (counted.value, counted.low, counted.high, counted.unit) == (2, 3, 3, "rows")
