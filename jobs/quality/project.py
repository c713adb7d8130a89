"""expectations/: the suites of a configuration as a project of Great Expectations, in committed JSON.

Written from the same checks that the stages run; ids are made of names, so that the same checks give the same
files. Nothing here imports the library.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from jobs.catalogue.model import Catalogue
from jobs.quality.checks import Check
from jobs.quality.expectations import DATA_SOURCE, WHOLE, meta_of
from jobs.quality.suites import Suite, all_suites

_KINDS = ("expectations", "validation_definitions", "checkpoints")
_SETTINGS = """\
# Written by `usertags expectations --write`. Suites, validation definitions and checkpoints stand beside it.
config_version: 4.0
config_variables_file_path: uncommitted/config_variables.yml
plugins_directory: plugins/
stores:
  expectations_store:
    class_name: ExpectationsStore
    store_backend: {class_name: TupleFilesystemStoreBackend, base_directory: expectations/, \
suppress_store_backend_id: true}
  validation_results_store:
    class_name: ValidationResultsStore
    store_backend: {class_name: TupleFilesystemStoreBackend, base_directory: uncommitted/validations/, \
suppress_store_backend_id: true}
  checkpoint_store:
    class_name: CheckpointStore
    store_backend: {class_name: TupleFilesystemStoreBackend, base_directory: checkpoints/, \
suppress_store_backend_id: true}
  validation_definition_store:
    class_name: ValidationDefinitionStore
    store_backend: {class_name: TupleFilesystemStoreBackend, base_directory: validation_definitions/, \
suppress_store_backend_id: true}
expectations_store_name: expectations_store
validation_results_store_name: validation_results_store
checkpoint_store_name: checkpoint_store
data_docs_sites: {}
analytics_enabled: false
"""


def project_files(catalogue: Catalogue) -> dict[str, str]:
    """Every file of the project by its path in it."""
    suites = all_suites(catalogue)
    files = {"gx/great_expectations.yml": _SETTINGS + _data_source(catalogue, suites)}
    files["gx/.gitignore"] = "uncommitted/\nplugins/\n"
    for suite in suites:
        # Where the library looks for a suite, the dots of its name are folders.
        files[f"gx/expectations/{suite.name.replace('.', '/')}.json"] = _json(_suite(suite))
        files[f"gx/validation_definitions/{suite.name}.json"] = _json(_validation_definition(suite))
    for stage, group in checkpoints(suites).items():
        files[f"gx/checkpoints/{stage}.json"] = _json(_checkpoint(stage, group))
    return files


def checkpoints(suites: tuple[Suite, ...]) -> dict[str, list[Suite]]:
    """The suites of each stage that runs them."""
    clean = [suite for suite in suites if suite.name.startswith("clean.")]
    return {"clean": clean, "audit": [suite for suite in suites if suite not in clean]}


def write_project(catalogue: Catalogue, folder: Path) -> list[str]:
    """Write what is new or different, and remove what no suite makes any more; returns those paths."""
    wanted = project_files(catalogue)
    changed = differences(catalogue, folder)
    for name in changed:
        path = folder / name
        if name in wanted:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(wanted[name], encoding="utf-8")
        else:
            path.unlink()
    return changed


def differences(catalogue: Catalogue, folder: Path) -> list[str]:
    """The files of the project that are missing, not current, or left over."""
    wanted = project_files(catalogue)
    changed = [name for name, text in wanted.items() if _read(folder / name) != text]
    stand = [path for kind in _KINDS for path in sorted((folder / "gx" / kind).rglob("*.json"))]
    names = [path.relative_to(folder).as_posix() for path in stand]
    return sorted([*changed, *(name for name in names if name not in wanted)])


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


def _id(*parts: str) -> str:
    return str(uuid5(NAMESPACE_URL, "/".join(("usertags", *parts))))


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True, default=str) + "\n"


def expectation_type(expectation: str) -> str:
    """The library's other name of an expectation: expect_column_values_to_be_between."""
    return (
        re.sub(r"(?<!^)([A-Z])", r"_\1", re.sub(r"([AB])To", r"_\1_To", expectation))
        .replace("__", "_")
        .lower()
    )


def _suite(suite: Suite) -> dict[str, Any]:
    return {
        "name": suite.name,
        "id": _id("suite", suite.name),
        "meta": {},
        "notes": None,
        "expectations": [_expectation(check) for check in suite.checks],
    }


def _expectation(check: Check) -> dict[str, Any]:
    return {
        "id": _id("expectation", check.check_id),
        "type": expectation_type(check.expectation),
        "kwargs": dict(check.arguments),
        "meta": meta_of(check),
        "severity": check.severity,
    }


def _reference(kind: str, name: str) -> dict[str, str]:
    return {"name": name, "id": _id(kind, name)}


def _validation_definition(suite: Suite) -> dict[str, Any]:
    return {
        **_reference("validation_definition", suite.name),
        "data": {
            "datasource": _reference("data_source", DATA_SOURCE),
            "asset": _reference("asset", suite.name),
            "batch_definition": {"name": WHOLE, "id": _id("batch", suite.name)},
        },
        "suite": _reference("suite", suite.name),
    }


def _checkpoint(stage: str, suites: list[Suite]) -> dict[str, Any]:
    return {
        **_reference("checkpoint", stage),
        "validation_definitions": [_reference("validation_definition", suite.name) for suite in suites],
        "actions": [],
        "result_format": "SUMMARY",
    }


def _data_source(catalogue: Catalogue, suites: tuple[Suite, ...]) -> str:
    """The data frames that the stages give; JSON is YAML as well."""
    assets = {
        suite.name: {
            "type": "dataframe",
            "id": _id("asset", suite.name),
            "batch_metadata": {},
            "batch_definitions": {WHOLE: {"id": _id("batch", suite.name), "partitioner": None}},
        }
        for suite in suites
    }
    source = {
        "type": "spark",
        "id": _id("data_source", DATA_SOURCE),
        "assets": assets,
        "persist": False,
    }
    text = json.dumps({DATA_SOURCE: source}, ensure_ascii=False, indent=2, sort_keys=True)
    return f"data_context_id: {_id('project', catalogue.project)}\nfluent_datasources: {text}\n"
