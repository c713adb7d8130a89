"""`rfm` of project.yml; `usertags.project.rfm` checks it and builds RFM of it."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from usertags.config.entry import Entry, Name


def _as_written(value: object) -> object:
    """A number of YAML as the decimal that was written: 0.01, and not the nearest binary fraction."""
    return repr(value) if isinstance(value, float) else value


Unit = Annotated[Decimal, BeforeValidator(_as_written), Field(gt=0)]


class Levels(Entry):
    recency: list[float] | Literal["terciles"] = "terciles"
    frequency: list[float] | Literal["terciles"] = "terciles"
    names: list[list[str]] | None = None

    @model_validator(mode="after")
    def _three_by_three(self) -> "Levels":
        for edges in (self.recency, self.frequency):
            if edges != "terciles" and (len(edges) != 2 or sorted(edges) != edges):
                raise ValueError("portrait edges must be two increasing numbers or `terciles`")
        if self.names is not None and [len(row) for row in self.names] != [3, 3, 3]:
            raise ValueError("portrait names must be three rows of three names")
        return self


class Segment(Entry):
    id: Name
    name: str
    when: str


class Edges(Entry):
    recency: list[float]
    frequency: list[float]
    monetary: list[float]

    @model_validator(mode="after")
    def _four_rising(self) -> "Edges":
        for edges in (self.recency, self.frequency, self.monetary):
            if len(edges) != 4 or sorted(set(edges)) != edges:
                raise ValueError("fixed edges must be four increasing numbers per dimension")
        return self


class Units(Entry):
    """What is added to a quantile to make it an edge, per dimension: one day, one order, one of the currency
    unless the values differ by less."""

    recency: Unit = Decimal(1)
    frequency: Unit = Decimal(1)
    monetary: Unit = Decimal(1)


class RfmEntry(Entry):
    recency: str
    frequency: str
    monetary: str
    ever: str
    scoring: Literal["quantile", "mean", "fixed"]
    edges: Edges | None = None
    unit: Units = Units()
    portraits: Levels = Levels()
    segments: list[Segment] = Field(default_factory=list)

    @model_validator(mode="after")
    def _edges_with_fixed(self) -> "RfmEntry":
        if (self.scoring == "fixed") != (self.edges is not None):
            raise ValueError("`edges` are required with `scoring: fixed`, and only then")
        return self

    @model_validator(mode="after")
    def _unit_with_quantiles(self) -> "RfmEntry":
        """A unit that nothing uses is a mistake: the edges would not be what was meant."""
        for dimension in sorted(self.unit.model_fields_set):
            terciles = getattr(self.portraits, dimension, None) == "terciles"
            if self.scoring != "quantile" and not terciles:
                raise ValueError(
                    f"`unit` of {dimension} needs `scoring: quantile` or portraits by `terciles`"
                )
        return self
