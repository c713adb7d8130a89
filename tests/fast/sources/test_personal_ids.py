"""What is an id of a person, how it is spelled, and why something is none."""

import pytest
import yaml

from tests.support.places import ROOT
from usertags.config.id_forms import IdEntry, IdForm
from usertags.sources.personal_ids import personal_id


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        *[
            (text, "placeholder")
            for text in ("0", "00000000000", "0.0", "000-0000-0000", "+00", "０", "0E0."[:1])
        ],
        *[(text, "placeholder") for text in ("-", "--", "—", "/", "?", "***", ".", "~", "\\", "－")],
        *[(text, "placeholder") for text in ("N/A", "n/a", "#N/A", "NA", "Ｎ／Ａ", "(null)", "NULL", "None")],
        *[(text, "placeholder") for text in ("\\N", "nan", "NaT", "<NA>", "undefined", "Unknown", "nil")],
        *[(text, "placeholder") for text in ("#VALUE!", "#REF!", "#NAME?", "无", " 暂无 ", "未知", "（空）")],
        *[(text, "placeholder") for text in ("-1", " -1 ", "11111111111", "１１１１１１１１１１１")],
        *[(text, "shortened") for text in ("110101199003071232.0", "9007199254740992.00")],
        *[(text, "masked") for text in ("138****8000", "l**@example.com", "138＊＊＊＊8000")],
        *[(text, "shortened") for text in ("1.38E+10", "1E+10", "1.3800138e+10", " 1.38E+10 ", "4.4E+17")],
        *[(text, "shortened") for text in ("1.10101199003072E+17", "9.1E15")],
        *[(text, None) for text in ("", " ", "\u200b", "\u3000\t")],
    ],
)
def test_what_is_no_id_has_no_spelling(text: str, reason: str | None) -> None:
    found = personal_id(text)
    assert (found.text, found.reason) == (None, reason)


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("13900139001.0", "13900139001"),
        ("13900139001.00", "13900139001"),
        ("1.3900139001E10", "13900139001"),
        ("1.3900139001E+10", "13900139001"),
        (" 139 0013 9001\u00a0", "13900139001"),
        ("10", "10"),
        ("1", "1"),
        ("9007199254740991.0", "9007199254740991"),
        ("777777777", "777777777"),
        ("a0", "a0"),
        ("10.0.0.1", "10.0.0.1"),
        ("0571-0000000", "05710000000"),
        ("nana@example.com", "nana@example.com"),
        ("u*1", "u*1"),
    ],
)
def test_an_id_has_one_spelling(text: str, spelled: str) -> None:
    found = personal_id(text)
    assert (found.text, found.reason) == (spelled, None)


MOBILE = IdForm(("digits",), "86", "1[3-9][0-9]{9}", ("13800138000",))


@pytest.mark.parametrize(
    ("text", "form", "expected"),
    [
        *[
            (text, MOBILE, "13900139001")
            for text in ("13900139001", "+86 139-0013-9001", "(0086)139.0013.9001")
        ],
        *[
            (text, MOBILE, "13900139001")
            for text in ("8613900139001", "１３９００１３９００１", "13900139001.0")
        ],
        *[
            (text, MOBILE, "form")
            for text in ("02162345678", "1390013900", "13900139001转2", "11111111111", "abc")
        ],
        *[(text, MOBILE, "placeholder") for text in ("+86 138 0013 8000", "13800138000.0", "0")],
        # Letters keep their case, unless the form says `lower`.
        ("oGZUI0egBJY1", IdForm(()), "oGZUI0egBJY1"),
        ("oGZUI0egBJY1", IdForm(("lower",)), "ogzui0egbjy1"),
        ("a.b-c", IdForm(("digits",)), "abc"),
        ("a-b", IdForm(()), "a-b"),
        ("138-0013-8001", IdForm(()), "138-0013-8001"),
        ("无名氏", IdForm(no_id=("无名氏",)), "placeholder"),
    ],
)
def test_a_form_says_how_ids_are_spelled_and_which_are_valid(text: str, form: IdForm, expected: str) -> None:
    found = personal_id(text, form)
    assert expected in (found.text, found.reason)
    assert (found.text is None) != (found.reason is None)


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("phone", "+86 139 0013 9001", "13900139001"),
        ("phone", "12345", "form"),
        ("email", " Li.Si@Example.COM", "li.si@example.com"),
        ("email", "li.si@", "form"),
        ("email", "li si@example.com", "form"),
        ("id_card", "11010519491231002X", "11010519491231002x"),
        ("id_card", "110105 19491231 002x", "11010519491231002x"),
        ("id_card", "110105194912310021", "form"),
        ("id_card", "1.10105194912310E+17", "shortened"),
        ("id_card", "110105491231002", "form"),
        ("open_id", "oGZUI0egBJY1zhBYw2KhdUfwVJJE", "oGZUI0egBJY1zhBYw2KhdUfwVJJE"),
        ("open_id", "oGZUI0egBJY1", "form"),
    ],
)
def test_the_forms_of_the_readme_are_those_of_usual_ids(kind: str, text: str, expected: str) -> None:
    found = personal_id(text, _readme_forms()[kind])
    assert expected in (found.text, found.reason)


def _readme_forms() -> dict[str, IdForm]:
    blocks = (ROOT / "README.md").read_text("utf-8").split("```yaml\n")
    (block,) = [part.split("```")[0] for part in blocks if "\nids:" in part]
    return {kind: IdEntry(**entry).form for kind, entry in yaml.safe_load(block)["ids"].items()}
