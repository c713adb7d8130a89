"""What a run of the tag stage compares with: literal publications in a table of files."""

from datetime import date

from tests.support.quality_rows import publication
from tests.support.runs import publish_rows
from usertags.stages.tag import day_before
from usertags.store.lake import Lake

D1, D2, D3, D4, D5 = (date(2026, 3, number) for number in (1, 2, 3, 4, 5))


def test_a_day_is_compared_with_the_latest_published_day_before_it(lake_in_files: Lake) -> None:
    """Days may be missing, and later ones be published already."""
    assert day_before(lake_in_files, D4) is None
    publish_rows(lake_in_files, [publication(day) for day in (D5, D1, D4, D2)])
    found = {day: day_before(lake_in_files, day) for day in (D1, D2, D3, D4, D5)}
    assert {day: before and before.data_day for day, before in found.items()} == {
        D1: None,
        D2: D1,
        D3: D2,
        D4: D2,
        D5: D4,
    }
