"""The forms of ids of people in configuration, and rules about personal data, each on its line."""

from pathlib import Path

import pytest

from tests.fast.project.test_identity import LINKS, TEXT
from tests.support.folders import ORDERS, PROJECT_YML, Folder
from usertags.config.id_forms import IdForm
from usertags.stages.clean_batch import _columns

IDS = """
ids:
  phone: {normalise: [digits], country_code: "86", matches: "1[0-9]{10}", no_id: ["13800138000"]}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    small = Folder.small(tmp_path)
    small.write(LINKS, TEXT)
    small.write(PROJECT_YML, small.read(PROJECT_YML) + IDS)
    return small


def test_a_column_has_the_form_of_its_kind(folder: Folder) -> None:
    """Of a link its kind is that of the link; of another personal column that of its `id`."""
    folder.replace(ORDERS, "phone: {from: Phone,", "phone: {id: phone, from: Phone,")
    project = folder.project()
    form = IdForm(("digits",), "86", "1[0-9]{10}", ("13800138000",))
    assert project.sources["orders"].raw_forms == {"Phone": form}
    assert project.sources["account_links"].raw_forms == {"phone": form}
    assert project.identity is not None
    assert project.identity.forms == {"phone": form}


def test_a_form_is_part_of_the_version_of_its_column_alone(folder: Folder) -> None:
    with_form = folder.project()
    folder.replace(PROJECT_YML, IDS, "")
    without = folder.project()
    assert with_form.version != without.version
    links = [_columns(project.sources["account_links"]) for project in (with_form, without)]
    assert [one for one, other in zip(*links, strict=True) if one != other] == [links[0][3]]
    orders = [_columns(project.sources["orders"]) for project in (with_form, without)]
    assert orders[0] == orders[1]


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        (
            PROJECT_YML,
            "  phone: {normalise",
            "  phon: {normalise",
            "no column with `pii: hash` has ids of kind 'phon' (did you mean phone?)",
        ),
        (
            PROJECT_YML,
            ', matches: "1[0-9]{10}"',
            "",
            "ids.phone: a `country_code` needs `matches`, the form of a number without it",
        ),
        (
            PROJECT_YML,
            "1[0-9]{10}",
            "1[0-9",
            "ids.phone.matches: is not a valid regular expression: unterminated character set at position 1",
        ),
        (PROJECT_YML, '["13800138000"]', "[0]", None),
        (PROJECT_YML, "[digits]", "[digit]", None),
        (
            LINKS,
            "phone: {from: phone,",
            "phone: {id: mobile, from: phone,",
            "`id` is 'mobile', but the column has the user's ids of kind 'phone'",
        ),
        (
            ORDERS,
            "note: {from: Note, type: string, pii: drop}",
            "note: {from: Note, type: string, id: phone}",
            "columns.note: `id` is only allowed with `pii: hash`: it says how an id is written before its "
            "hash",
        ),
    ],
)
def test_one_mistake_is_one_problem_on_its_line(
    folder: Folder, file: str, old: str, new: str, message: str | None
) -> None:
    line = folder.replace(file, old, new)
    found = [problem for problem in folder.problems() if "Note" not in problem]
    assert all(problem.startswith(f"{file}:{line}: ") for problem in found)
    if message is not None:
        assert f"{file}:{line}: {message}" in found


@pytest.mark.parametrize(
    "rule",
    ["phone rlike '^0+$'", "phone = '-'", "PHONE in ('0')", "length(phone) < 11", "coalesce(phone, '') = ''"],
)
def test_a_rule_that_reads_a_hash_is_refused(folder: Folder, rule: str) -> None:
    folder.write(LINKS, TEXT + f'reject:\n  no_phone: "{rule}"\n')
    (problem,) = folder.problems()
    assert problem.endswith(
        "phone is personal data, of which a rule sees only the hash: ask whether it `is null`, and say what "
        "is no id in `ids` of project.yml"
    )


@pytest.mark.parametrize("rule", ["phone is null", "phone is not null and customer = '0'", "Phone is null"])
def test_a_rule_may_ask_whether_a_hash_is_there(folder: Folder, rule: str) -> None:
    folder.write(LINKS, TEXT + f'reject:\n  no_phone: "{rule}"\n')
    assert folder.project().sources["account_links"].reject
