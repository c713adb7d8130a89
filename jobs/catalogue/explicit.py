"""Explicit tags (显性标签): what people say of a user, who said it, why and until when.

A source with `explicit` keeps, of each user and each text of its tag column, the row that came last. A tag
with `set` reads the row of its own text.
"""

from collections.abc import Mapping

from jobs.catalogue.model import Explicit, Measure, Partial, SetByPeople, Source
from jobs.catalogue.versions import version_of
from jobs.config.expression_lookup import Dictionary
from jobs.config.expression_text import write_name, write_text
from jobs.config.expressions import Expression, ExpressionError, parse_boolean
from jobs.config.loader import Located, Settings
from jobs.config.models import ColumnEntry, SourceEntry, TagEntry
from jobs.config.validation import close
from jobs.errors import ConfigProblem

_ROW = "struct<value:string,set_by:string,reason:string,until:date,withdrawn:boolean>"
# What an example may give of a row.
ROW_FIELDS = ("value", "set_by", "reason", "until", "withdrawn")


def build_explicit(
    located: Located[SourceEntry], dictionaries: Mapping[str, Dictionary], problems: list[ConfigProblem]
) -> Explicit | None:
    """What a row of the source says of a tag; problems name columns that are not there."""
    entry = located.entry.explicit
    if entry is None:
        return None
    kept = {name: column for name, column in located.entry.columns.items() if column.pii != "drop"}
    named = {role: getattr(entry, role) for role in ("tag", "value", "set_by", "reason", "until")}
    named = {role: name for role, name in named.items() if name is not None}
    before = len(problems)
    for role, name in named.items():
        _check_column(located, role, name, kept, problems)
    withdrawn = _withdrawn(located, kept, dictionaries, problems)
    if len(problems) > before:
        return None
    texts = {role: f"CAST({write_name(name)} AS STRING)" for role, name in named.items()}
    parts = {role: texts.get(role, "CAST(NULL AS STRING)") for role in ("value", "set_by", "reason")}
    parts["until"] = (
        f"CAST({write_name(named['until'])} AS DATE)" if "until" in named else "CAST(NULL AS DATE)"
    )
    parts["withdrawn"] = f"coalesce({withdrawn.sql}, FALSE)" if withdrawn else "FALSE"
    row = ", ".join(f"'{name}', {sql}" for name, sql in parts.items())
    uses = frozenset(named.values()) | (withdrawn.columns if withdrawn else frozenset())
    return Explicit(entry.tag, f"named_struct({row})", uses)


def _check_column(
    located: Located[SourceEntry],
    role: str,
    name: str,
    kept: Mapping[str, ColumnEntry],
    problems: list[ConfigProblem],
) -> None:
    if name not in kept:
        message = f"`{role}` names no column that reaches the clean table: {name!r}"
        problems.append(located.problem(message, "explicit", role, suggestion=close(name, kept)))
    elif role == "tag" and kept[name].type != "string":
        problems.append(located.problem("`tag` is a column of texts", "explicit", role))
    elif role == "until" and kept[name].type not in ("date", "timestamp"):
        problems.append(located.problem("`until` is a date", "explicit", role))


def _withdrawn(
    located: Located[SourceEntry],
    kept: Mapping[str, ColumnEntry],
    dictionaries: Mapping[str, Dictionary],
    problems: list[ConfigProblem],
) -> Expression | None:
    text = located.entry.explicit.withdrawn if located.entry.explicit else None
    if text is None:
        return None
    try:
        types = {name: column.type for name, column in kept.items()}
        return parse_boolean(text, columns=types, dictionaries=dictionaries)
    except ExpressionError as error:
        problems.append(located.problem(str(error), "explicit", "withdrawn", suggestion=error.suggestion))
        return None


def explicit_measures(sources: Mapping[str, Source]) -> dict[str, Measure]:
    """Of each source with `explicit`: the last row that a user has of each tag text, as a map."""
    measures = {}
    for source in sources.values():
        if source.explicit is None:
            continue
        explicit = source.explicit
        version = version_of([source.name, "last", explicit.row, explicit.tag])
        measures[_measure_id(source.name)] = Measure(
            id=_measure_id(source.name),
            source=source.name,
            function="last",
            partials=(Partial(f"last_{version}", "last", explicit.row, None, explicit.tag),),
            window=None,
            offset=0,
            calendar=None,
            type=f"map<string,{_ROW}>",
            uses=explicit.uses,
            description=f"the tags that people set in {source.name}",
            by=explicit.tag,
        )
    return measures


def _measure_id(source: str) -> str:
    return f"set__{source}"


def check_set(
    located: Located[TagEntry],
    sources: Mapping[str, Source],
    settings: Settings,
    problems: list[ConfigProblem],
) -> bool:
    """Whether the source that sets the tag is one in which people do."""
    entry = located.entry.set_
    assert entry is not None
    source = sources.get(entry.source)
    if source is not None and source.explicit is not None:
        return True
    if source is not None:
        message = f"source {entry.source!r} has no `explicit`: it does not say which columns set a tag"
        problems.append(located.problem(message, "set", "source"))
    elif entry.source not in settings.sources and not settings.broken.has("sources", entry.source):
        hint = close(entry.source, settings.sources)
        problems.append(located.problem(f"no source {entry.source!r}", "set", "source", suggestion=hint))
    return False


def set_by_people(entry: TagEntry, rule: Expression | None, type_: str) -> tuple[Expression, SetByPeople]:
    """The value of a tag that people set, beside its rule if it has one, and the row that gave it.

    A row counts up to and with its `until`. Where explicit wins, a withdrawal that came last removes the tag
    even where the rule holds.
    """
    assert entry.set_ is not None
    measure = _measure_id(entry.set_.source)
    last = f"try_element_at({measure}, {write_text(entry.set_.tag)})"
    live = f"({last} IS NOT NULL AND ({last}.until IS NULL OR {last}.until >= data_day))"
    given = f"({live} AND NOT {last}.withdrawn)"
    value = "TRUE" if type_ == "boolean" else f"TRY_CAST({last}.value AS {type_.upper()})"
    columns = frozenset({measure, "data_day"}) | (rule.columns if rule else frozenset())
    if rule is None:
        sql, row = f"CASE WHEN {given} THEN {value} END", f"CASE WHEN {given} THEN {last} END"
    elif entry.set_.wins == "explicit":
        sql = f"CASE WHEN {given} THEN {value} WHEN NOT {live} THEN ({rule.sql}) END"
        row = f"CASE WHEN {given} THEN {last} END"
    else:
        silent = f"NOT coalesce(({rule.sql}), FALSE)" if type_ == "boolean" else f"({rule.sql}) IS NULL"
        sql = f"CASE WHEN {silent} AND {given} THEN {value} ELSE ({rule.sql}) END"
        row = f"CASE WHEN {silent} AND {given} THEN {last} END"
    family = rule.type if rule else "boolean" if type_ == "boolean" else "text"
    return Expression(sql, columns, family), SetByPeople(entry.set_.source, entry.set_.tag, row)
