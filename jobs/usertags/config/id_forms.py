"""What ids of a kind look like: how they are brought to one spelling, and which of them are valid."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from pydantic import Field, field_validator, model_validator

from usertags.config.entry import Entry, Texts

# Small letters; digits without what stands between them.
Step = Literal["lower", "digits"]


@dataclass(frozen=True)
class IdForm:
    """As `IdEntry`, ready to be used. `steps` None: as any personal id."""

    steps: tuple[Step, ...] | None = None
    country_code: str | None = None
    matches: str | None = None
    no_id: tuple[str, ...] = ()
    check_digit: Literal["id_card"] | None = None


class IdEntry(Entry):
    """The form of ids of one kind. It is applied to personal ids, before they are hashed.

    `country_code` is removed from a number that without it `matches`; `no_id` are texts that stand for
    nobody, beside the usual ones.
    """

    normalise: list[Step] | None = None
    country_code: str | None = Field(default=None, pattern=r"^[1-9][0-9]{0,3}$")
    matches: str | None = None
    no_id: Texts = Field(default_factory=list)
    check_digit: Literal["id_card"] | None = None

    @field_validator("matches")
    @classmethod
    def _regular_expression(cls, value: str | None) -> str | None:
        try:
            re.compile(value or "")
        except re.error as error:
            raise ValueError(f"is not a valid regular expression: {error}") from None
        return value

    @model_validator(mode="after")
    def _code_of_a_number(self) -> "IdEntry":
        if self.country_code is not None and self.matches is None:
            raise ValueError("a `country_code` needs `matches`, the form of a number without it")
        return self

    @property
    def form(self) -> IdForm:
        """What the entry says, ready to be used."""
        steps = None if self.normalise is None else tuple(dict.fromkeys(self.normalise))
        return IdForm(steps, self.country_code, self.matches, tuple(self.no_id), self.check_digit)


def _has_check_digit_of_id_card(text: str) -> bool:
    """GB 11643: the last of the 18 signs is made of the others (ISO 7064, mod 11-2)."""
    if re.fullmatch(r"[0-9]{17}[0-9xX]", text) is None:
        return False
    total = sum(int(sign) * (2 ** (17 - place) % 11) for place, sign in enumerate(text[:17]))
    return "10x98765432"[total % 11] == text[17].lower()


CHECK_DIGITS: dict[str, Callable[[str], bool]] = {"id_card": _has_check_digit_of_id_card}
