"""What entries of all files have in common: their base, and the types of names, columns and values."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StrictFloat, StrictInt, StringConstraints

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]
ColumnType = Annotated[
    str,
    StringConstraints(
        pattern=r"^(string|int|bigint|double|boolean|date|timestamp|decimal\(\d{1,2},\d{1,2}\))$",
        strip_whitespace=True,
    ),
]
# A text or a number; a truth value is none of them.
Word = str | StrictInt | StrictFloat


class Entry(BaseModel):
    """Base of every entry: unknown keys are refused, and entries are immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
