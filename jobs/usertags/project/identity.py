"""Builds identity: the linked kinds of ids, the limits per person, and the blocked ids."""

from collections import defaultdict
from collections.abc import Mapping

from usertags.config.id_forms import IdForm
from usertags.config.validation import close
from usertags.project.loader import Located, Settings
from usertags.project.model import Identity, Source
from usertags.project.project_entry import ProjectEntry
from usertags.project.source_entry import SourceEntry


def build_identity(settings: Settings, sources: Mapping[str, Source]) -> Identity | None:
    """How the ids of the sources of links are combined to users; None if there are no such sources."""
    joined = {kind for source in sources.values() if source.kind == "links" for kind, _ in source.ids}
    # A source that could not be read may be the one that has the kind.
    known = not settings.broken.any_of("sources") and len(sources) == len(settings.sources)
    if settings.project is not None and known:
        _check_kinds(settings.project, joined)
    if not joined:
        return None
    hashed = _hashed(joined, settings, sources)
    entry = settings.project.entry.identity if settings.project is not None else None
    block = entry.block if entry else {}
    return Identity(
        limits=dict(entry.limits) if entry else {},
        block=tuple((kind, value) for kind, values in block.items() for value in values),
        hashed=hashed,
        forms=forms_of_ids(settings),
    )


def forms_of_ids(settings: Settings) -> dict[str, IdForm]:
    """How ids of people are written, by kind of id."""
    entries = settings.project.entry.ids if settings.project is not None else {}
    return {kind: entry.form for kind, entry in entries.items()}


def check_ids(settings: Settings, sources: Mapping[str, Source]) -> None:
    """A form of ids needs a personal column with ids of its kind: before a hash is the only place to apply
    it."""
    if settings.project is None or settings.broken.any_of("sources") or len(sources) < len(settings.sources):
        return
    kinds = {kind for located in settings.sources.values() for kind in hashed_kinds(located.entry).values()}
    for kind in sorted(settings.project.entry.ids.keys() - kinds):
        settings.project.report(
            f"no column with `pii: hash` has ids of kind {kind!r}", "ids", kind, suggestion=close(kind, kinds)
        )


def hashed_kinds(entry: SourceEntry) -> dict[str, str]:
    """The kind of id of each hashed column that has one."""
    kinds = {column: kind for kind, column in entry.ids.items()}
    found = {
        name: column.id or kinds.get(name) for name, column in entry.columns.items() if column.pii == "hash"
    }
    return {name: kind for name, kind in found.items() if kind is not None}


def _check_kinds(located: Located[ProjectEntry], joined: set[str]) -> None:
    entry = located.entry.identity
    if entry is None:
        return
    if not joined:
        located.report("`identity` needs a source of kind links", "identity")
        return
    for section, kinds in (("limits", entry.limits), ("block", entry.block)):
        for kind in sorted(kinds.keys() - joined):
            message = f"no source of kind links has ids of kind {kind!r}"
            hint = close(kind, joined)
            located.report(message, "identity", section, kind, suggestion=hint)
    for kind, values in entry.block.items():
        for position, value in enumerate(values):
            if not value.strip():
                located.report("is empty, expected an id", "identity", "block", kind, position)


def _hashed(joined: set[str], settings: Settings, sources: Mapping[str, Source]) -> frozenset[str]:
    """The kinds of ids that are hashed. A kind hashed in one source but not in another could not be
    linked."""
    treated: dict[str, dict[bool, str]] = defaultdict(dict)
    for source in sources.values():
        for kind, column in source.ids:
            if kind in joined:
                treated[kind].setdefault(source.column(column).pii == "hash", source.name)
    for kind, names in treated.items():
        if len(names) == 2:
            place = ("links" if sources[names[False]].kind == "links" else "user", kind)
            message = f"ids of kind {kind} are hashed in source {names[True]} but in plain text here"
            settings.sources[names[False]].report(message, *place)
    return frozenset(kind for kind, names in treated.items() if True in names)
