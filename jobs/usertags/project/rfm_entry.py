"""`rfm` of project.yml; `usertags.project.rfm` checks it and builds RFM of it."""

from typing import Literal

from pydantic import Field, model_validator

from usertags.config.entry import Entry, Name


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


class RfmEntry(Entry):
    recency: str
    frequency: str
    monetary: str
    ever: str
    scoring: Literal["quantile", "mean", "fixed"]
    edges: Edges | None = None
    portraits: Levels = Levels()
    segments: list[Segment] = Field(default_factory=list)

    @model_validator(mode="after")
    def _edges_with_fixed(self) -> "RfmEntry":
        if (self.scoring == "fixed") != (self.edges is not None):
            raise ValueError("`edges` are required with `scoring: fixed`, and only then")
        return self
