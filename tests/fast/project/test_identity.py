"""Links and identity in configuration: what does not fit together, each on its line."""

from pathlib import Path

import pytest

from tests.support.folders import MEASURES, PROJECT_YML, USERS, Folder

LINKS = "sources/account_links.yml"
TEXT = """source: account_links
kind: links
read: {connection: shop, table: account_links}
columns:
  link_id: {from: link_id, type: string}
  customer: {from: user_no, type: string}
  open_id: {from: open_id, type: string}
  phone: {from: phone, type: string, pii: hash}
  note: {from: note, type: string, pii: drop}
  linked_at: {from: linked_at, type: timestamp}
key: [link_id]
links: {customer: customer, open_id: open_id, phone: phone}
time: linked_at
"""
IDENTITY = """
identity:
  limits: {customer: 3}
  block:
    phone:
      - "${SHOP_PHONE}"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    small = Folder.small(tmp_path)
    small.write(LINKS, TEXT)
    small.write(PROJECT_YML, small.read(PROJECT_YML) + IDENTITY)
    return small


def test_links_and_identity_are_built(folder: Folder) -> None:
    project = folder.project()
    (source,) = project.links()
    assert source.ids == (("customer", "customer"), ("open_id", "open_id"), ("phone", "phone"))
    assert project.identity is not None
    assert project.identity.limits == {"customer": 3}
    assert project.identity.block == (("phone", "${SHOP_PHONE}"),)
    assert project.identity.hashed == {"phone"}


def test_without_links_there_is_no_identity(tmp_path: Path) -> None:
    assert Folder.small(tmp_path).project().identity is None


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        (
            LINKS,
            "links: {customer: customer, open_id: open_id, phone: phone}",
            "links: {customer: customer}",
            "links: must name two or more ids of one person, as `kind: column`",
        ),
        (
            LINKS,
            "open_id: open_id, phone: phone}",
            "open_id: customer, phone: phone}",
            "links: each id of a person needs its own column",
        ),
        (LINKS, "open_id: open_id,", "open_id: openid,", None),
        (LINKS, "phone: phone}", "phone: note}", "column 'note' is dropped and cannot be used here"),
        (
            LINKS,
            "links: {customer: customer, open_id: open_id, phone: phone}",
            "user: {customer: customer}",
            "a source of kind links must not have `user`: its `links` name the ids of one person",
        ),
        (
            USERS,
            "user: {customer: customer}",
            "links: {customer: customer, city: city}",
            "`links` is only allowed in a source of kind links",
        ),
        (PROJECT_YML, "{customer: 3}", "{customer: 0}", None),
        (PROJECT_YML, "{customer: 3}", "{customer: yes}", None),
        (
            PROJECT_YML,
            "{customer: 3}",
            "{custmer: 3}",
            "no source of kind links has ids of kind 'custmer' (did you mean customer?)",
        ),
        (PROJECT_YML, '"${SHOP_PHONE}"', '" "', "is empty, expected an id"),
        (PROJECT_YML, '"${SHOP_PHONE}"', "13800000000", None),
        (PROJECT_YML, "limits:", "limit:", "identity: unknown key 'limit' (did you mean limits?)"),
    ],
)
def test_one_mistake_is_one_problem_on_its_line(
    folder: Folder, file: str, old: str, new: str, message: str | None
) -> None:
    line = folder.replace(file, old, new)
    (problem,) = folder.problems()
    assert problem.startswith(f"{file}:{line}: ")
    if message is not None:
        assert problem == f"{file}:{line}: {message}"


def test_a_blocked_kind_that_nobody_links_stands_on_its_line(folder: Folder) -> None:
    line = folder.replace(PROJECT_YML, "    phone:", "    phones:")
    assert folder.problems() == [
        f"{PROJECT_YML}:{line}: no source of kind links has ids of kind 'phones' (did you mean phone?)"
    ]


def test_limits_without_links_would_never_act(tmp_path: Path) -> None:
    small = Folder.small(tmp_path)
    small.write(PROJECT_YML, small.read(PROJECT_YML) + "\nidentity: {limits: {customer: 3}}\n")
    (problem,) = small.problems()
    assert problem.endswith("`identity` needs a source of kind links")


def test_links_without_a_time_never_begin_to_count(folder: Folder) -> None:
    folder.replace(LINKS, "time: linked_at\n", "")
    (problem,) = folder.problems()
    assert problem.endswith("links need `time`, the column with the time from which the link counts")


def test_an_id_hashed_here_and_in_clear_there_joins_nothing(folder: Folder) -> None:
    folder.replace(
        LINKS, "customer: {from: user_no, type: string}", "customer: {from: user_no, type: string, pii: hash}"
    )
    found = folder.problems()
    assert len(found) == 1
    assert "ids of kind customer are hashed in source account_links but in plain text here" in found[0]


def test_a_measure_of_links_is_refused(folder: Folder) -> None:
    text = folder.read(MEASURES)
    folder.write(MEASURES, text + '  links_ever: {source: account_links, value: "count(*)"}\n')
    (problem,) = folder.problems()
    assert problem.endswith("account_links has the kind links and cannot have measures")


def test_who_is_one_person_is_part_of_the_version(folder: Folder) -> None:
    before = folder.project().version
    folder.replace(PROJECT_YML, "{customer: 3}", "{customer: 4}")
    assert folder.project().version != before
