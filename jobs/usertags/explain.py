"""Why a user carries a tag: its rule and the measures that the rule read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from usertags.config.rfm_columns import RFM_COLUMNS
from usertags.errors import UsageError
from usertags.project.lineage import Lineage, described
from usertags.project.model import Project, Tag
from usertags.published import RFM, TAG_CATALOGUE, USER_TAGS
from usertags.quality.register import Publication
from usertags.stages.runs import publication_of
from usertags.store.filters import rows_where
from usertags.store.lake import Lake
from usertags.store.schemas import IDENTITIES, USER_MEASURES
from usertags.store.tables import find_table


@dataclass(frozen=True)
class Explanation:
    """One tag of a user; of several values, all in their order with their shares. `set_by` says who set it
    and why. `inputs` are the values that its rule read; None where the rule has changed since, so that
    today's configuration cannot say which they were. `measures` says of those inputs that are measures what
    the number is, `made_of` which columns of the sources the tag is made of."""

    tag_id: str
    name: str
    value: str | None
    valid_from: date | None
    set_by: str | None
    definition: str
    inputs: Mapping[str, Any] | None
    measures: Mapping[str, str]
    made_of: str = ""


def explain(
    project: Project, lake: Lake, user: str, data_day: date, tag: str | None = None
) -> list[Explanation]:
    """All tags that a user carries on a published day; with `tag`, only that tag, carried or not.

    Raises UsageError if the day is not published, or if it has no such user or tag.
    """
    published = publication_of(lake, data_day)
    if published is None:
        raise UsageError(
            f"{data_day} is not published",
            next_step='`usertags query "select dt from publications order by dt"` lists the days',
        )
    measures = _measures(project, lake, published, user)
    user_id = measures["user_id"]
    values = measures | _one(lake, RFM.name, published, user_id, tuple(RFM_COLUMNS))
    defined = {row["tag_id"]: row for row in _rows(lake, TAG_CATALOGUE.name, published)}
    carried: dict[str, list[Mapping[str, Any]]] = {}
    for row in sorted(_rows(lake, USER_TAGS.name, published, user_id=user_id), key=lambda row: row["rank"]):
        carried.setdefault(row["tag_id"], []).append(row)
    if tag is not None and tag not in defined:
        raise UsageError(f"no tag {tag!r} on {data_day}", next_step="`usertags tags` lists them")
    if tag is not None and USER_TAGS.view in (defined[tag].get("kept_out_of") or ()):
        raise UsageError(
            f"tag {tag!r} is excluded from user_tags by its sensitivity and cannot be explained",
            next_step="ask the owner of the tag",
        )
    wanted = [tag] if tag else sorted(carried)
    lineage = Lineage(project)
    return [_explanation(lineage, defined[name], carried.get(name, []), values, data_day) for name in wanted]


def _explanation(
    lineage: Lineage,
    defined: Mapping[str, Any],
    carried: Sequence[Mapping[str, Any]],
    values: Mapping[str, Any],
    data_day: date,
) -> Explanation:
    project = lineage.project
    current = project.tags.get(defined["tag_id"])
    inputs: dict[str, Any] | None = None
    measures: dict[str, str] = {}
    made_of = ""
    if current is not None and current.definition_version == defined["definition_version"]:
        known = dict(values) | {"data_day": data_day}
        inputs = {name: _input(current, name, known) for name in current.inputs}
        measures = {name: project.measures[name].explained for name in inputs if name in project.measures}
        made_of = described(lineage.raw_columns_of(current))
    return Explanation(
        tag_id=defined["tag_id"],
        name=defined["name_zh"],
        value=", ".join(_value(row) for row in carried) or None,
        valid_from=carried[0]["valid_from"] if carried else None,
        set_by=_set_by(carried[0]) if carried else None,
        definition=defined["definition"],
        inputs=inputs,
        measures=measures,
        made_of=made_of,
    )


def _value(row: Mapping[str, Any]) -> str:
    return f"{row['tag_value']} ({row['share']:.0%})" if row["share"] is not None else str(row["tag_value"])


def _set_by(row: Mapping[str, Any]) -> str | None:
    if row["source"] != "explicit":
        return None
    until = f", until {row['valid_until']}" if row["valid_until"] else ""
    return f"{row['set_by']}: {row['reason'] or 'no reason given'}{until}"


def _input(tag: Tag, name: str, known: Mapping[str, Any]) -> Any:
    """A value that the rule reads, as far as it bears on the tag."""
    value = known.get(name.replace(".", "__"))
    if isinstance(value, list):
        # PyIceberg returns a map as a list of pairs.
        value = dict(value)
    for kind in tag.kinds:
        value = kind.explained(tag, name, value)
    return value


def _measures(project: Project, lake: Lake, published: Publication, user: str) -> dict[str, Any]:
    """The measures of the user, found by user_id or by any of the user's ids, with or without its kind."""
    kinds = sorted({kind for source in project.sources.values() for kind, _ in source.ids})
    for named in [user, *[f"{kind}:{user}" for kind in kinds]]:
        user_id = _user_of(lake, published, named)
        rows = _rows(lake, USER_MEASURES.name, published, user_id=user_id)
        if rows:
            return rows[0]
    raise UsageError(
        f"user not found on {published.data_day}",
        next_step='`usertags query "select user_id from user_profile_latest limit 5"` shows example ids',
    )


def _user_of(lake: Lake, published: Publication, named: str) -> str:
    """The user_id of the user who has an id, written `kind:id`; the id itself if it is not linked."""
    kind, _, bare = named.partition(":")
    if find_table(lake, IDENTITIES.name) is None:
        return named
    rows = _rows(lake, IDENTITIES.name, published, id_kind=kind, id=bare)
    return str(rows[0]["user_id"]) if rows else named


def _one(
    lake: Lake, table: str, published: Publication, user_id: str, columns: tuple[str, ...]
) -> dict[str, Any]:
    rows = _rows(lake, table, published, user_id=user_id)
    return {name: rows[0][name] for name in columns} if rows else {}


def _rows(lake: Lake, table: str, published: Publication, **equal: str) -> list[dict[str, Any]]:
    where = rows_where(dt=published.data_day, run_id=published.run_id, **equal)
    found: list[dict[str, Any]] = lake.catalog.load_table(table).scan(row_filter=where).to_arrow().to_pylist()
    return found
