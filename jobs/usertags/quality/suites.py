"""The suites of a configuration: the checks of each table in the order that a stage runs them.

The stages run these, and expectations/ shows the same to people.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from usertags.project.model import OwnCheck, Project, Source
from usertags.published import RFM, USER_PROFILE, USER_TAGS
from usertags.quality.checks import Check
from usertags.quality.clean_checks import declared_checks
from usertags.quality.kinds import CheckKind
from usertags.quality.tag_checks import (
    in_user_tags_alone,
    rfm_checks,
    user_profile_checks,
    user_tags_checks,
    user_tags_value_checks,
)

USER_TAGS_VALUES = f"{USER_TAGS.name}.values"


@dataclass(frozen=True)
class Suite:
    """The checks that Great Expectations runs on one frame; `name` is the table, or the table and a part."""

    name: str
    checks: tuple[Check, ...]


def clean_suite(project: Project, source: Source) -> Suite:
    """The suite of a batch of a source, own checks last."""
    table = f"clean.{source.name}"
    return _suite(project, table, [*declared_checks(source), *_own(project, table)])


def tag_suites(project: Project) -> tuple[Suite, ...]:
    """The suites of the audit; a check that needs the number of users has the parameter `population`."""
    suites = [
        _suite(project, USER_TAGS.name, [*user_tags_checks(), *_own(project, USER_TAGS.name)]),
        _suite(project, USER_TAGS_VALUES, user_tags_value_checks(in_user_tags_alone(project))),
        _suite(
            project,
            USER_PROFILE.name,
            [*user_profile_checks(project), *_own(project, USER_PROFILE.name)],
        ),
        _suite(project, RFM.name, [*rfm_checks(project), *_own(project, RFM.name)]),
    ]
    return tuple(suite for suite in suites if suite.checks)


def all_suites(project: Project) -> tuple[Suite, ...]:
    """The suites of all tables: those of the clean stage by source, then those of the audit."""
    return (
        *(clean_suite(project, source) for source in project.sources.values()),
        *tag_suites(project),
    )


def _own(project: Project, table: str) -> list[Check]:
    return [_own_check(check) for check in project.own_checks_of(table)]


def _own_check(check: OwnCheck) -> Check:
    return Check(
        check.table,
        CheckKind.OWN,
        check.expectation,
        check.arguments,
        check.severity,
        check.owner,
        check.action,
        subject=check.id,
    )


def _suite(project: Project, name: str, checks: Sequence[Check]) -> Suite:
    owner = project.quality.owner
    return Suite(name, tuple(replace(check, owner=check.owner or owner) for check in _numbered(checks)))


def _numbered(checks: Iterable[Check]) -> Iterable[Check]:
    """Checks of the same kind on one column get numbered ids, in the order of declaration."""
    seen: Counter[str] = Counter()
    for check in checks:
        seen[check.check_id] += 1
        yield replace(check, number=seen[check.check_id])
