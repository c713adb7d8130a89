"""Checks and bounds that cannot hold, or that name what is not there, are problems with their line."""

from pathlib import Path

import pytest

from tests.support.folders import ORDERS, PROJECT_YML, TAGS, Folder

OWN = "checks/own.yml"
GOOD = """\
checks:
  paid_amounts:
    table: clean.orders
    expectation: ExpectColumnMeanToBeBetween
    arguments: {column: amount, min_value: 1}
    severity: warning
    owner: finance
    action: ask finance
"""


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder.small(tmp_path)


def test_a_check_of_ones_own_is_taken_in(folder: Folder) -> None:
    folder.write(OWN, GOOD)
    (check,) = folder.project().own_checks_of("clean.orders")
    assert (check.id, check.expectation, check.severity) == (
        "paid_amounts",
        "ExpectColumnMeanToBeBetween",
        "warning",
    )


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        (
            "clean.orders",
            "clean.order",
            3,
            "table 'clean.order' cannot be checked (did you mean clean.orders?)",
        ),
        (
            "ExpectColumnMeanToBeBetween",
            "ExpectColumnMeanToBe",
            4,
            "unknown expectation 'ExpectColumnMeanToBe' (did you mean ExpectColumnMeanToBeBetween?)",
        ),
        (
            "column: amount",
            "column: amounts",
            5,
            "clean.orders has no column 'amounts' (did you mean amount?)",
        ),
        (
            "severity: warning",
            "severity: warn",
            6,
            "paid_amounts.severity: must be 'critical', 'warning' or 'info' (did you mean warning?)",
        ),
    ],
)
def test_a_check_that_names_what_is_not_there(
    folder: Folder, old: str, new: str, line: int, message: str
) -> None:
    folder.write(OWN, GOOD.replace(old, new))
    assert folder.problems() == [f"{OWN}:{line}: {message}"]


@pytest.mark.parametrize(
    ("file", "old", "new", "at", "message"),
    [
        (
            ORDERS,
            "    between: [0, 20000]\n",
            "    references: user.customer\n",
            "references",
            "unknown source 'user' (did you mean users?)",
        ),
        (
            ORDERS,
            "    between: [0, 20000]\n",
            "    references: users.customr\n",
            "references",
            "users has no column 'customr' (did you mean customer?)",
        ),
        (
            ORDERS,
            "  - column: amount\n    between: [0, 20000]\n",
            "  - column: amount\n    between: [0, 20000]\n    fresh_within: 2h\n",
            "column",
            "checks.0: needs exactly one of "
            "not_null, between, in_set, matches, references, rows, fresh_within",
        ),
        (
            ORDERS,
            "time: ordered_at\n",
            "time: ordered_at\ncompare: {fall: {warning: 0.5, critical: 0.2}}\n",
            "compare",
            "compare.fall: `warning` must not be greater than `critical`",
        ),
        (
            TAGS,
            "    cases:\n      - value: large",
            "    coverage: {min: 0.5, max: 0.1}\n    cases:\n      - value: large",
            "coverage",
            "size.coverage: `min` must not be greater than `max`",
        ),
        (
            PROJECT_YML,
            "lake: lake\n",
            "lake: lake\nquality: {weeks: 0}\n",
            "quality",
            "quality.weeks: must be greater than or equal to 1",
        ),
    ],
)
def test_a_bound_or_reference_that_cannot_hold(
    folder: Folder, file: str, old: str, new: str, at: str, message: str
) -> None:
    line = folder.replace(file, old, new, at)
    assert [text.split(": ", 1) for text in folder.problems()] == [[f"{file}:{line}", message]]


def test_bounds_of_a_source_and_of_a_tag_stand_beside_those_of_the_project(folder: Folder) -> None:
    folder.replace(
        PROJECT_YML,
        "lake: lake\n",
        "lake: lake\nquality: {batches: {scale: {warning: 3}}, tags: {values: {critical: 1}}}\n",
    )
    folder.replace(ORDERS, "time: ordered_at\n", "time: ordered_at\ncompare: {fall: {critical: 0.9}}\n")
    folder.replace(
        TAGS, "    cases:\n      - value: large", "    drift: off\n    cases:\n      - value: large"
    )
    project = folder.project()
    compare = project.sources["orders"].compare
    assert compare is not None
    assert (compare.fall.warning, compare.fall.critical) == (None, 0.9)
    assert (compare.scale.warning, compare.scale.critical) == (3, None)
    assert (compare.empty.warning, compare.empty.critical) == (0.15, 0.3)
    drift = project.tags["important"].drift
    assert drift is not None
    assert (drift.values.critical, drift.coverage.critical) == (1, 0.25)
    assert project.tags["size"].drift is None
