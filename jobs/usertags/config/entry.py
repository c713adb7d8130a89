"""What entries of all files have in common: their base, and the types of names, columns and values."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, StrictFloat, StrictInt, StringConstraints

from usertags.config.forms import NAME, Form

Name = Annotated[str, NAME]
ColumnType = Annotated[
    str,
    StringConstraints(strip_whitespace=True),
    Form(
        r"string|int|bigint|double|boolean|date|timestamp|decimal\(\d{1,2},\d{1,2}\)",
        "a type: string, int, bigint, double, boolean, date, timestamp or decimal(p,s) such as decimal(18,2)",
    ),
]


def _require_texts(value: object) -> object:
    """YAML reads words such as NULL and 0 as other values."""
    if isinstance(value, list) and not all(isinstance(word, str) for word in value):
        raise ValueError("must be texts: put quotes around the words, such as 'NULL' or '0'")
    return value


Texts = Annotated[list[str], BeforeValidator(_require_texts)]
# A text or a number; a truth value is none of them.
Word = str | StrictInt | StrictFloat


class Entry(BaseModel):
    """Base of every entry: unknown keys are refused, and entries are immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
