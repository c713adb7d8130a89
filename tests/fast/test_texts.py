"""The tables of texts: each text is there in both languages, and says the same of the same fields."""

from plugins.usertags_quality import texts as of_pages
from tests.support.languages import english_in, every_text, fields_of
from usertags import errors
from usertags.language import Words
from usertags.quality import formats, kinds, texts
from usertags.quality.kinds import KINDS

TEXTS = {
    f"{module.__name__}.{name}": words
    for module in (of_pages, texts, kinds, formats, errors)
    for name, words in every_text(module)
} | {f"{kind}.{name}": words for kind, text in KINDS.items() for name, words in vars(text).items()
     if isinstance(words, Words)}  # fmt: skip
# One language says more than the other: how a month is called, and what another program answered in English.
DIFFERENT = {"MONTH", "ANSWERED", "NO_SUCH_PLACE", "LAKE_DOWN"}
# Codes of the rows: the reasons of refused links, and the language of a page for the browser.
CODES = frozenset({"limit", "tangled", "zh-CN", "zh", "CN", "plan"})


class Blank(dict[str, object]):
    """Fields that say nothing, whatever their format."""

    def __missing__(self, name: str) -> object:
        return Blank()

    def __format__(self, spec: str) -> str:
        return ""


def chinese(text: str) -> bool:
    return any("一" <= letter <= "鿿" for letter in text)


def test_every_text_is_there_in_both_languages() -> None:
    assert len(TEXTS) > 400
    assert [name for name, words in TEXTS.items() if not words.en or chinese(words.en)] == []
    left = {name: english_in([words.zh.format_map(Blank())], CODES) for name, words in TEXTS.items()}
    assert {name: english for name, english in left.items() if english or not TEXTS[name].zh} == {}


def test_both_languages_fill_in_the_same_fields() -> None:
    differing = [name for name, words in TEXTS.items() if fields_of(words.en) != fields_of(words.zh)]
    assert {name.rpartition(".")[2] for name in differing} == DIFFERENT
    single = [(name, words) for name, words in TEXTS.items() if words.one is not None]
    assert [
        name for name, words in single if fields_of(words.one or "") | {"count"} != fields_of(words.en)
    ] == []
