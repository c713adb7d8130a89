"""Building tags: what all kinds have in common; the rest is said by the kinds (usertags/kinds)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from usertags.config.expressions import Expression
from usertags.config.quality_models import TagDriftEntry
from usertags.config.validation import close
from usertags.kinds.base import TAGS, Given, Making
from usertags.project.loader import Broken, Located, Settings
from usertags.project.model import RESERVED_TAGS, Measure, Source, Tag
from usertags.project.references import check_usable, definitions, usable, used_tags
from usertags.project.sensitivity import kept_out_of
from usertags.project.tag_entry import Example, TagEntry
from usertags.project.versions import version_of


@dataclass(frozen=True)
class Inputs:
    """The inputs of rules: the Spark type of each name, and its version (so that the definition_version
    of a tag changes with them). `broken` are declared names that are invalid. `sources` and `measures`
    are what is declared, measures that no rule can use among them. `definitions` are those names that
    stand for an expression over others: the tags that a rule can use."""

    types: Mapping[str, str]
    versions: Mapping[str, object]
    broken: Broken
    sources: Mapping[str, Source]
    measures: Mapping[str, Measure]
    definitions: Mapping[str, Expression] = field(default_factory=dict)

    def lacks(self, name: str) -> bool:
        """Whether an unknown name may be declared but invalid, which is already reported."""
        source, dot, rest = name.partition(".")
        if source == "tags" and dot:
            return self.broken.has("tags", rest)
        if dot:
            return self.broken.has("sources", source)
        return self.broken.has("measures", name) or "tags" in self.broken.files


def build_tag(
    name: str,
    located: Located[TagEntry],
    inputs: Inputs,
    tags: Mapping[str, Tag],
    settings: Settings,
) -> Tag | None:
    """One tag; None (and problems) if its rule is invalid. A rule over an invalid input is not reported
    as another problem. `tags` are those that it can use, built before it."""
    entry = located.entry
    if name in RESERVED_TAGS:
        located.report(f"{name!r} is a reserved column name: choose another name")
    making = Making(located, _inputs(entry, inputs, tags), tags, settings)
    expression = _expression(making)
    _check_levels(located, settings)
    for index, example in enumerate(entry.examples):
        _check_example(making, index, example)
    tables = kept_out_of(located, tags, settings)
    if expression is None:
        return None
    fields: dict[str, Any] = {}
    type_ = entry.kinds[0].type(entry, expression)
    for kind in entry.kinds:
        expression, own = kind.around(entry, expression, type_)
        fields |= own
    used = tuple(sorted(expression.columns))
    return Tag(
        id=name,
        name=entry.name,
        title=entry.title,
        path=(entry.path[0], entry.path[1], entry.path[2]),
        kind=entry.kind,
        tree=expression.tree,
        type=type_,
        inputs=used,
        values=tuple(entry.values) if entry.values is not None else None,
        definition=_definition(entry),
        description=entry.description,
        validity=entry.validity,
        owner=entry.owner,
        status=entry.status,
        examples=tuple(entry.examples),
        definition_version=version_of(
            [
                expression.tree,
                type_,
                entry.validity,
                [(column, inputs.versions.get(column)) for column in used],
                *[part for kind in entry.kinds for part in kind.depends(entry, tags)],
            ]
        ),
        kinds=entry.kinds,
        sensitivity=entry.sensitivity,
        kept_out_of=tables,
        coverage=entry.coverage,
        drift=_drift(entry, settings),
        uses=tuple(used_tags(entry)),
        **fields,
    )


def _inputs(entry: TagEntry, inputs: Inputs, tags: Mapping[str, Tag]) -> Inputs:
    """What the rule of an entry may use: that of all rules, that of its kinds alone, and other tags."""
    types = dict(inputs.types)
    for kind in entry.kinds:
        types |= kind.more_inputs(entry)
    types |= {f"{TAGS}{tag.id}": tag.type for tag in usable(tags.values())}
    return replace(inputs, types=types, definitions=definitions(tags.values()))


def _expression(making: Making) -> Expression | None:
    """The value of the tag for a user from the measures and columns of the data day."""
    entry = making.located.entry
    for kind in entry.kinds:
        kind.check(making)
    if not check_usable(making.located, making.settings.tags):
        return None
    fits = [kind.fits(making) for kind in entry.kinds]
    expression = entry.kinds[0].expression(making)
    return expression if all(fits) else None


def _drift(entry: TagEntry, settings: Settings) -> TagDriftEntry | None:
    """The project's bounds, overridden by those of the tag."""
    if entry.drift == "off":
        return None
    default = settings.project.entry.quality.tags if settings.project else TagDriftEntry()
    return default.model_copy(
        update={name: getattr(entry.drift, name) for name in entry.drift.model_fields_set}
    )


def _definition(entry: TagEntry) -> str:
    """The rule as written in the configuration, on one line."""
    parts = [part for kind in entry.kinds for part in kind.described(entry)]
    return " ".join("; ".join(parts).split())


def _check_levels(located: Located[TagEntry], settings: Settings) -> None:
    for index, level in enumerate(located.entry.path):
        if level not in settings.levels and "tags" not in settings.broken.files:
            message = f"level {level!r} has no English id in `levels`: add it"
            located.report(message, "path", index)


def _check_example(making: Making, index: int, example: Example) -> None:
    located, entry = making.located, making.located.entry
    types: dict[str, str | Given] = dict(making.inputs.types)
    # Other tags are given by what they read.
    types = {name: type_ for name, type_ in types.items() if not name.startswith(TAGS)}
    for kind in entry.kinds:
        types |= kind.gives(entry)
    for name, given in example.given.items():
        type_ = types.get(name)
        if type_ is None and not making.inputs.lacks(name):
            message = f"the example gives {name!r}, which is not an input of any rule"
            place = ("examples", index, "given", name)
            located.report(message, *place, suggestion=close(name, types))
        elif type_ is not None and not _fits(given, type_):
            described = type_.described if isinstance(type_, Given) else type_
            message = f"the example gives {name} something that is not of type {described}"
            located.report(message, "examples", index, "given", name)
    for kind in entry.kinds:
        wrong = kind.wrong_expectation(entry, example.expect)
        if wrong is not None:
            located.report(wrong, "examples", index, "expect")
    for value in entry.kinds[0].expected(example.expect) if entry.values is not None else ():
        if value not in (None, *(entry.values or ())):
            located.report(f"{value!r} is not listed in `values`", "examples", index, "expect")


def _fits(value: object, type_: str | Given) -> bool:
    """Whether an example's value has the input's type, as read by YAML; null fits every type."""
    if value is None:
        return True
    if isinstance(type_, Given):
        return type_.fits(value)
    if type_ == "string":
        return isinstance(value, str)
    if type_ == "boolean":
        return isinstance(value, bool)
    if type_ in ("date", "timestamp"):
        return isinstance(value, date) or (isinstance(value, str) and _is_moment(value))
    whole = type_ in ("int", "bigint")
    return isinstance(value, int if whole else int | float) and not isinstance(value, bool)


def _is_moment(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
