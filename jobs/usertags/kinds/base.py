"""What a kind of tag is: how its entry is read, what a user has of it today, how it carries to the next day.

Nothing here loads Spark before a column is made, and nothing here imports usertags.project, which is
built with these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, ClassVar

from usertags.config.entry import Entry
from usertags.config.expression_operands import Expression
from usertags.config.expression_tree import FALSE, Brackets, Cast, Constant, Tree, as_column, called
from usertags.config.expression_types import ExpressionError, type_of_family
from usertags.config.expressions import names_in
from usertags.spark_functions import F

if TYPE_CHECKING:
    from pyspark.sql import Column

    from usertags.project.loader import Located, Settings
    from usertags.project.model import Tag
    from usertags.project.tag_entry import TagEntry
    from usertags.project.tags import Inputs

# How a rule names another tag.
TAGS = "tags."
# Between several values of a tag where they stand in one text.
SEPARATOR = "|"


@dataclass(frozen=True)
class Making:
    """What a tag is made with: its entry, what rules may use, and the tags that were built before it."""

    located: Located[TagEntry]
    inputs: Inputs
    tags: Mapping[str, Tag]
    settings: Settings


@dataclass(frozen=True)
class Given:
    """What an example can give that no rule reads by name, and whether a value is one."""

    described: str
    fits: Callable[[Any], bool]


class TagKind:
    """One kind of tag; what is not said otherwise is that of a rule over the data day."""

    # What `kind` of the entry says; the model of the keys that entries have for it, all optional.
    names: ClassVar[tuple[str, ...]] = ()
    keys: ClassVar[type[Entry]]
    # The keys of which a tag has exactly one, among those of all kinds.
    instead: ClassVar[tuple[str, ...]] = ()
    # Where the kind stands among the others.
    order: ClassVar[int] = 1
    # Whether it says something over today's measures alone, and why no rule can use such a tag.
    over_today: ClassVar[bool] = True
    unusable: ClassVar[str | None] = None
    # Whether its tags follow each day, so that no other validity is possible.
    dynamic: ClassVar[bool] = False
    # The keys that are a tag without any of `instead`.
    alone: ClassVar[tuple[str, ...]] = ()
    # Whether a user can have several values of it, in order.
    several: ClassVar[bool] = False

    # ---- the entry ----

    def given(self, entry: TagEntry) -> bool:
        """Whether an entry is of this kind; one that people set may be of another as well."""
        return any(getattr(entry, name) is not None for name in self.keys.model_fields)

    def refused(self, entry: TagEntry) -> str | None:
        """What is wrong with an entry, this kind's or another's, as far as this kind can tell."""
        return None

    def uses(self, entry: TagEntry) -> list[str]:
        """The ids of the tags that an entry of this kind uses, in the order in which it does."""
        return []

    def more_inputs(self, entry: TagEntry) -> Mapping[str, str]:
        """The names, with their types, that the entry can read besides what every rule can."""
        return {}

    def fits(self, making: Making) -> bool:
        """Whether what the entry names, besides its expression, can be used; reports what cannot."""
        return True

    def check(self, making: Making) -> None:
        """Report what is wrong with an entry, whether or not its expression can be read."""

    def expression(self, making: Making) -> Expression | None:
        """What the tag says of a user by the measures and columns of the data day; None, and problems, where
        it cannot be read."""
        raise NotImplementedError

    def type(self, entry: TagEntry, expression: Expression) -> str:
        """The tag's Spark type."""
        return entry.type or type_of_family(expression.type)

    def around(
        self, entry: TagEntry, expression: Expression, type_: str
    ) -> tuple[Expression, dict[str, Any]]:
        """The expression with what this kind lays around it, and the fields of `Tag` that it fills."""
        return expression, {}

    def depends(self, entry: TagEntry, tags: Mapping[str, Tag]) -> list[object]:
        """What a tag's version depends on besides its expression, type, validity and inputs."""
        return []

    # ---- words ----

    def described(self, entry: TagEntry) -> list[str]:
        """The rule as a person wrote it."""
        return []

    def shown_type(self, tag: Tag) -> str:
        return tag.type

    def explained(self, tag: Tag, name: str, value: Any) -> Any:
        """An input's value as far as it bears on this tag."""
        return value

    # ---- examples ----

    def gives(self, entry: TagEntry) -> Mapping[str, Given]:
        """What an example can give that no rule reads by name."""
        return {}

    def expected(self, expect: Any) -> list[Any]:
        """The values that an example expects."""
        return [expect]

    def wrong_expectation(self, entry: TagEntry, expect: Any) -> str | None:
        return None

    # ---- what others ask of a tag ----

    def set_in(self, tag: Tag) -> str | None:
        """The source in which people set the tag; None where they cannot."""
        return None

    def steady(self, tag: Tag) -> bool:
        """Whether its values of a day should resemble those of the day before: those of moments move on."""
        return not self.several and tag.type not in ("date", "timestamp")

    # ---- today's column ----

    def value_tree(self, tag: Tag) -> Tree:
        """What the rule makes of a user: false where a condition is null, no empty text, its type or null."""
        rule = Brackets(tag.tree)
        if tag.boolean:
            return called("coalesce", rule, FALSE)
        if tag.type == "string":
            return called("nullif", called("trim", Cast(rule, "STRING", strict=True)), Constant(""))
        return Cast(rule, tag.type.upper())

    def today(self, tag: Tag) -> Column:
        """The value of the data day; a boolean that is false is none."""
        value = as_column(self.value_tree(tag))
        return F.when(value, F.lit(True)) if tag.boolean else value

    def beside(self, tag: Tag) -> Mapping[str, Column]:
        """Columns that stand beside the value, by name."""
        return {}

    # ---- what becomes of it ----

    def remembers(self, tag: Tag) -> tuple[str, ...]:
        """The ids of the tags whose value of the day before decides on the value of this one."""
        return (tag.id,) if _keeps_first_value(tag) or tag.validity.days is not None else ()

    def after_validity(self, tag: Tag, data_day: date) -> Column:
        """The tag's value once its validity has spoken. In: the tag's column, `_before`, a map from tag id to
        what is remembered of the day before."""
        value = F.col(tag.id)
        earlier = F.col("_before").getItem(tag.id)
        # A value that a newer type of the tag cannot hold is not remembered.
        kept = earlier["tag_value"].try_cast(tag.type)
        if _keeps_first_value(tag):
            value = F.coalesce(kept, value)
        elif tag.validity.days is not None:
            value = F.coalesce(value, F.when(earlier["valid_until"] >= F.lit(data_day), kept))
        return value

    def carried(self, tag: Tag, tags: Mapping[str, Tag], data_day: date) -> Column | None:
        """The value of a tag that comes of the day before, once all others have theirs; None: it is what it
        is after its validity. `tags` are all tags by id."""
        return None

    def first(self, value: Column) -> Column:
        """The value that stands for the tag where there is room for one."""
        return value

    def text(self, tag: Tag, value: Column) -> Column:
        """The value as `tag_value` shows it: numbers without trailing zeros."""
        text = value.cast("string")
        if tag.type == "double" or tag.type.startswith("decimal"):
            whole = value.try_cast("bigint")
            return F.when(whole == value, whole.cast("string")).otherwise(
                F.regexp_replace(text, r"\.0+$|(\.\d*?)0+$", "$1")
            )
        return text


def _keeps_first_value(tag: Tag) -> bool:
    """A static tag keeps its first value; one that reads the profile alone follows its corrections."""
    return tag.validity.static and any("." not in name for name in tag.inputs)


def read_rule(
    making: Making, parse: Callable[..., Expression], text: str, *place: str | int
) -> Expression | None:
    """A rule's expression; None (and a problem) for one that cannot be read. One over something that is
    broken is wrong only because of that."""
    inputs = making.inputs
    try:
        return parse(
            text,
            columns=inputs.types,
            parameters=making.settings.parameters,
            dictionaries=making.settings.dictionaries,
            definitions=inputs.definitions,
        )
    except ExpressionError as error:
        name = error.unknown_name
        if name is not None and name in inputs.measures:
            message = f"{name} has a number for each {inputs.measures[name].by}: a tag with `prefer` reads it"
            making.located.report(message, *place)
        elif name is None or not inputs.lacks(name):
            making.located.report(str(error), *place, suggestion=error.suggestion)
        return None


def tags_in(texts: Iterable[str]) -> list[str]:
    """The ids of the tags that expressions name, in the order in which they do."""
    names = [name.lower() for text in texts for name in names_in(text)]
    return [name.removeprefix(TAGS) for name in names if name.startswith(TAGS)]
