"""Which files of a delivery are read: each form in which a file comes again, and what is refused."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any, Literal

import pytest

from tests.support.sources import orders
from usertags.errors import DataError
from usertags.project.model import Source
from usertags.project.source_entry import Read
from usertags.sources.files import NO_ROWS, SourceFile
from usertags.stages.deliveries import DeliveredFile, deliveries, with_content

D1, D2, D3 = (date(2026, 3, number) for number in (1, 2, 3))
Rule = Literal["keep", "drop", "key", "version"]


def source(rule: Rule, **read: Any) -> Source:
    keyed = {"key": ("order_no",) if rule in ("key", "version") else ()}
    return replace(
        orders(),
        read=Read(connection="files", files="**/*.csv", format="csv", **read),
        repeats=rule if rule in ("keep", "drop") else None,
        version="updated_at" if rule == "version" else None,
        **keyed,
    )


def file(name: str, content: str = "A", packed: str = "", day: date | None = None) -> SourceFile:
    """`packed` stands for how the content is compressed, and so for other bytes."""
    return SourceFile(
        f"/landing/{name}", name, 10, content + packed, day, hidden="/." in f"/{name}", content=content
    )


def read(*files: SourceFile) -> list[DeliveredFile]:
    return [DeliveredFile(each, "read") for each in files]


def found(
    rule: Rule,
    files: Sequence[SourceFile],
    known: Mapping[date, Sequence[DeliveredFile]],
    day: date = D2,
    *,
    accept: bool = False,
    **options: Any,
) -> dict[str, str]:
    """The files that the batch names, with what is done with them."""
    sorted_out = deliveries(files, known, day, source(rule, **options), accept=accept)
    return {each.file.name: each.state for each in sorted_out}


ALL: tuple[Rule, ...] = ("keep", "drop", "key", "version")
A_READ = {D1: read(file("a.csv", "A"), file("b.csv", "B"))}


@pytest.mark.parametrize("rule", ALL)
def test_what_another_day_has_read_is_known_and_the_rest_is_read(rule: Rule) -> None:
    known = {D1: read(file("a.csv", "A")), D3: read(file("c.csv", "C"))}
    files = [file("a.csv", "A"), file("b.csv", "B"), file("c.csv", "C"), file("d.csv", "D")]
    assert found(rule, files, known) == {"b.csv": "read", "d.csv": "read"}
    assert found(rule, [], known) == {}


@pytest.mark.parametrize("rule", ALL)
def test_the_same_content_compressed_anew_or_moved_is_not_read_again(rule: Rule) -> None:
    files = [file("a.csv", "A", packed="gz9"), file("archive/b.csv.gz", "B", packed="gz"), file("c.csv", "C")]
    assert found(rule, files, A_READ) == {"a.csv": "again", "archive/b.csv.gz": "again", "c.csv": "read"}
    # The next day knows them as they are now, and says nothing more.
    known = {**A_READ, D2: deliveries(files, A_READ, D2, source(rule))}
    assert found(rule, files, known, D3) == {}


@pytest.mark.parametrize("rule", ALL)
def test_another_spelling_of_the_root_changes_nothing(rule: Rule) -> None:
    again = [replace(file("a.csv", "A"), path="../landing/a.csv"), replace(file("b.csv", "B"), path="/b.csv")]
    assert found(rule, again, A_READ) == {}


@pytest.mark.parametrize(
    ("rule", "state"), [("keep", "doubtful"), ("drop", "read"), ("key", "read"), ("version", "read")]
)
def test_the_same_content_under_another_name_is_in_doubt_where_its_rows_would_count_twice(
    rule: Rule, state: str
) -> None:
    copy, other = file("copy/a.csv", "A"), file("a_v2.csv", "A")
    files = [file("a.csv", "A"), copy, other]
    assert found(rule, files, A_READ) == {"copy/a.csv": state, "a_v2.csv": state}
    assert found(rule, files, A_READ, accept=True) == {"copy/a.csv": "read", "a_v2.csv": "read"}
    # Twice in one delivery.
    assert found(rule, files, {}) == {"a.csv": "read", "copy/a.csv": state, "a_v2.csv": state}


def test_what_was_accepted_stays_accepted() -> None:
    files = [file("a.csv", "A"), file("b.csv", "A")]
    accepted = {D2: deliveries(files, {}, D2, source("keep"), accept=True)}
    assert found("keep", files, accepted) == {"a.csv": "read", "b.csv": "read"}
    assert found("keep", files, accepted, D3) == {}


def test_yesterdays_content_under_todays_name_is_in_doubt() -> None:
    known = {D1: read(file("dt=2026-03-01/part.csv", "A", day=D1))}
    today = file("dt=2026-03-02/part.csv", "A", day=D2)
    assert found("keep", [today], known) == {today.name: "doubtful"}
    # With a key it is the state of today.
    assert found("key", [today], known) == {today.name: "read"}
    moved = file("old/dt=2026-03-01/part.csv", "A", day=D1)
    assert found("keep", [moved], known) == {moved.name: "again"}


def test_an_older_state_that_comes_back_under_its_name_is_new() -> None:
    known = {D1: read(file("stores.csv", "A")), D2: read(file("stores.csv", "B"))}
    back = [file("stores.csv", "A")]
    assert found("key", back, known, D3) == {"stores.csv": "read"}
    # Where nothing is replaced, all of its rows have been read.
    for rule in ("keep", "drop"):
        assert found(rule, back, known, D3) == {}


def test_an_older_state_from_another_folder_is_in_doubt_if_it_would_replace_a_newer_one() -> None:
    known = {D1: read(file("1/stores.csv", "A")), D2: read(file("2/stores.csv", "B"))}
    moved = [file("2/stores.csv", "B"), file("archive/stores.csv", "A")]
    assert found("key", moved, known, D3) == {"archive/stores.csv": "doubtful"}
    assert found("key", moved, known, D3, accept=True) == {"archive/stores.csv": "read"}
    assert found("version", moved, known, D3) == {"archive/stores.csv": "again"}


@pytest.mark.parametrize("rule", ["drop", "key", "version"])
def test_a_file_that_has_changed_is_read_where_its_rows_count_once(rule: Rule) -> None:
    assert found(rule, [file("a.csv", "A2")], A_READ) == {"a.csv": "read"}


def test_a_file_that_has_changed_is_refused_where_its_rows_would_count_twice() -> None:
    files = [file("a.csv", "A2"), file("b.csv", "B")]
    with pytest.raises(DataError, match=r"would count twice: a\.csv \(read on 2026-03-01\)") as error:
        found("keep", files, A_READ)
    for command in (
        "usertags run --day 2026-03-01 --re-extract",
        "usertags run --day 2026-03-02 --re-extract --accept-files",
        "overwritten: true",
    ):
        assert command in error.value.next_step
    assert found("keep", files, A_READ, accept=True) == {"a.csv": "read"}
    assert found("keep", files, A_READ, overwritten=True) == {"a.csv": "read"}
    # The day that has read it reads it as it is now.
    assert found("keep", files, A_READ, D1) == {"a.csv": "read", "b.csv": "read"}


def test_the_day_that_has_read_a_file_reads_it_again_wherever_it_is_now() -> None:
    moved = [file("archive/a.csv.gz", "A", packed="gz"), file("b.csv", "B")]
    known = {**A_READ, D2: deliveries(moved, A_READ, D2, source("keep"))}
    assert found("keep", moved, known, D1) == {"archive/a.csv.gz": "read", "b.csv": "read"}


def test_a_hidden_file_is_named_once() -> None:
    files = [file(".a.csv", ""), file("sub/.b.csv", "")]
    assert found("drop", files, {}) == {".a.csv": "hidden", "sub/.b.csv": "hidden"}
    assert found("drop", files, {D1: deliveries(files, {}, D1, source("drop"))}) == {}


def test_files_without_rows_repeat_nothing() -> None:
    headers = [replace(file(name, NO_ROWS), fingerprint="header") for name in ("1.csv", "2.csv", "3.csv")]
    assert found("keep", headers[:2], {}) == {"1.csv": "read", "2.csv": "read"}
    # The next day brings one more, and names none of the others.
    assert found("keep", headers, {D1: read(*headers[:2])}) == {"3.csv": "read"}


@pytest.mark.parametrize("copy", ["0.csv", "z.csv", "archive/a.csv"])
def test_a_copy_beside_the_file_of_the_day_is_in_doubt_when_the_day_is_read_again(copy: str) -> None:
    files = sorted([file(copy, "A"), file("a.csv", "A")], key=lambda each: each.name)
    known = {D1: read(file("a.csv", "A"))}
    assert found("keep", files, known, D1) == {"a.csv": "read", copy: "doubtful"}
    # Known to be in doubt from the day after.
    known[D2] = [DeliveredFile(file(copy, "A"), "doubtful", "a.csv")]
    assert found("keep", files, known, D1) == {"a.csv": "read"}


def test_a_file_moved_to_two_places_is_read_once_when_its_day_is_read_again() -> None:
    files = [file("1/a.csv", "A"), file("2/a.csv", "A")]
    assert found("keep", files, {D1: read(file("a.csv", "A"))}, D1) == {
        "1/a.csv": "read",
        "2/a.csv": "doubtful",
    }


def test_a_hidden_file_that_is_renamed_is_known_by_its_content_from_then_on() -> None:
    hidden = replace(file(".a.csv", ""), fingerprint="f")
    known = {D1: [DeliveredFile(hidden, "hidden")]}
    renamed = replace(file("a.csv", ""), fingerprint="f")
    (listed,) = with_content([renamed], known, lambda each: "A")
    assert listed.content == "A"


def test_a_file_that_grew_while_it_was_compressed_is_refused_as_under_its_name() -> None:
    with pytest.raises(DataError, match=r"a\.csv\.gz \(read on 2026-03-01\)"):
        found("keep", [file("a.csv.gz", "A2"), file("b.csv", "B")], A_READ)
    # Beside the earlier file it is another one.
    assert found("keep", [file("a.csv", "A"), file("a.csv.gz", "A2")], A_READ) == {"a.csv.gz": "read"}


def test_folders_of_days_that_are_archived_are_not_read_again() -> None:
    def part(folder: str, day: date, content: str) -> SourceFile:
        return file(f"{folder}/dt={day}/part-0.csv", content, day=day)

    known = {D1: read(part("in", D1, "A")), D2: read(part("in", D2, "B"))}
    files = [part("archive", D1, "A"), part("in", D2, "B")]
    assert found("key", files, known, D3) == {files[0].name: "again"}


def test_files_are_found_among_many_without_comparing_each_with_each() -> None:
    many = [file(f"{number}.csv", f"content {number}") for number in range(20_000)]
    assert found("keep", many, {D1: read(*many[:-1])}) == {"19999.csv": "read"}


def test_files_of_a_register_without_contents_are_known_by_their_bytes() -> None:
    old = replace(file("a.csv", ""), name="", fingerprint="f")
    known = {D1: [DeliveredFile(old, "read")]}
    new = [replace(old, name="a.csv"), file("b.csv", "B")]
    asked: list[str] = []

    def content_of(each: SourceFile) -> str:
        asked.append(each.name)
        return "content"

    listed = with_content(new, known, content_of)
    assert asked == ["b.csv"]
    assert found("keep", listed, known) == {"b.csv": "read"}
    elsewhere = replace(old, name="a.csv", path="/moved/a.csv")
    assert found("keep", [elsewhere], known) == {"a.csv": "doubtful"}


# ---- the whole of a source ---------------------------------------------------------------------------


def test_where_rows_can_be_gone_the_files_of_the_newest_day_are_read_together() -> None:
    """One of them is new: then all of them are read, because together they are the whole source."""
    a1, a2 = (file(f"dt={D1}/{part}.csv", f"A{part}", day=D1) for part in (1, 2))
    b1, b2 = (file(f"dt={D2}/{part}.csv", f"B{part}", day=D2) for part in (1, 2))
    both = {b1.name: "read", b2.name: "read"}
    files = [a1, a2, b1, b2]
    assert found("key", files, {}, whole="replace") == both
    assert found("key", files, {D1: read(a1, a2, b1)}, whole="replace") == both
    # Nothing came for the day.
    assert found("key", files, {D1: read(a1, a2, b1, b2)}, whole="replace") == {}
    assert found("key", [], {}, whole="replace") == {}
    # The batch that has read them reads them again.
    assert found("key", files, {D2: read(b1, b2)}, whole="replace") == both
    # Yesterday's rows under today's name are the state of today.
    same = replace(a1, name=b1.name, path=b1.path, day=D2)
    assert found("key", [a1, same], {D1: read(a1)}, whole="replace") == {b1.name: "read"}


def test_without_days_in_their_names_all_files_are_read_every_day() -> None:
    files = [file("a.csv", "A"), file("b.csv", "B")]
    assert found("key", files, A_READ, whole="replace") == {"a.csv": "read", "b.csv": "read"}
