"""Which links are refused and who is one user, on small graphs by hand."""

from datetime import date

from usertags.verify.links import Link, Users, users_of


def link(a: str, b: str, day: int = 1) -> Link:
    return Link(date(2026, 3, day), *sorted((a, b)), "links")


def refused(found: Users) -> dict[tuple[str, str], str]:
    return {link.ends: reason for link, reason in found.refused}


def test_links_join_ids_to_one_user() -> None:
    found = users_of([link("c:1", "p:1"), link("p:1", "d:1"), link("c:2", "p:2")], (), {})
    assert found.component["c:1"] == found.component["d:1"] != found.component["c:2"]
    assert found.refused == []


def test_a_blocked_id_joins_nobody() -> None:
    found = users_of([link("c:1", "p:1"), link("c:2", "p:1")], {"p:1"}, {})
    assert found.component == {}
    assert set(refused(found).values()) == {"blocked"}


def test_all_links_of_an_id_of_several_people_are_refused() -> None:
    own = [link(f"c:{number}", f"w:{number}") for number in range(3)]
    found = users_of([*own, *[link(f"c:{number}", "p:1") for number in range(3)]], (), {"c": 2})
    assert refused(found) == {(f"c:{number}", "p:1"): "shared" for number in range(3)}
    assert len(set(found.component.values())) == 3


def test_of_one_person_only_ids_without_another_link_are_refused() -> None:
    own = [link("c:0", "w:0"), link("c:1", "w:0")]
    found = users_of([*own, *[link(f"c:{number}", "p:1") for number in range(4)]], (), {"c": 2})
    assert refused(found) == {("c:2", "p:1"): "shared", ("c:3", "p:1"): "shared"}
    assert found.component["c:0"] == found.component["p:1"]


def test_the_link_that_makes_a_person_too_large_is_refused() -> None:
    chain = [link("c:0", "w:0", 1), link("c:1", "w:0", 2), link("c:1", "w:1", 3), link("c:2", "w:1", 4)]
    found = users_of(chain, (), {"c": 2})
    assert refused(found) == {("c:2", "w:1"): "limit"}
    assert "c:2" not in {node for node in found.component if found.component[node] == found.component["c:0"]}


def test_a_tangle_of_links_is_nobody() -> None:
    ring = [link(f"c:{number}", f"w:{number}") for number in range(300)]
    ring += [link(f"c:{(number + 1) % 300}", f"w:{number}") for number in range(300)]
    found = users_of(ring, (), {"c": 2})
    assert set(refused(found).values()) == {"tangled"}
    assert found.component == {}
