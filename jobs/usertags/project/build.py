"""Builds a compiled project from a configuration folder, or reports all its problems."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any

from usertags.config.validation import close, timezones
from usertags.errors import ConfigError
from usertags.project.equivalent_rules import same_rules
from usertags.project.explicit import explicit_measures
from usertags.project.identity import build_identity, check_ids
from usertags.project.loader import Located, Settings, load
from usertags.project.measures import build_measure
from usertags.project.model import DerivedColumns, Identity, Measure, Percentiles, Project, Source, Tag
from usertags.project.own_checks import build_own_checks
from usertags.project.percentiles import build_percentile, percentile_version
from usertags.project.project_entry import ProjectEntry
from usertags.project.references import in_order
from usertags.project.rfm import build_rfm
from usertags.project.sources import build_source
from usertags.project.tags import Inputs, build_tag
from usertags.project.units import check_units
from usertags.project.versions import version_of

ROOT = Path(__file__).resolve().parents[3]


def load_project(folder: Path) -> Project:
    """Load and check a configuration folder.

    Raises ConfigError with all problems of all files, each with its line.
    """
    settings = load(folder)
    project = build_project(settings)
    if project is None or settings.problems:
        raise ConfigError(settings.problems)
    return project


def build_project(settings: Settings) -> Project | None:
    """Build all that can be built, and report what cannot (`settings.problems`). None without a entry."""
    _check_connections(settings)
    if settings.project is not None:
        _check_project(settings.project, settings)
    sources = _sources(settings)
    identity = build_identity(settings, sources)
    check_ids(settings, sources)
    measures = _measures(settings, sources)
    check_units(settings, measures)
    versions = _measure_versions(settings, sources, measures)
    derived = _derived(settings, measures, versions)
    inputs = _inputs(settings, sources, measures, versions, derived)
    _check_flat_names(settings, inputs)
    tags = _tags(settings, inputs)
    _check_exclusive(settings)
    own_checks = build_own_checks(settings, sources, tags)
    if settings.project is None:
        return None
    entry = settings.project.entry
    state = Path(entry.state)
    return Project(
        folder=settings.folder,
        name=entry.project,
        timezone=entry.timezone,
        currency=entry.currency,
        state=state if state.is_absolute() else ROOT / state,
        lake=entry.lake,
        connections={name: item.entry for name, item in settings.connections.items()},
        spark=settings.spark,
        sources=sources,
        measures=measures,
        derived=derived,
        tags=tags,
        identity=identity,
        levels=dict(settings.levels),
        exclusive=frozenset(settings.exclusive),
        quality=entry.quality,
        retention=entry.retention,
        own_checks=own_checks,
        alerts=entry.alerts,
        version=version_of(
            [
                inputs.versions,
                {name: tag.definition_version for name, tag in tags.items()},
                *_identity_version(identity, sources, entry.timezone),
                *([kept_out] if (kept_out := _kept_out(tags)) else []),
            ]
        ),
    )


def _identity_version(identity: Identity | None, sources: dict[str, Source], timezone: str) -> list[object]:
    """The definition of identities; empty if ids are not linked."""
    if identity is None:
        return []
    links = [source for source in sources.values() if source.kind == "links"]
    joined = [_source_version(source, frozenset(), timezone) for source in links]
    return [sorted(identity.limits.items()), sorted(identity.block), joined]


def _check_project(located: Located[ProjectEntry], settings: Settings) -> None:
    entry = located.entry
    if entry.timezone not in timezones():
        hint = close(entry.timezone, timezones())
        located.report(f"{entry.timezone!r} is not a time zone", "timezone", suggestion=hint)
    lake = settings.connections.get(entry.lake)
    if lake is not None and lake.entry.kind != "lake":
        message = f"connection {entry.lake!r} is of kind {lake.entry.kind}, not lake"
        located.report(message, "lake")
    elif lake is None and not settings.broken.has("connections", entry.lake):
        hint = close(entry.lake, settings.connections)
        located.report(f"unknown connection {entry.lake!r}", "lake", suggestion=hint)
    if not settings.sources and not settings.broken.any_of("sources"):
        located.report("no sources/*.yml found in the folder")


def _check_connections(settings: Settings) -> None:
    """The store of a files connection must be the lake connection with its endpoint and keys."""
    lakes = {name for name, item in settings.connections.items() if item.entry.kind == "lake"}
    for located in settings.connections.values():
        store = getattr(located.entry, "store", None)
        if store is None or store in lakes or settings.broken.has("connections", store):
            continue
        located.report(
            f"`store` must name a connection of kind lake, not {store!r}",
            "store",
            suggestion=close(store, lakes),
        )


def _sources(settings: Settings) -> dict[str, Source]:
    built = {name: build_source(located, settings) for name, located in settings.sources.items()}
    return {name: source for name, source in built.items() if source is not None}


def _measures(settings: Settings, sources: dict[str, Source]) -> dict[str, Measure]:
    built = {
        name: build_measure(name, located, sources, settings) for name, located in settings.measures.items()
    }
    found = {name: measure for name, measure in built.items() if measure is not None}
    for name, measure in explicit_measures(sources).items():
        if name in settings.measures:
            message = (
                f"{name!r} is reserved for the tags set manually in {measure.source}: choose another name"
            )
            settings.measures[name].report(message)
        found[name] = measure
    return found


def _measure_versions(
    settings: Settings, sources: dict[str, Source], measures: dict[str, Measure]
) -> dict[str, object]:
    """What each measure is made of."""
    timezone = _timezone(settings)
    return {
        measure.id: [
            measure.function,
            measure.type,
            measure.window,
            measure.offset,
            *([astuple(measure.calendar)] if measure.calendar else []),
            *([measure.by, measure.half_life] if measure.by else []),
            [partial.id for partial in measure.partials],
            _source_version(sources[measure.source], measure.uses, timezone),
        ]
        for measure in measures.values()
    }


def _timezone(settings: Settings) -> str:
    return settings.project.entry.timezone if settings.project else ""


def _derived(
    settings: Settings,
    measures: dict[str, Measure],
    versions: dict[str, object],
) -> tuple[DerivedColumns, ...]:
    """The columns that are made of the measures of all users. `versions` says what each measure is."""
    built = {
        name: build_percentile(name, located, measures, settings)
        for name, located in settings.percentiles.items()
    }
    percentiles = {name: percentile for name, percentile in built.items() if percentile is not None}
    found: list[DerivedColumns] = []
    if percentiles:
        made_of = {name: percentile_version(item, versions) for name, item in percentiles.items()}
        found.append(Percentiles(percentiles, made_of))
    if settings.project is not None and settings.project.entry.rfm is not None:
        entry = settings.project.entry.rfm
        rfm = build_rfm(entry, settings.project, measures, versions, settings)
        found += [rfm] if rfm is not None else []
    return tuple(found)


def _inputs(
    settings: Settings,
    sources: dict[str, Source],
    measures: dict[str, Measure],
    measure_versions: dict[str, object],
    derived: tuple[DerivedColumns, ...],
) -> Inputs:
    """The names that tags can use, and what they are made of. Columns that stand in a table of their own are
    for one kind of tag alone, which adds their types."""
    timezone = _timezone(settings)
    types = {measure.id: measure.type for measure in measures.values() if measure.by is None}
    versions = dict(measure_versions)
    for item in derived:
        types |= item.columns if item.table is None else {}
        versions |= item.versions
    types |= {"data_day": "date", "user_id": "string"}
    for source in sources.values():
        for column in source.kept_columns if source.kind == "profile" else ():
            name = f"{source.name}.{column.name}"
            types[name] = column.type
            versions[name] = [name, _source_version(source, frozenset({column.name}), timezone)]
    broken = settings.broken.plus("sources", settings.sources.keys() - sources.keys())
    names = {name for item in derived for name in item.columns}
    unbuilt = (settings.measures.keys() - measures.keys()) | (settings.percentiles.keys() - names)
    return Inputs(types, versions, broken.plus("measures", unbuilt), sources, measures)


def _source_version(source: Source, uses: frozenset[str], timezone: str) -> str:
    """What a value that reads the columns `uses` depends on: these columns, the rules for kept rows, and the
    user column."""
    columns = [
        (column.name, column.type, column.tree, *column.reading, column.pii, *filter(None, [column.form]))
        for column in source.columns
        if column.name in uses | source.deciding
    ]
    rows: list[object] = [source.key, source.version, source.repeats, source.time, source.reject]
    rows += [source.order_by] if source.order_by else []
    ids = source.ids if source.kind == "links" else (source.id_kind, source.user)
    return version_of([timezone, columns, rows, *ids])


def _check_flat_names(settings: Settings, inputs: Inputs) -> None:
    """`source.column` becomes the flat column source__column next to the measures."""
    if "tags" in settings.sources:
        settings.sources["tags"].report("`tags` is reserved for references to tags: choose another name")
    flat = {name.replace(".", "__"): name for name in inputs.types if "." in name}
    named: dict[str, Located[Any]] = {**settings.measures, **settings.percentiles}
    for name in flat.keys() & named.keys():
        message = f"{name!r} is the column name of {flat[name]} in tables: choose another name"
        named[name].report(message)


def _tags(settings: Settings, inputs: Inputs) -> dict[str, Tag]:
    _check_names_once(settings)
    inputs = replace(inputs, broken=inputs.broken.plus("tags", settings.tags.keys()))
    built: dict[str, Tag] = {}
    for name in in_order(settings.tags):
        tag = build_tag(name, settings.tags[name], inputs, built, settings)
        if tag is not None:
            built[name] = tag
    tags = {name: built[name] for name in settings.tags if name in built}
    for tag, other in same_rules(tags.values()):
        message = f"{tag.id} has the same rule as {other.id!r} ({other.name}): one of the two is enough"
        settings.tags[tag.id].report(message)
    return tags


def _kept_out(tags: Mapping[str, Tag]) -> dict[str, list[str]]:
    """The tags excluded from the tables of a run."""
    return {name: sorted(tag.kept_out_of) for name, tag in tags.items() if tag.kept_out_of}


def _check_names_once(settings: Settings) -> None:
    names = Counter(located.entry.name for located in settings.tags.values())
    for located in settings.tags.values():
        if names[located.entry.name] > 1:
            located.report(f"duplicate tag name {located.entry.name!r}", "name")


def _check_exclusive(settings: Settings) -> None:
    paths = {"/".join(located.entry.path) for located in settings.tags.values()}
    for path, located in settings.exclusive.items():
        if path not in paths and not settings.broken.any_of("tags"):
            message = f"`exclusive` names an unknown path: {path!r}"
            located.report(message, suggestion=close(path, paths))
