"""Running declared checks with Great Expectations: one suite and one validation a table."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame

from jobs.errors import InfrastructureError
from jobs.quality.checks import Check, CheckResult, compact

_BOUNDS = ("min_value", "max_value", "value_set", "regex", "mostly", "column_list", "value")


class Validator:
    """Great Expectations for one stage of one run; its Data Docs are written into `folder`."""

    def __init__(self, folder: Path) -> None:
        import great_expectations as gx

        logging.getLogger("great_expectations").setLevel(logging.ERROR)
        self._gx = gx
        folder.mkdir(parents=True, exist_ok=True)
        self._context = gx.get_context(mode="file", project_root_dir=str(folder))
        self._context.variables.progress_bars = {"globally": False}
        self._source = self._context.data_sources.add_or_update_spark("lake", persist=False)
        self._folder = folder

    def validate(self, name: str, frame: DataFrame, checks: Sequence[Check]) -> list[CheckResult]:
        """The result of every declared check on a frame.

        Raises InfrastructureError when Great Expectations left one out: silence is no success.
        """
        definition = self._definition(name, checks)
        outcome = definition.run(batch_parameters={"dataframe": frame}, result_format="SUMMARY")
        if len(outcome.results) != len(checks):
            raise InfrastructureError(
                f"{len(checks)} checks are declared on {name} and {len(outcome.results)} were run",
                safe="nothing was published",
                next_step="see the log for the check that Great Expectations refused",
            )
        by_id = {item.expectation_config.meta["id"]: item for item in outcome.results}
        return [_result(check, by_id[index]) for index, check in enumerate(checks)]

    def write_docs(self) -> Path:
        """Build the Data Docs of all that was validated; returns the folder of the site."""
        self._context.build_data_docs()
        return self._folder / "gx" / "uncommitted" / "data_docs" / "local_site"

    def _definition(self, name: str, checks: Sequence[Check]) -> Any:
        asset = self._source.add_dataframe_asset(name)
        batch = asset.add_batch_definition_whole_dataframe("all")
        suite = self._gx.ExpectationSuite(
            name=name, expectations=[self._expectation(index, check) for index, check in enumerate(checks)]
        )
        self._context.suites.add_or_update(suite)
        return self._context.validation_definitions.add_or_update(
            self._gx.ValidationDefinition(name=name, data=batch, suite=self._context.suites.get(name))
        )

    def _expectation(self, index: int, check: Check) -> Any:
        kind = getattr(self._gx.expectations, check.expectation)
        meta = {"id": index, "name": check.name, "owner": check.owner, "action": check.action}
        return kind(**check.arguments, severity=check.severity, meta=meta)


def _result(check: Check, item: Any) -> CheckResult:
    found: Mapping[str, Any] = item.result or {}
    if item.exception_info and item.exception_info.get("raised_exception"):
        observed = "the check itself failed"
    else:
        observed = _observed(found)
    bounds = {key: value for key, value in check.arguments.items() if key in _BOUNDS}
    return CheckResult(
        table=check.table,
        name=check.name,
        severity=check.severity,
        success=bool(item.success),
        observed=observed,
        bounds=compact(bounds) if bounds else check.name,
        owner=check.owner,
        action=check.action,
        column=check.column,
        rows=found.get("element_count"),
        failing=found.get("unexpected_count"),
    )


def _observed(found: Mapping[str, Any]) -> str:
    if "observed_value" in found:
        return compact(found["observed_value"])
    share = found.get("unexpected_percent")
    return f"{found.get('unexpected_count', 0)} failing rows" + (f" ({share:.2f} %)" if share else "")
