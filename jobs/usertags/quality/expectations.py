"""Runs declared checks with Great Expectations: one suite and one validation per table."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pyspark.sql import DataFrame

from usertags.config.expectation_names import named_columns
from usertags.errors import UsageError
from usertags.project.masking import masked
from usertags.quality import repeated_keys
from usertags.quality.checks import SAMPLE, Check, CheckResult, Row, result_of
from usertags.quality.error_texts import calls_in, calls_of, text_in, text_of, without_messages
from usertags.quality.kinds import CheckKind
from usertags.quality.observations import Observation
from usertags.quality.sentences import action, title

_logger = logging.getLogger(__name__)
DATA_SOURCE, WHOLE = "lake", "all"
# The keys of a library result with values of the checked column, and with rows.
_VALUES = (
    "unexpected_list",
    "partial_unexpected_list",
    "partial_unexpected_counts",
    "observed_value",
    "details",
)
_ROWS = {"unexpected_index_list", "partial_unexpected_index_list"}
_NOTHING = (
    '<!DOCTYPE html><html><head><meta charset="utf-8"><title>Great Expectations</title></head><body>'
    "<p>Great Expectations checked nothing in this run: all batches are already clean.</p></body></html>"
)


@dataclass(frozen=True)
class Sampling:
    """The content of failing rows: the columns that identify a row, and the masked columns."""

    keys: tuple[str, ...] = ()
    masked: frozenset[str] = field(default=frozenset())

    def hides(self, arguments: Mapping[str, Any]) -> bool:
        """Whether an expectation with these arguments reads a masked column."""
        return any(column in self.masked for _, column in named_columns(arguments))


class Validator:
    """Great Expectations for one stage of one run. The library is loaded on first use; it keeps
    its state in memory and does not use the network."""

    def __init__(self) -> None:
        self._samplings: dict[str, Sampling] = {}

    @cached_property
    def _gx(self) -> Any:
        import great_expectations as gx

        # Its lines about errors quote rows; every error that it meets is in its results.
        logging.getLogger("great_expectations").setLevel(logging.CRITICAL)
        repeated_keys.register()
        return gx

    @cached_property
    def _context(self) -> Any:
        from great_expectations.data_context.types.base import DataContextConfig, InMemoryStoreBackendDefaults

        settings = DataContextConfig(
            store_backend_defaults=InMemoryStoreBackendDefaults(), analytics_enabled=False
        )
        context = self._gx.get_context(mode="ephemeral", project_config=settings)
        context.variables.progress_bars = {"globally": False}
        return context

    @cached_property
    def _source(self) -> Any:
        return self._context.data_sources.add_or_update_spark(DATA_SOURCE, persist=False)

    def validate(
        self,
        name: str,
        frame: DataFrame,
        checks: Sequence[Check],
        parameters: Mapping[str, Any] | None = None,
        sampling: Sampling | None = None,
    ) -> list[CheckResult]:
        """The result of every declared check on a frame, and whether all of them ran. Grain of the input:
        any. In: the columns that the checks name; the values of `$PARAMETER` arguments; which columns
        identify a row and which are masked. Raises nothing: what the library raises is a result.

        The first pass only computes success or failure, which Great Expectations does for all checks
        together; only failed checks are run again for observed values and failing rows. A missing
        result is not a success: if the library raises, leaves a check out or cannot run it, the
        result for completeness is a critical failure.
        """
        self._samplings[name] = sampling or Sampling()
        suite = _Suite(self, name, frame, parameters or {}, self._samplings[name])
        try:
            ran = suite.run(checks)
            return [_suite_ran(name, checks, ran), *suite.results(checks, ran)]
        except Exception as error:  # noqa: BLE001 - the library raises whatever it meets; the day must not pass
            _log(f"Great Expectations did not run the checks of {name}", text_of(error), calls_of(error))
            return [_suite_ran(name, checks, {}, text_of(error))]

    def pages(self) -> dict[str, str]:
        """The Data Docs of all that was validated: texts of pages by path, as the library writes them.

        Raises whatever the library raises.
        """
        if not self._samplings:
            return {"index.html": _NOTHING}
        self._hide_values()
        with TemporaryDirectory(prefix="usertags_docs_") as folder:
            self._context.add_data_docs_site("checks", _site(folder))
            self._context.build_data_docs(["checks"])
            self._context.delete_data_docs_site("checks")
            found = sorted(Path(folder).rglob("*.html"))
            return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in found}

    def _hide_values(self) -> None:
        """Remove masked values and messages of errors from the saved results, from which the pages are
        built."""
        store = self._context.validation_results_store
        for key in store.list_keys():
            kept = store.get(key)
            for item in kept.results:
                item.result = without_masked(
                    item.result or {}, item.expectation_config.kwargs, self._samplings[kept.suite_name]
                )
                item.exception_info = without_messages(item.exception_info or {})
            store.set(key, kept)

    def definition(self, name: str, checks: Sequence[Check], sampling: Sampling) -> Any:
        """The library's validation of a suite. Raises UsageError for arguments that an expectation does not
        accept, and otherwise what the library raises."""
        self._samplings[name] = sampling
        asset = self._source.add_dataframe_asset(name)
        batch = asset.add_batch_definition_whole_dataframe(WHOLE)
        suite = self._gx.ExpectationSuite(
            name=name, expectations=[self._expectation(check) for check in checks]
        )
        self._context.suites.add_or_update(suite)
        return self._context.validation_definitions.add_or_update(
            self._gx.ValidationDefinition(name=name, data=batch, suite=self._context.suites.get(name))
        )

    def _expectation(self, check: Check) -> Any:
        kind = getattr(self._gx.expectations, check.expectation)
        try:
            return kind(**check.arguments, severity=check.severity, meta=meta_of(check))
        except Exception as error:  # the library's refusal of an argument, which no row is part of
            raise UsageError(
                f"{check.check_id}: {check.expectation} does not accept its arguments: {error}",
                safe="the day is not published",
                next_step="correct the arguments in checks/*.yml and run the day again",
            ) from error


def meta_of(check: Check) -> dict[str, str]:
    """What an expectation carries along: its id, and what its pages show of it."""
    about = {"check_id": check.check_id, "name": title(check), "action": action(check)}
    return about | ({"owner": check.owner} if check.owner else {})


@dataclass(frozen=True)
class _Suite:
    """The checks of one table in one run."""

    validator: Validator
    name: str
    frame: DataFrame
    parameters: Mapping[str, Any]
    sampling: Sampling

    def run(self, checks: Sequence[Check]) -> dict[str, Any]:
        """Success or failure of each check, by id."""
        return self._run(self.name, checks, {"result_format": "BOOLEAN_ONLY"})

    def results(self, checks: Sequence[Check], ran: Mapping[str, Any]) -> list[CheckResult]:
        """One result per check that was run, in the order of the checks."""
        failed = [check for check in checks if check.check_id in ran and not ran[check.check_id].success]
        found, problem = self._details(failed)
        return [
            _passed(check, self.parameters)
            if ran[check.check_id].success
            else _failed(check, found.get(check.check_id, ran[check.check_id]), problem, self)
            for check in checks
            if check.check_id in ran
        ]

    def _details(self, failed: Sequence[Check]) -> tuple[dict[str, Any], str]:
        """The observed values of the failed checks; they remain failed if the library raises now,
        and the text contains the error."""
        if not failed:
            return {}, ""
        try:
            return self._run(f"{self.name}.failed", failed, self._detailed()), ""
        except Exception as error:  # noqa: BLE001 - whatever the library meets
            _log(
                f"Great Expectations did not say what was observed of {self.name}",
                text_of(error),
                calls_of(error),
            )
            return {}, text_of(error)

    def _detailed(self) -> dict[str, Any]:
        details = {"result_format": "SUMMARY", "partial_unexpected_count": SAMPLE}
        if self.sampling.keys:
            return details | {"unexpected_index_column_names": list(self.sampling.keys)}
        return details

    def _run(self, name: str, checks: Sequence[Check], form: Mapping[str, Any]) -> dict[str, Any]:
        """The outcomes by the id of their check."""
        outcome = self.validator.definition(name, checks, self.sampling).run(
            batch_parameters={"dataframe": self.frame},
            result_format=dict(form),
            expectation_parameters=dict(self.parameters),
        )
        return {item.expectation_config.meta["check_id"]: item for item in outcome.results}


def _suite_ran(
    name: str, checks: Sequence[Check], outcomes: Mapping[str, Any], raised: str = ""
) -> CheckResult:
    """Whether all declared checks ran: a check that the library leaves out, or that raises, did not run."""
    table, part = ".".join(name.split(".")[:2]), "_".join(name.split(".")[2:])
    left_out = [] if raised else [check.check_id for check in checks if check.check_id not in outcomes]
    infos = {name: item.exception_info or {} for name, item in outcomes.items()}
    broken = {name: text for name, info in infos.items() if (text := text_in(info))}
    for check, text in broken.items():
        _log(f"Great Expectations did not run {check}", text, calls_in(infos[check]))
    errors = [raised] if raised else [f"{check}: {text}" for check, text in broken.items()]
    ran = len(outcomes) - len(broken)
    return result_of(
        CheckKind.SUITE_RAN,
        table,
        "critical",
        success=ran == len(checks) and not raised and not broken,
        subject=part or None,
        value=ran,
        low=len(checks),
        unit="checks",
        details={"left_out": left_out} if left_out else {},
        error="; ".join(errors)[:300] if errors else None,
    )


def _passed(check: Check, parameters: Mapping[str, Any]) -> CheckResult:
    return _checked(Observation(check, _known_arguments(check, parameters), success=True, found={}))


def _failed(check: Check, item: Any, problem: str, suite: _Suite) -> CheckResult:
    """`problem` is the reason why no details of the failure are known."""
    found: Mapping[str, Any] = item.result or {}
    raised = text_in(item.exception_info or {})
    arguments = _known_arguments(check, suite.parameters)
    observation = Observation(check, arguments, False, found, masked=suite.sampling.hides(arguments))
    result = _checked(
        observation, samples_of(found.get("partial_unexpected_index_list") or (), suite.sampling)
    )
    if raised:
        return replace(result, error=raised)
    unknown = {**result.details, "details_unknown": True}
    return replace(result, error=problem, details=unknown) if problem else result


def without_masked(
    result: Mapping[str, Any], arguments: Mapping[str, Any], sampling: Sampling
) -> dict[str, Any]:
    """The result of a check without values of masked columns: rows keep their identifying columns."""
    hidden = _VALUES if sampling.hides(arguments) else ()
    shown = {name: value for name, value in result.items() if name not in hidden}
    for name in _ROWS & shown.keys():
        shown[name] = [masked(row, sampling.masked) for row in shown[name] or () if isinstance(row, Mapping)]
    return shown


def _site(folder: str) -> dict[str, Any]:
    return {
        "class_name": "SiteBuilder",
        "show_how_to_buttons": False,
        "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": folder},
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder", "show_cta_footer": False},
    }


def samples_of(rows: Sequence[Mapping[str, Any]], sampling: Sampling) -> tuple[Row, ...]:
    """At most SAMPLE failing rows, masked values replaced by the mask."""
    return tuple(masked(row, sampling.masked) for row in rows[:SAMPLE] if isinstance(row, Mapping))


def _log(what: str, error: str, calls: str) -> None:
    _logger.error("%s: %s\n%s", what, error, calls)


def _checked(observation: Observation, samples: tuple[Row, ...] = ()) -> CheckResult:
    check = observation.check
    return CheckResult(
        check.check_id,
        check.kind,
        check.table,
        check.severity,
        observation.success,
        check.column,
        check.subject,
        **observation.columns(),
        samples=samples,
        owner=check.owner,
        action=check.action,
    )


def _known_arguments(check: Check, parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _known(value, parameters) for name, value in check.arguments.items()}


def _known(value: object, parameters: Mapping[str, Any]) -> object:
    """An argument that is known only when the check runs."""
    name = value.get("$PARAMETER") if isinstance(value, Mapping) else None
    return value if name is None else parameters.get(str(name))
