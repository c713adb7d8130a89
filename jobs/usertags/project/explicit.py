"""Sources with `explicit`, in which people set tags: of each user and each text of the tag column the row
that came last is kept. Tags with `set` read it (usertags/kinds/people.py)."""

from collections.abc import Mapping

from usertags.config.expression_lookup import Dictionary
from usertags.config.expression_tree import FALSE, NULL, Cast, Name, Tree, called, struct
from usertags.config.expressions import Expression, ExpressionError, parse_boolean
from usertags.config.validation import close
from usertags.kinds.people import measure_of
from usertags.project.loader import Located
from usertags.project.model import Explicit, Measure, Partial, Source
from usertags.project.source_entry import ColumnEntry, SourceEntry
from usertags.project.versions import version_of

# What is read of a row, besides whether it withdraws the tag.
_READ = {"value": "STRING", "set_by": "STRING", "reason": "STRING", "until": "DATE"}
_ROW = "struct<value:string,set_by:string,reason:string,until:date,withdrawn:boolean>"


def build_explicit(located: Located[SourceEntry], dictionaries: Mapping[str, Dictionary]) -> Explicit | None:
    """The expressions that read a tag from a row of the source; missing columns are reported as problems."""
    entry = located.entry.explicit
    if entry is None:
        return None
    kept = {name: column for name, column in located.entry.columns.items() if column.pii != "drop"}
    named = {role: getattr(entry, role) for role in ("tag", "value", "set_by", "reason", "until")}
    named = {role: name for role, name in named.items() if name is not None}
    before = len(located.problems)
    for role, name in named.items():
        _check_column(located, role, name, kept)
    withdrawn = _withdrawn(located, kept, dictionaries)
    if len(located.problems) > before:
        return None
    columns = {role: Name(name) for role, name in named.items()}
    fields: dict[str, Tree] = {
        role: Cast(columns.get(role, NULL), type_, strict=True) for role, type_ in _READ.items()
    }
    fields["withdrawn"] = called("coalesce", withdrawn.tree, FALSE) if withdrawn else FALSE
    uses = frozenset(named.values()) | (withdrawn.columns if withdrawn else frozenset())
    return Explicit(entry.tag, struct(**fields), uses)


def _check_column(
    located: Located[SourceEntry],
    role: str,
    name: str,
    kept: Mapping[str, ColumnEntry],
) -> None:
    if name not in kept:
        message = f"`{role}` must be a column of the clean table, not {name!r}"
        located.report(message, "explicit", role, suggestion=close(name, kept))
    elif role == "tag" and kept[name].type != "string":
        located.report("`tag` must be a column of type string", "explicit", role)
    elif role == "until" and kept[name].type not in ("date", "timestamp"):
        located.report("`until` must be a column of type date", "explicit", role)


def _withdrawn(
    located: Located[SourceEntry],
    kept: Mapping[str, ColumnEntry],
    dictionaries: Mapping[str, Dictionary],
) -> Expression | None:
    text = located.entry.explicit.withdrawn if located.entry.explicit else None
    if text is None:
        return None
    try:
        types = {name: column.type for name, column in kept.items()}
        return parse_boolean(text, columns=types, dictionaries=dictionaries)
    except ExpressionError as error:
        located.report(str(error), "explicit", "withdrawn", suggestion=error.suggestion)
        return None


def ordered_by(source: Source, part: str) -> tuple[str, ...]:
    """The columns that decide between rows of an equal time, for a part that takes one of them."""
    return source.order_by if part in ("first", "last") else ()


def explicit_measures(sources: Mapping[str, Source]) -> dict[str, Measure]:
    """For each source with `explicit`: a map with the latest row per tag text of a user."""
    measures = {}
    for source in sources.values():
        if source.explicit is None:
            continue
        explicit = source.explicit
        order = ordered_by(source, "last")
        version = version_of([source.name, "last", explicit.row, explicit.tag, *([order] if order else [])])
        measures[measure_of(source.name)] = Measure(
            id=measure_of(source.name),
            source=source.name,
            function="last",
            partials=(Partial(f"last_{version}", "last", explicit.row, None, explicit.tag),),
            window=None,
            offset=0,
            calendar=None,
            type=f"map<string,{_ROW}>",
            uses=explicit.uses | frozenset(order),
            description=f"the tags that people set in {source.name}",
            by=explicit.tag,
        )
    return measures
