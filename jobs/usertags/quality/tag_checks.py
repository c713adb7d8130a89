"""The checks of a run's tag tables before publication."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from usertags.project.model import Project, Tag, visible
from usertags.published import RFM, RFM_THRESHOLDS, USER_PROFILE, USER_TAGS
from usertags.quality.checks import Check, CheckResult, columns_check, result_of
from usertags.quality.kinds import CheckKind
from usertags.transform.rfm import DIMENSIONS, SCORES

_POPULATION = {"$PARAMETER": "population"}


def _has_rows(table: str) -> Check:
    rows = {"min_value": 1}
    return Check(table, CheckKind.ROWS_CHECKED, "ExpectTableRowCountToBeBetween", rows, "critical")


def _everybody(table: str) -> Check:
    users = {"value": _POPULATION}
    return Check(table, CheckKind.POPULATION, "ExpectTableRowCountToEqual", users, "critical")


def user_tags_checks() -> list[Check]:
    """Rows in `user_tags`, no empty columns of its key and value, and one row per user, tag and rank."""
    table = USER_TAGS.name
    not_null = [
        Check(table, CheckKind.NEVER_EMPTY, "ExpectColumnValuesToNotBeNull", {"column": name}, "critical")
        for name in ("user_id", "tag_id", "tag_value", "valid_from", "definition_version")
    ]
    key = {"column_list": ["user_id", "tag_id", "rank"]}
    unique = Check(table, CheckKind.ONE_ROW_PER_RANK, "ExpectCompoundColumnsToBeUnique", key, "critical")
    return [_has_rows(table), *not_null, unique]


def user_profile_checks(project: Project) -> list[Check]:
    """The listed values of tags, one row per user, and no missing users."""
    table = USER_PROFILE.name
    shown = visible(project.published_tags(), USER_PROFILE.view)
    user = {"column": "user_id"}
    checks = [
        columns_check(table, ["user_id", *(tag.id for tag in shown)]),
        _has_rows(table),
        Check(table, CheckKind.ONE_ROW_PER_USER, "ExpectColumnValuesToBeUnique", user, "critical"),
        _everybody(table),
    ]
    return checks + [_value_check(table, tag) for tag in shown if tag.values and not tag.main.several]


def in_user_tags_alone(project: Project) -> list[Tag]:
    """The tags with listed values that are not completely contained in user_profile, where values are
    checked: a sensitivity excludes them, or they have several values."""
    tags = visible(project.published_tags(), USER_TAGS.view)
    return [tag for tag in tags if tag.values and (tag.main.several or USER_PROFILE.view in tag.kept_out_of)]


def as_profile(user_tags: DataFrame, tags: Sequence[Tag]) -> DataFrame:
    """Grain: user, tag, rank. In: `user_tags`. Out: user_id, and one column per tag, with its value if the
    row belongs to the tag."""
    value = F.col("tag_value")
    return user_tags.select(
        "user_id", *[F.when(F.col("tag_id") == F.lit(tag.id), value).alias(tag.id) for tag in tags]
    )


def user_tags_value_checks(tags: Sequence[Tag]) -> list[Check]:
    """The listed values of tags on the rows of `as_profile`, as texts."""
    return [_value_check(USER_TAGS.name, tag, as_text=True) for tag in tags]


def _value_check(table: str, tag: Tag, *, as_text: bool = False) -> Check:
    values: list[object] = [_as_text(value) if as_text else value for value in tag.values or ()]
    listed = {"column": tag.id, "value_set": values}
    return Check(
        table, CheckKind.IN_VALUES, "ExpectColumnValuesToBeInSet", listed, "critical", owner=tag.owner
    )


def _as_text(value: object) -> str:
    """A value as shown in `tag_value`."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def rfm_checks(project: Project) -> list[Check]:
    """One row per user in `rfm`, each with a segment; no checks for a project without RFM."""
    if project.rfm is None:
        return []
    table, segment = RFM.name, {"column": "segment"}
    return [
        _has_rows(table),
        _everybody(table),
        Check(table, CheckKind.GIVEN, "ExpectColumnValuesToNotBeNull", segment, "critical"),
    ]


def tied_edges(rows: Sequence[Mapping[str, object]]) -> list[CheckResult]:
    """A warning for each dimension with equal score edges: some score is not assigned to any user. In: rows
    of `rfm_thresholds` (dimension, edges)."""
    results = []
    for row in rows:
        edges = list(row["edges"])  # type: ignore[call-overload]
        equal = len(edges) - len(set(edges))
        results.append(
            result_of(
                CheckKind.EDGES,
                RFM_THRESHOLDS.name,
                "warning",
                success=not equal,
                subject=str(row["dimension"]),
                value=equal,
                high=0,
                unit="edges",
                details={"edges": edges},
            )
        )
    return results


def spread_scores(scored: DataFrame, scoring: str) -> list[CheckResult]:
    """With quantiles a warning for each dimension with a score that nobody has, or that more than half of the
    population have: it names these scores. Grain of the input: user. In: `rfm` of the run, and how it was
    scored. No results for other scorings, whose edges are meant as they are, and without a population. One
    pass, which collects one row."""
    if scoring != "quantile":
        return []
    columns = {dimension: f"{dimension[0]}_score" for dimension in DIMENSIONS}
    counts = [
        F.count_if(F.col(column) == score).alias(f"{dimension}_{score}")
        for dimension, column in columns.items()
        for score in SCORES
    ]
    row = scored.agg(F.count("octant").alias("population"), *counts).collect()[0].asDict()
    if not row["population"]:
        return []
    return [
        _spread(dimension, {score: row[f"{dimension}_{score}"] for score in SCORES}, row["population"])
        for dimension in columns
    ]


def _spread(dimension: str, users: Mapping[int, int], population: int) -> CheckResult:
    named = {
        "empty": [score for score, count in users.items() if count == 0],
        "most": [score for score, count in users.items() if 2 * count > population],
    }
    wrong = sum(map(len, named.values()))
    return result_of(
        CheckKind.SCORES,
        RFM.name,
        "warning",
        success=not wrong,
        subject=dimension,
        value=wrong,
        high=0,
        unit="number",
        details={name: scores for name, scores in named.items() if scores},
    )


def refused_links(refused: Mapping[str, int]) -> CheckResult:
    """A warning if links were refused because a person would have had more ids than the limits allow.
    `refused` has all counts by reason: blocked and shared ids are refused every day, as configured."""
    over_limit = refused.get("limit", 0) + refused.get("tangled", 0)
    return result_of(
        CheckKind.LINKS,
        "ops.refused_links",
        "warning",
        success=over_limit == 0,
        value=sum(refused.values()),
        unit="links",
        unexpected=over_limit,
        details={"reasons": dict(sorted(refused.items()))},
    )


def exclusive_paths(profile: DataFrame, project: Project) -> list[CheckResult]:
    """Every user carries exactly one tag of each exclusive path. Grain of the input: user. In: `user_profile`
    of the run. Out: one critical result per path; its value is the share of the users with none or several.
    One pass over the profile, which collects one row."""
    by_path: dict[str, list[str]] = defaultdict(list)
    for tag in project.published_tags():
        if "/".join(tag.path) in project.exclusive:
            by_path["/".join(tag.path)].append(tag.id)
    if not by_path:
        return []
    paths = sorted(by_path)
    wrong = [
        F.count_if(sum((F.col(name).isNotNull().cast("int") for name in by_path[path]), F.lit(0)) != 1)
        for path in paths
    ]
    row = profile.agg(F.count("*"), *wrong).collect()[0]
    levels = {path: "_".join(project.levels[level] for level in path.split("/")) for path in paths}
    return [_exclusive_result(path, levels[path], row[0], row[index + 1]) for index, path in enumerate(paths)]


def _exclusive_result(path: str, levels: str, rows: int, wrong: int) -> CheckResult:
    return result_of(
        CheckKind.EXCLUSIVE,
        USER_PROFILE.name,
        "critical",
        success=wrong == 0,
        subject=levels,
        value=wrong / rows if rows else 0.0,
        unit="share",
        rows=rows,
        unexpected=wrong,
        details={"path": path},
    )
