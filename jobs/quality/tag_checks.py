"""The checks of a run's tag tables before anybody reads them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.catalogue.model import Catalogue, Tag, visible
from jobs.quality.checks import Check, CheckResult, columns_check, compact

_OWNER = "data engineering"
_DEFECT = "the published table would be wrong: report it, this is a defect of the pipeline"


_POPULATION = {"$PARAMETER": "population"}


def _has_rows(table: str) -> Check:
    return Check(
        table,
        "rows were checked",
        "ExpectTableRowCountToBeBetween",
        {"min_value": 1},
        "critical",
        _OWNER,
        "a check of no row says nothing: see what the tag stage wrote, and whether the sources hold anybody",
    )


def user_tags_checks() -> list[Check]:
    table = "tags.user_tags"
    not_null = [
        Check(
            table,
            f"{name} is never empty",
            "ExpectColumnValuesToNotBeNull",
            {"column": name},
            "critical",
            _OWNER,
            _DEFECT,
        )
        for name in ("user_id", "tag_id", "tag_value", "valid_from", "definition_version")
    ]
    unique = Check(
        table,
        "one row a user, tag and rank",
        "ExpectCompoundColumnsToBeUnique",
        {"column_list": ["user_id", "tag_id", "rank"]},
        "critical",
        _OWNER,
        _DEFECT,
    )
    return [_has_rows(table), *not_null, unique]


def user_profile_checks(catalogue: Catalogue) -> list[Check]:
    """The values that a tag lists, one row a user, and nobody lost."""
    table = "tags.user_profile"
    shown = visible(catalogue.published_tags(), "user_profile")
    checks = [
        columns_check(table, ["user_id", *(tag.id for tag in shown)]),
        _has_rows(table),
        Check(
            table,
            "one row a user",
            "ExpectColumnValuesToBeUnique",
            {"column": "user_id"},
            "critical",
            _OWNER,
            _DEFECT,
        ),
        Check(
            table,
            "every user of the population",
            "ExpectTableRowCountToEqual",
            {"value": _POPULATION},
            "critical",
            _OWNER,
            _DEFECT,
        ),
    ]
    return checks + [_value_check(table, tag) for tag in shown if tag.values and not tag.multiple]


def in_user_tags_alone(catalogue: Catalogue) -> list[Tag]:
    """The tags with listed values that user_profile, where values are checked, does not show whole: a
    sensitivity keeps them out, or there are several values."""
    tags = visible(catalogue.published_tags(), "user_tags")
    return [tag for tag in tags if tag.values and (tag.multiple or "user_profile" in tag.kept_out_of)]


def as_profile(user_tags: DataFrame, tags: Sequence[Tag]) -> DataFrame:
    """Grain: user, tag, rank. In: `user_tags`. Out: user_id, and a column a tag, with its value where the
    row is of it."""
    value = F.col("tag_value")
    return user_tags.select(
        "user_id", *[F.when(F.col("tag_id") == F.lit(tag.id), value).alias(tag.id) for tag in tags]
    )


def user_tags_value_checks(tags: Sequence[Tag]) -> list[Check]:
    return [_value_check("tags.user_tags", tag, as_text=True) for tag in tags]


def _value_check(table: str, tag: Tag, *, as_text: bool = False) -> Check:
    values: list[object] = [_as_text(value) if as_text else value for value in tag.values or ()]
    return Check(
        table,
        f"{tag.id} in its values",
        "ExpectColumnValuesToBeInSet",
        {"column": tag.id, "value_set": values},
        "critical",
        tag.owner,
        f"a value came up that tag {tag.id} does not list: add it to `values`, or correct the source",
    )


def _as_text(value: object) -> str:
    """A value as `tag_value` shows it."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def rfm_checks(catalogue: Catalogue) -> list[Check]:
    if catalogue.rfm is None:
        return []
    table = "tags.rfm"
    return [
        _has_rows(table),
        Check(
            table,
            "every user of the population",
            "ExpectTableRowCountToEqual",
            {"value": _POPULATION},
            "critical",
            _OWNER,
            _DEFECT,
        ),
        Check(
            table,
            "segment is given",
            "ExpectColumnValuesToNotBeNull",
            {"column": "segment"},
            "critical",
            _OWNER,
            _DEFECT,
        ),
    ]


def tied_edges(rows: Sequence[Mapping[str, object]]) -> list[CheckResult]:
    """A warning for each dimension of which two score edges are equal: some score is given to nobody."""
    results = []
    for row in rows:
        edges = list(row["edges"])  # type: ignore[call-overload]
        results.append(
            CheckResult(
                table="tags.rfm_thresholds",
                name=f"edges of {row['dimension']} differ",
                severity="warning",
                success=len(set(edges)) == len(edges),
                observed=compact(edges),
                bounds="rising",
                owner=_OWNER,
                action="too many users share one value for five scores: read the scores of this dimension "
                "with care, or configure fixed edges",
            )
        )
    return results


def refused_links(refused: Mapping[str, int]) -> CheckResult:
    """A warning when links were refused because a person would have had more ids than the limits allow.
    `refused` counts all by reason: blocked and shared ids are refused every day, as configured."""
    count = sum(refused.values())
    beyond = refused.get("limit", 0) + refused.get("tangled", 0)
    reasons = ", ".join(f"{reason} {number}" for reason, number in sorted(refused.items()))
    return CheckResult(
        table="ops.refused_links",
        name="no link takes a person beyond the limits",
        severity="warning",
        success=beyond == 0,
        observed=f"{count} links refused{f' ({reasons})' if reasons else ''}",
        bounds="none by limit or tangled",
        owner=_OWNER,
        action="see ops.refused_links: block an id that people share, correct a wrong link at the source, or "
        "raise the limits under `identity` in project.yml",
        failing=beyond,
    )


def exclusive_paths(profile: DataFrame, catalogue: Catalogue) -> list[CheckResult]:
    """Of each exclusive path, every user carries exactly one tag. One pass over the profile."""
    by_path: dict[str, list[str]] = defaultdict(list)
    for tag in catalogue.published_tags():
        if "/".join(tag.path) in catalogue.exclusive:
            by_path["/".join(tag.path)].append(tag.id)
    if not by_path:
        return []
    paths = sorted(by_path)
    wrong = [
        F.count_if(sum((F.col(name).isNotNull().cast("int") for name in by_path[path]), F.lit(0)) != 1)
        for path in paths
    ]
    row = profile.agg(F.count("*"), *wrong).collect()[0]
    slugs = {path: "_".join(catalogue.levels[level] for level in path.split("/")) for path in paths}
    return [_exclusive_result(path, slugs[path], row[0], row[index + 1]) for index, path in enumerate(paths)]


def _exclusive_result(path: str, slug: str, rows: int, failing: int) -> CheckResult:
    return CheckResult(
        table="tags.user_profile",
        name=f"exactly one tag of {path}",
        severity="critical",
        success=failing == 0,
        observed=f"{failing} users with none or several",
        bounds="0",
        owner=_OWNER,
        action=f"the rules of {path} overlap or leave a gap: correct them so that each user meets one",
        rows=rows,
        failing=failing,
        slug=f"exclusive_{slug}",
    )
