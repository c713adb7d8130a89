"""From a configuration folder to a catalogue that can run, or to every problem that stands in its way."""

from collections import Counter
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from zoneinfo import available_timezones

from jobs.catalogue.measures import build_measure
from jobs.catalogue.model import RFM_COLUMNS, Catalogue, Measure, Rfm, Source, Tag
from jobs.catalogue.sources import build_source
from jobs.catalogue.tags import build_rfm, build_tag
from jobs.catalogue.versions import version_of
from jobs.config.loader import Settings, load
from jobs.errors import ConfigError, ConfigProblem

ROOT = Path(__file__).resolve().parents[2]


def load_catalogue(folder: Path) -> Catalogue:
    """Load and check a configuration folder.

    Raises ConfigError with all problems of all files, each with its line.
    """
    settings, problems = load(folder)
    problems = list(problems)
    catalogue = build_catalogue(settings, problems)
    if problems:
        raise ConfigError(problems)
    return catalogue


def build_catalogue(settings: Settings, problems: list[ConfigProblem]) -> Catalogue:
    """Build all that can be built; what cannot is added to `problems`."""
    _check_project(settings, problems)
    sources = _sources(settings, problems)
    measures = _measures(settings, sources, problems)
    project = settings.project.entry
    rfm = None
    if project.rfm is not None:
        rfm = build_rfm(project.rfm, settings.project, measures, settings, problems)  # type: ignore[arg-type]
    inputs, versions = _inputs(sources, measures, rfm)
    tags = _tags(settings, inputs, versions, problems)
    _check_exclusive(settings, tags, problems)
    state = Path(project.state)
    return Catalogue(
        folder=settings.folder,
        project=project.project,
        timezone=project.timezone,
        currency=project.currency,
        state=state if state.is_absolute() else ROOT / state,
        lake=project.lake,
        connections={name: item.entry for name, item in settings.connections.items()},
        spark=settings.spark,
        sources=sources,
        measures=measures,
        tags=tags,
        rfm=rfm,
        levels=dict(settings.levels),
        exclusive=settings.exclusive,
        version=version_of(
            [project.timezone, versions, {name: tag.definition_version for name, tag in tags.items()}]
        ),
    )


def _check_project(settings: Settings, problems: list[ConfigProblem]) -> None:
    project = settings.project.entry
    if project.timezone not in available_timezones():
        hint = get_close_matches(project.timezone, sorted(available_timezones()), n=1)
        problems.append(
            settings.project.problem(
                f"{project.timezone!r} is no time zone", "timezone", suggestion=hint[0] if hint else None
            )
        )
    lake = settings.connections.get(project.lake)
    if lake is None and project.lake not in settings.broken:
        problems.append(settings.project.problem(f"no connection {project.lake!r}", "lake"))
    elif lake is not None and lake.entry.kind != "lake":
        problems.append(settings.project.problem(f"connection {project.lake!r} is no lake", "lake"))
    if not settings.sources and not settings.broken:
        problems.append(settings.project.problem("the folder has no sources/*.yml"))
    for name, connection in settings.connections.items():
        store = getattr(connection.entry, "store", None)
        if store is not None and store not in settings.connections:
            problems.append(connection.problem(f"connection {name!r} names no lake: {store!r}", "store"))


def _sources(settings: Settings, problems: list[ConfigProblem]) -> dict[str, Source]:
    built = {name: build_source(located, settings, problems) for name, located in settings.sources.items()}
    return {name: source for name, source in built.items() if source is not None}


def _measures(
    settings: Settings, sources: dict[str, Source], problems: list[ConfigProblem]
) -> dict[str, Measure]:
    built = {
        name: build_measure(name, located, sources, settings, problems)
        for name, located in settings.measures.items()
    }
    return {name: measure for name, measure in built.items() if measure is not None}


def _inputs(
    sources: dict[str, Source], measures: dict[str, Measure], rfm: Rfm | None
) -> tuple[dict[str, str], dict[str, object]]:
    """The names that tags can use: their types, and what each is made of."""
    inputs = {measure.id: measure.type for measure in measures.values()} | {"data_day": "date"}
    versions: dict[str, object] = {
        measure.id: [
            measure.function,
            measure.type,
            measure.window,
            measure.offset,
            [partial.id for partial in measure.partials],
            _source_version(sources[measure.source], measure.uses),
        ]
        for measure in measures.values()
    }
    for source in sources.values():
        if source.kind != "profile":
            continue
        for column in source.kept_columns:
            name = f"{source.name}.{column.name}"
            inputs[name] = column.type
            versions[name] = [column.sql, column.type, _source_version(source, frozenset({column.name}))]
    if rfm is not None:
        versions |= dict.fromkeys(RFM_COLUMNS, rfm.version)
    return inputs, versions


def _source_version(source: Source, uses: frozenset[str]) -> str:
    """What a value that reads the columns `uses` depends on: those columns and which rows are kept."""
    columns = [(c.name, c.type, c.sql, c.timezone, c.format) for c in source.columns if c.name in uses]
    return version_of([columns, source.key, source.version, source.repeats, source.time, source.reject])


def _tags(
    settings: Settings,
    inputs: Mapping[str, str],
    versions: Mapping[str, object],
    problems: list[ConfigProblem],
) -> dict[str, Tag]:
    _check_names_once(settings, problems)
    built = {
        name: build_tag(name, located, inputs, versions, settings, problems)
        for name, located in settings.tags.items()
    }
    tags = {name: tag for name, tag in built.items() if tag is not None}
    for name, tag in tags.items():
        if tag.kind == "rfm" and settings.project.entry.rfm is None:
            problems.append(settings.tags[name].problem("an rfm tag needs `rfm` in project.yml", "kind"))
    return tags


def _check_names_once(settings: Settings, problems: list[ConfigProblem]) -> None:
    names = Counter(located.entry.name for located in settings.tags.values())
    for located in settings.tags.values():
        if names[located.entry.name] > 1:
            problems.append(located.problem(f"another tag is called {located.entry.name!r} as well", "name"))


def _check_exclusive(settings: Settings, tags: dict[str, Tag], problems: list[ConfigProblem]) -> None:
    paths = {"/".join(tag.path) for tag in tags.values()}
    for path in settings.exclusive - paths:
        if not settings.broken:
            hint = get_close_matches(path, sorted(paths), n=1)
            problems.append(
                settings.project.problem(
                    f"`exclusive` names no path of a tag: {path!r}", suggestion=hint[0] if hint else None
                )
            )
