"""A value that Spark quotes in an error: not in the results of checks, their pages or the logs."""

import logging
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from usertags.quality.checks import Check
from usertags.quality.expectations import Sampling, Validator
from usertags.quality.kinds import CheckKind

SECRET = "Wang Fang of the error texts"


def test_a_value_that_cannot_be_cast_is_quoted_nowhere(
    spark: SparkSession,
    shared_state: Path,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    rows = spark.createDataFrame([("1", SECRET, 1), ("2", "5", 5)], "id string, name string, number int")
    pair = {"column_A": "number", "column_B": "name"}
    check = Check(
        "t.x", CheckKind.OWN, "ExpectColumnPairValuesToBeEqual", pair, "warning", "o", "a", subject="equal"
    )
    validator = Validator()
    with caplog.at_level(logging.DEBUG):
        ran, equal = validator.validate("t.x", rows, [check], sampling=Sampling(("id",)))
    assert equal.error == "NumberFormatException [CAST_INVALID_INPUT]"
    assert ran.error == f"t.x.equal: {equal.error}"
    pages, log = validator.pages(), (shared_state / "logs" / "spark.log").read_text(encoding="utf-8")
    printed = "".join(capfd.readouterr())
    own = "".join(each.getMessage() for each in caplog.records if each.name.startswith("usertags"))
    assert "[CAST_INVALID_INPUT]" in own
    for text in (repr((ran, equal)), *pages.values(), log, printed, own):
        assert SECRET not in text
