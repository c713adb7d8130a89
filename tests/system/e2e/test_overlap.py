"""`usertags check --strict`: the pairs of tags that it names are those of a count by hand."""

from itertools import combinations

import pytest

from usertags import overlap
from usertags.overlap import overlaps

from .conftest import GoodDays
from .expected import D6

pytestmark = pytest.mark.shared("good_days")


def _by_hand(good_days: GoodDays, threshold: float, minimum: int) -> dict[tuple[str, ...], float]:
    users: dict[tuple[str, str], set[str]] = {}
    for row in good_days.shop.published("user_tags", D6):
        users.setdefault((row["tag_id"], row["tag_value"]), set()).add(row["user_id"])
    large = {key: carriers for key, carriers in users.items() if len(carriers) >= minimum}
    found = {}
    for (one, of_one), (other, of_other) in combinations(sorted(large.items()), 2):
        jaccard = len(of_one & of_other) / len(of_one | of_other)
        if one[0] != other[0] and jaccard >= threshold:
            found[(*one, *other)] = round(jaccard, 9)
    return found


@pytest.mark.parametrize(("threshold", "minimum"), [(0.01, 1), (0.5, 1), (0.5, 3), (1.0, 1), (1.0, 2)])
def test_the_pairs_are_those_of_a_count_by_hand(
    good_days: GoodDays, monkeypatch: pytest.MonkeyPatch, threshold: float, minimum: int
) -> None:
    monkeypatch.setattr(overlap, "MINIMUM_USERS", minimum)
    shop = good_days.shop
    found = overlaps(shop.pipeline.project, shop.lake, threshold)
    pairs = {(p.tag, p.value, p.other_tag, p.other_value): round(p.jaccard, 9) for p in found}
    assert pairs == _by_hand(good_days, threshold, minimum)
    assert len(pairs) == len(found) > 0
    assert [p.jaccard for p in found] == sorted((p.jaccard for p in found), reverse=True)


def test_check_strict_shows_them_and_check_alone_reads_no_table(
    good_days: GoodDays, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(overlap, "MINIMUM_USERS", 1)
    assert good_days.shop.command("check", "--strict", "--threshold", "1") == 0
    shown = capsys.readouterr().out
    pairs = len(_by_hand(good_days, 1.0, 1))
    assert shown.count("similar") == pairs
    assert f"{pairs} pairs of published tags with Jaccard 1 or more" in shown
    monkeypatch.setattr("usertags.overlap.overlaps", None)
    assert good_days.shop.command("check") == 0
    assert "similar" not in capsys.readouterr().out
