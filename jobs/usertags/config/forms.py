"""Texts of a fixed form in the configuration: a regular expression, and the words for it in messages."""

import re
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

# The type of the error about a value of another form.
FORM_ERROR = "form"


@dataclass(frozen=True)
class Form:
    """The form of a text, as metadata of its type: `Annotated[str, Form(…)]`.

    `expected` says it in messages, with an example; so each message is right without a list of fields.
    """

    pattern: str
    expected: str

    def fits(self, text: object) -> bool:
        return isinstance(text, str) and re.fullmatch(self.pattern, text) is not None

    def refusal(self, text: object) -> str:
        """What is said of a text of another form."""
        return f"{text!r} is not {self.expected}"

    def around(self, schema: CoreSchema) -> CoreSchema:
        """The schema of a text that is read by another schema and then has to have this form."""
        return core_schema.no_info_wrap_validator_function(self._read, schema)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return self.around(handler(source))

    def _read(self, value: Any, read: core_schema.ValidatorFunctionWrapHandler) -> Any:
        if not isinstance(value, str):
            # Of a value that is no text only the expected form is shown: it can be a whole mapping.
            raise refused(f"must be {self.expected}")
        text = read(value)
        if not self.fits(text):
            raise refused(self.refusal(text))
        return text


def refused(message: str) -> PydanticCustomError:
    """The error of a validator whose message is shown as it is."""
    return PydanticCustomError(FORM_ERROR, "{message}", {"message": message})


NAME = Form(
    r"[a-z][a-z0-9_]{0,59}",
    "a name (lowercase letters, digits and _, letter first, at most 60 characters) such as order_lines",
)
