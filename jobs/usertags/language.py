"""The languages of texts that people read, and the text itself: English and Chinese side by side."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Language = Literal["en", "zh"]


@dataclass(frozen=True)
class Words:
    """A text in both languages. Names in braces are filled in; `one` is the English text where `{count}`
    is 1."""

    en: str
    zh: str
    one: str | None = None

    def of(self, language: Language, count: object = None) -> str:
        if language == "zh":
            return self.zh
        return self.one if self.one is not None and count == 1 else self.en

    def filled(self, language: Language, **fields: object) -> str:
        """The text with its fields filled in."""
        return self.of(language, fields.get("count")).format_map(fields)


def name_of(code: str, names: Mapping[str, Words], language: Language) -> str:
    """What people call the value of a column; a value without a name stays as it is."""
    return names[code].of(language) if code in names else code
