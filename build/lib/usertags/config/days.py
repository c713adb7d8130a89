"""Numbers of days, which configuration writes as 30d."""

import re
from typing import Any, Self

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

PATTERN = r"^[1-9]\d{0,4}d$"


class Days(int):
    """How many days. It is read from a text such as 30d, and shown as that."""

    @classmethod
    def read(cls, text: str) -> Self | None:
        """The days that a text says; None for any other text."""
        return cls(text.removesuffix("d")) if re.match(PATTERN, text) else None

    def __str__(self) -> str:
        return f"{int(self)}d"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        written = core_schema.plain_serializer_function_ser_schema(
            str, return_schema=core_schema.str_schema()
        )
        return core_schema.no_info_after_validator_function(
            cls.read, core_schema.str_schema(pattern=PATTERN), serialization=written
        )
