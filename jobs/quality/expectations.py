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

        The first pass asks for yes or no alone, which Great Expectations computes for all checks together;
        only checks that fail are run once more for what was observed.
        Raises InfrastructureError when Great Expectations left a check out: silence is no success.
        """
        passed = [item.success for item in self._run(name, frame, checks, "BOOLEAN_ONLY")]
        failed = [check for check, success in zip(checks, passed, strict=True) if not success]
        details = self._run(f"{name} (failed)", frame, failed, "SUMMARY") if failed else []
        found = iter(details)
        return [
            _passed(check) if success else _failed(check, next(found))
            for check, success in zip(checks, passed, strict=True)
        ]

    def _run(self, name: str, frame: DataFrame, checks: Sequence[Check], form: str) -> list[Any]:
        """The outcomes in the order of the checks."""
        outcome = self._definition(name, checks).run(
            batch_parameters={"dataframe": frame}, result_format=form
        )
        if len(outcome.results) != len(checks):
            raise InfrastructureError(
                f"{len(checks)} checks are declared on {name} and {len(outcome.results)} were run",
                safe="nothing was published",
                next_step="see the log for the check that Great Expectations refused",
            )
        by_id = {item.expectation_config.meta["id"]: item for item in outcome.results}
        return [by_id[index] for index in range(len(checks))]

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


def _passed(check: Check) -> CheckResult:
    return _checked(check, success=True, observed="as wanted")


def _failed(check: Check, item: Any) -> CheckResult:
    found: Mapping[str, Any] = item.result or {}
    # A check that could not run has failed: it says so, and counts with its severity.
    raised = _raised(item.exception_info or {})
    return _checked(
        check,
        success=False,
        observed=f"the check itself failed: {raised}" if raised else _observed(found),
        rows=found.get("element_count"),
        failing=found.get("unexpected_count"),
    )


def _raised(info: Mapping[str, Any]) -> str | None:
    """The first exception of a check, whether it stands alone or by metric."""
    for item in (info, *info.values()):
        if isinstance(item, Mapping) and item.get("raised_exception"):
            return str(item.get("exception_message"))[:200]
    return None


def _checked(check: Check, *, success: bool, observed: str, **counts: int | None) -> CheckResult:
    bounds = {key: value for key, value in check.arguments.items() if key in _BOUNDS}
    return CheckResult(
        table=check.table,
        name=check.name,
        severity=check.severity,
        success=success,
        observed=observed,
        bounds=compact(bounds) if bounds else check.name,
        owner=check.owner,
        action=check.action,
        column=check.column,
        **counts,
    )


def _observed(found: Mapping[str, Any]) -> str:
    if "observed_value" in found:
        return compact(found["observed_value"])
    share = found.get("unexpected_percent")
    return f"{found.get('unexpected_count', 0)} failing rows" + (f" ({share:.2f} %)" if share else "")
