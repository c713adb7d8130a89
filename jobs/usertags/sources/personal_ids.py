"""Ids of people as shops send them: one spelling for one id, and none for what is no id.

What stands for nobody (`0`, `-`, `N/A`), is masked, or has lost digits in a spreadsheet would be an id that
joins strangers.
"""

import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Literal

from usertags.config.id_forms import CHECK_DIGITS, IdForm
from usertags.config.text_signs import NULL_WORDS, WHITE_SPACE

# Why a value is no id: it stands for nobody, its digits are hidden or lost, it has not the form of its kind.
Reason = Literal["placeholder", "masked", "shortened", "form"]
REASONS: tuple[Reason, ...] = ("placeholder", "masked", "shortened", "form")

ANY_FORM = IdForm()
# Separators between the digits of a phone number, besides white space and dashes. Not the dot: it would
# give different IP addresses the same digits.
_SEPARATORS = frozenset("()\u2212")
_MAINLAND_MOBILE = re.compile(r"(?:(?:\+|00)?86)?(1[0-9]{10})")
_PHONE = re.compile(r"\+?[0-9]{7,15}")
_PLAIN_MOBILE = re.compile(r"1[3-9][0-9]{9}")

# A program wrote it as a double: 13800138000.0, or 1.3800138E10 as Java does, with all digits that it has.
_WITH_POINT = re.compile(r"(-?[0-9]+)\.0+")
_OF_JAVA = re.compile(r"-?[0-9]\.[0-9]+E[0-9]{1,2}")
# A spreadsheet shows 13800138000 as 1.38E+10.
_OF_SPREADSHEET = re.compile(r"-?[0-9](?:\.([0-9]+))?[eE]\+([0-9]{1,3})")
_LAST_EXACT = 2**53

# Zeros, with any signs but letters and digits among them.
_ZEROS = re.compile(r"[\W_]*0[0\W_]*")
# What is typed where a phone number is required. A form of its own decides for itself.
_ONE_DIGIT = re.compile(r"([0-9])\1{9,}")
_SIGNS_AROUND = "()[]{}<>'\"#-_./? " + WHITE_SPACE
_NOBODY = frozenset(word.casefold().strip(_SIGNS_AROUND) for word in NULL_WORDS) | {
    "-1",  # of programs that have no null
    *("n/a", "na", "n.a", "nil", "nul", "undefined", "unknown", "empty", "missing"),
    *("#name?", "#value!", "#ref!", "#div/0!", "#num!", "#null!"),  # errors of a spreadsheet
    *("无", "没有", "暂无", "未知", "不详", "空", "未填", "未填写", "未提供", "未绑定", "保密"),
}


@dataclass(frozen=True)
class PersonalId:
    """What a value is: the one spelling of its id, or the reason why it is none; neither if it is empty."""

    text: str | None = None
    reason: Reason | None = None


def personal_id(text: str, form: IdForm = ANY_FORM) -> PersonalId:
    """The id that a text is, with the form of its kind."""
    if form is ANY_FORM and _PLAIN_MOBILE.fullmatch(text):
        return PersonalId(text)
    plain = _plain(text)
    if not plain:
        return PersonalId()
    number = _with_all_digits(plain)
    spelled = None if number is None else _spelled(number, form)
    reason = _why_none(plain, spelled, form)
    return PersonalId(reason=reason) if reason else PersonalId(spelled)


def _why_none(plain: str, spelled: str | None, form: IdForm) -> Reason | None:
    if _stands_for_nobody(plain) or (form.matches is None and _ONE_DIGIT.fullmatch(plain)):
        return "placeholder"
    if "**" in plain:
        return "masked"
    if spelled is None:
        return "shortened"
    if spelled in _no_ids(form):
        return "placeholder"
    return None if _is_valid(spelled, form) else "form"


@lru_cache
def _no_ids(form: IdForm) -> frozenset[str]:
    """The spellings of the texts that stand for nobody in a form: the same for every value."""
    return frozenset(_spelled(_plain(word), form) for word in form.no_id)


def normalise(value: str) -> str:
    """The canonical spelling of an id of a kind without a form: compatibility forms folded (full-width
    digits), invisible characters and surrounding blanks removed, case folded; a phone number without
    separators, and for mainland China without the country code. Other ids keep their inner punctuation: `a-b`
    and `ab` are different ids."""
    plain = _MAINLAND_MOBILE.fullmatch(value)
    if plain:
        return plain.group(1)
    # Case folding can undo the compatibility form of a few letters, so it is normalised a second time.
    folded = unicodedata.normalize("NFKC", _plain(value).casefold())
    digits = "".join(character for character in folded if not _separates(character))
    mobile = _MAINLAND_MOBILE.fullmatch(digits)
    if mobile:
        return mobile.group(1)
    return digits if _PHONE.fullmatch(digits) else folded


def _plain(value: str) -> str:
    return _visible(unicodedata.normalize("NFKC", value)).strip()


def _visible(value: str) -> str:
    return "".join(character for character in value if unicodedata.category(character) != "Cf")


def _separates(character: str) -> bool:
    return character.isspace() or character in _SEPARATORS or unicodedata.category(character) == "Pd"


def _spelled(text: str, form: IdForm) -> str:
    if form.steps is None:
        return _without_country_code(normalise(text), form)
    if "lower" in form.steps:
        text = unicodedata.normalize("NFKC", text.casefold())
    if "digits" in form.steps:
        text = "".join(character for character in text if not _separates(character) and character != ".")
    return _without_country_code(text, form)


def _without_country_code(text: str, form: IdForm) -> str:
    if form.country_code is None or form.matches is None:
        return text
    rest = re.fullmatch(rf"(?:\+|00)?{form.country_code}(.+)", text)
    return rest.group(1) if rest and re.fullmatch(form.matches, rest.group(1)) else text


def _is_valid(text: str, form: IdForm) -> bool:
    if form.matches is not None and re.fullmatch(form.matches, text) is None:
        return False
    return form.check_digit is None or CHECK_DIGITS[form.check_digit](text)


def _stands_for_nobody(plain: str) -> bool:
    folded = plain.casefold()
    if not any(character.isalnum() for character in folded) or _ZEROS.fullmatch(folded):
        return True
    return folded in _NOBODY or folded.strip(_SIGNS_AROUND) in _NOBODY


def _with_all_digits(plain: str) -> str | None:
    """A number that was written as a double is the integer's text; None if some of its digits are lost."""
    if "." not in plain and "+" not in plain:
        return plain
    whole = _WITH_POINT.fullmatch(plain)
    if whole:
        return whole.group(1) if abs(int(whole.group(1))) < _LAST_EXACT else None
    shown = _OF_SPREADSHEET.fullmatch(plain)
    if shown and len(shown.group(1) or "") < int(shown.group(2)):
        return None
    if shown or _OF_JAVA.fullmatch(plain):
        number = Decimal(plain)
        exact = abs(number) < _LAST_EXACT and number == number.to_integral_value()
        return str(int(number)) if exact else None
    return plain
