"""Columns that are made of the measures of all users of the data day: percentiles, RFM."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import singledispatch
from typing import Any

from pyspark.sql import DataFrame

from usertags.project.model import DerivedColumns, Percentiles, Rfm
from usertags.transform import percentiles, rfm


@dataclass(frozen=True)
class Computed:
    """`users` are the measures with the derived columns beside them, `learned` is what the population of the
    day said: few rows, whatever the number of users."""

    users: DataFrame
    learned: tuple[Any, ...] = ()


@singledispatch
def computed(derived: DerivedColumns, users: DataFrame, day: date) -> Computed:
    """Grain: user. In: the measures of every user. Out: the same, and the derived columns in their types.

    Reads aggregates of the population, so `users` is read more than once.
    """
    raise TypeError(f"nothing computes {type(derived).__name__}")


@computed.register
def _(derived: Percentiles, users: DataFrame, day: date) -> Computed:
    return Computed(percentiles.with_percentiles(users, list(derived.of.values()), day))


@computed.register
def _(derived: Rfm, users: DataFrame, day: date) -> Computed:
    based = rfm.basis(users, derived, day)
    found = rfm.thresholds(based, derived)
    return Computed(rfm.scored(based, found, derived), tuple(found))


def all_computed(
    derived: Iterable[DerivedColumns], users: DataFrame, day: date
) -> tuple[DataFrame, dict[type[DerivedColumns], tuple[Any, ...]]]:
    """The measures with all derived columns, and what was learned for each kind of them."""
    learned = {}
    for item in derived:
        found = computed(item, users, day)
        users, learned[type(item)] = found.users, found.learned
    return users, learned
