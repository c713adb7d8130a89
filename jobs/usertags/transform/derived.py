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
def computed(derived: DerivedColumns, users: DataFrame, data_day: date) -> Computed:
    """Grain: user. In: the measures of every user. Out: the same, and the derived columns in their types.

    Reads aggregates of the population, so `users` is read more than once. Raises TypeError for a type of
    derived columns that no function is registered for.
    """
    raise TypeError(f"nothing computes {type(derived).__name__}")


@computed.register
def _(derived: Percentiles, users: DataFrame, data_day: date) -> Computed:
    return Computed(percentiles.with_percentiles(users, list(derived.of.values()), data_day))


@computed.register
def _(derived: Rfm, users: DataFrame, data_day: date) -> Computed:
    based = rfm.basis(users, derived, data_day)
    found = rfm.thresholds(based, derived)
    return Computed(rfm.scored(based, found, derived), tuple(found))


def all_computed(
    derived: Iterable[DerivedColumns], users: DataFrame, data_day: date
) -> tuple[DataFrame, dict[type[DerivedColumns], tuple[Any, ...]]]:
    """Grain: user. In: the measures of every user. Out: the same and all derived columns, in order; and what
    was learned for each type of them (`Computed.learned`)."""
    learned = {}
    for item in derived:
        found = computed(item, users, data_day)
        users, learned[type(item)] = found.users, found.learned
    return users, learned
