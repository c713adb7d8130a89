"""Lineage against what really changes: a column is spoiled, and a day of the wide shop computed again."""

from tests.support.verified import verified_after
from tests.support.verified_day import Day
from usertags.project.lineage import Lineage
from usertags.project.model import Column, Source
from usertags.verify.inputs import used_columns

# A column of each type, made wrong in every row.
_SPOILED = {
    "string": "{0} || 'x'",
    "decimal(12,2)": "2 * {0} + 7",
    "timestamp": "{0} - INTERVAL 40 DAY",
    "date": "{0} - 40",
}


def _spoiled(source: Source, column: Column) -> str:
    value = _SPOILED[column.type].format(f'"{column.name}"')
    return f'UPDATE clean."{source.name}" SET "{column.name}" = {value}'


def test_the_tags_that_change_with_a_spoiled_column_are_those_that_its_lineage_lists(wide_day: Day) -> None:
    """Every column that is read of every source but links, one at a time. Ids make other users as well: then
    only users are looked at who stay, because another source knows them."""
    day = wide_day
    lineage, changed, listed = Lineage(day.project), {}, {}
    for source in day.project.sources.values():
        read = used_columns(day.project, source) if source.kind != "links" else ()
        for column in map(source.column, read):
            stay = {"u1", "u4"} if column.name == source.user else None
            differences = verified_after(
                day.connection, day.project, day.published, [_spoiled(source, column)], most=1000
            ).differences
            place = f"{source.name}.{column.name}"
            changed[place] = {
                each.subject
                for each in differences
                if each.table == "tags.user_tags"
                and (stay is None or each.user.removeprefix("customer:") in stay)
            }
            listed[place] = {tag.id for tag in lineage.hit_by(source, column.name)}
    assert {place: tags - listed[place] for place, tags in changed.items() if tags - listed[place]} == {}
    assert len(changed) >= 20
    # What is listed is not everything: these few rows change a third of it.
    listings = sum(map(len, listed.values()))
    assert sum(map(len, changed.values())) * 3 >= listings
