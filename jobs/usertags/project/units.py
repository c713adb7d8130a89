"""Amounts of money among the measures: which are, and in which currency people read them."""

from collections.abc import Mapping

from usertags.config.expression_types import is_number
from usertags.project.loader import Settings
from usertags.project.model import Measure, Project

# What one makes of amounts is an amount.
_KEEP_UNIT = frozenset({"sum", "min", "max", "avg", "first", "last"})


def check_units(settings: Settings, measures: Mapping[str, Measure]) -> None:
    """A count, a time or a text is no amount of money, whatever its configuration says."""
    for name, located in settings.measures.items():
        measure = measures.get(name)
        if measure is None or measure.unit is None:
            continue
        if measure.function not in _KEEP_UNIT or not (measure.by or is_number(measure.type)):
            message = f"`unit: currency` is of an amount, and {located.entry.value} is none"
            located.report(message, "unit")


def unit_behind(project: Project, name: str, value: object) -> str:
    """What stands behind a value when it is shown: a space and the project's currency behind an amount,
    nothing behind any other. In: the name of an input of rules (a measure, a column of RFM or a profile)."""
    if value is None:
        return ""
    if name == "monetary" and project.rfm is not None:
        name = project.rfm.entry.monetary
    measure = project.measures.get(name)
    return f" {project.currency}" if measure is not None and measure.unit is not None else ""
