"""Makes the texts of a page in the language of its project."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial

from markupsafe import Markup

from plugins.usertags_quality import formatting, texts
from plugins.usertags_quality.loading import LakeError
from usertags.config.durations import Days
from usertags.errors import ConfigError, UsertagsError
from usertags.language import Language, Words, name_of
from usertags.quality import sentences
from usertags.quality.texts import SEVERITIES, STAGES, STATUSES


@dataclass(frozen=True)
class ErrorText:
    """What a page says of an error. `detail` is technical, and in English whatever the language."""

    message: str
    safe: str
    next_step: str
    detail: str = ""


class PageLanguage:
    """The texts of pages in one language. A template fills in a text by calling it, and may fill in links."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self.title = partial(sentences.title, language=language)
        self.observed = partial(sentences.observed, language=language)
        self.wanted = partial(sentences.wanted, language=language)
        self.action = partial(sentences.action, language=language)
        self.points = partial(formatting.points, language=language)
        self.duration = partial(formatting.duration, language=language)

    def __call__(self, words: Words, **fields: object) -> Markup:
        """The text as HTML; fields that are not HTML are escaped."""
        return Markup(words.of(self.language, fields.get("count"))).format(**fields)

    def text(self, words: Words, **fields: object) -> str:
        """The text as plain text."""
        return words.filled(self.language, **fields)

    def month(self, day: date) -> str:
        return formatting.month(day, self.language)

    def severity(self, code: str) -> str:
        return name_of(code, SEVERITIES, self.language)

    def stage(self, code: str) -> str:
        return name_of(code, STAGES, self.language)

    def status(self, code: str) -> str:
        return name_of(code, STATUSES, self.language)

    def name(self, code: str, names: Mapping[str, Words]) -> str:
        """What people call the value of a column."""
        return name_of(code, names, self.language)

    def validity(self, code: str) -> str:
        days = Days.read(code)
        if days is not None:
            return self.text(texts.VALID_DAYS, days=int(days))
        return name_of(code, texts.VALIDITIES, self.language)

    def quarantined(self, reason: str) -> str:
        """Why a row is in quarantine; reasons of `reject` rules are the names of these rules."""
        if reason.startswith("type_"):
            return self.text(texts.WRONG_TYPE, column=reason.removeprefix("type_"))
        return name_of(reason, texts.QUARANTINE_REASONS, self.language)

    def error(self, error: UsertagsError) -> ErrorText:
        """What happened, what is safe and what to do. Errors of other modules have an English message."""
        if isinstance(error, LakeError):
            detail = "" if self.language == "en" else error.cause
            message = self.text(error.words, cause=error.cause)
            return ErrorText(message, self.text(texts.PAGES_ARE_SAFE), self.text(error.advice), detail)
        if self.language == "en":
            return ErrorText(error.message, error.safe, error.next_step)
        of_configuration = isinstance(error, ConfigError)
        return ErrorText(
            self.text(texts.CONFIGURATION_WRONG if of_configuration else texts.LAKE_DOWN, cause=""),
            self.text(texts.PAGES_ARE_SAFE),
            self.text(texts.CORRECT_CONFIGURATION if of_configuration else texts.CHECK_SERVICES),
            str(error),
        )
