"""Which of the files that are there are new: a file is known by its content, not by its bytes or its name."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

from usertags.errors import DataError
from usertags.project.model import Source
from usertags.sources.files import NO_ROWS, SourceFile

# read: its rows are in the batch. again: it was read before, under this name or before it was moved, and is
# not read. doubtful: its content was read before under another name, which may be chance. hidden: its name
# begins with a dot.
State = Literal["read", "again", "doubtful", "hidden"]


@dataclass(frozen=True)
class DeliveredFile:
    """A file and what was done with it. `same_as` is the file with its content, as `name (day)`."""

    file: SourceFile
    state: State
    same_as: str = ""


def described(found: DeliveredFile) -> str:
    """The name of a file, and which one it repeats."""
    return f"{found.file.name} = {found.same_as}" if found.same_as else found.file.name


Known = Mapping[date, Sequence[DeliveredFile]]
"""The files of the batches of a source, by data day."""


def with_content(
    files: Iterable[SourceFile], known: Known, content_of: Callable[[SourceFile], str]
) -> list[SourceFile]:
    """The files with their content: of files that were seen before as the register has it, of others as
    `content_of` finds it. Files of a register that had no contents are not read for it: they are known by
    their bytes."""
    # Of a hidden file nobody has asked for the content; renamed, it is a file as any other.
    seen = {each.file.fingerprint: each.file.content for each in _all(known) if each.state != "hidden"}
    return [
        replace(file, content=seen[file.fingerprint] if file.fingerprint in seen else content_of(file))
        if not file.hidden
        else file
        for file in files
    ]


def deliveries(
    files: Sequence[SourceFile], known: Known, data_day: date, source: Source, *, accept: bool = False
) -> list[DeliveredFile]:
    """The files of a batch, in order: those to read, and those that are left out and were not seen by another
    day. In: the files that are there now, with their contents (`with_content`).

    Files that the batch itself has read are read again, as they are now. With `accept`, files in doubt are
    read. Where rows that a delivery lacks are gone, the files of the newest day (without `{day}`: all files)
    are the whole source: all of them are read, or none if none is new. Raises
    DataError if a file of another day has changed and its rows would count twice.
    """
    sorter = _Sorter(files, known, data_day, source, accept)
    if source.loses_rows:
        return sorter.whole(files)
    # The batch's own files come first: a copy repeats them, wherever it stands in the order.
    own_first = sorted(files, key=lambda file: not sorter.is_own(file))
    sorted_out = {file.name: each for file in own_first if (each := sorter.sort(file)) is not None}
    found = [sorted_out[file.name] for file in files if file.name in sorted_out]
    if sorter.changed:
        raise _changed(source, data_day, sorter.changed)
    return found


class _Files:
    """Files of batches in the order of their days, found by name and by content."""

    def __init__(self, files: Iterable[tuple[date, SourceFile]] = ()) -> None:
        self._files: list[tuple[date, SourceFile]] = []
        self._places: dict[tuple[str, str], list[int]] = defaultdict(list)
        for day, file in files:
            self.add(day, file)

    def add(self, day: date, file: SourceFile) -> None:
        """Take in a file that comes after the others."""
        name = ("name", file.name) if file.name else ("path", file.path)
        whole, base = _unpacked(file), _base(file)
        keys = [
            name,
            ("bytes", file.fingerprint),
            ("content", file.content),
            ("whole", whole),
            ("base", base),
        ]
        for key in keys:
            self._places[key].append(len(self._files))
        self._files.append((day, file))

    def named(self, file: SourceFile) -> list[tuple[date, SourceFile]]:
        """Those with the name of a file."""
        return self._found(("name", file.name), ("path", file.path))

    def same(self, file: SourceFile) -> list[tuple[date, SourceFile]]:
        """Those with the content of a file."""
        near = self._found(("bytes", file.fingerprint), ("content", file.content))
        return [(day, each) for day, each in near if _same(file, each)]

    def packed_otherwise(self, file: SourceFile) -> list[tuple[date, SourceFile]]:
        """Those with the name of a file, compressed or not."""
        return self._found(("whole", _unpacked(file)))

    def of_base(self, file: SourceFile) -> list[SourceFile]:
        """Those with the name of a file in any folder, of the day in its name."""
        return [each for _, each in self._found(("base", _base(file))) if _is_of_its_day(each, file)]

    def _found(self, *keys: tuple[str, str]) -> list[tuple[date, SourceFile]]:
        places = {place for key in keys if key in self._places for place in self._places[key]}
        return [self._files[place] for place in sorted(places)]


class _Sorter:
    def __init__(
        self, files: Sequence[SourceFile], known: Known, data_day: date, source: Source, accept: bool
    ) -> None:
        self.names = {file.name: file for file in files}
        self.paths = {file.path: file for file in files}
        self.data_day, self.source, self.accept = data_day, source, accept
        self.own = _Files((data_day, each.file) for each in known.get(data_day, ()) if each.state == "read")
        others = [(day, each) for day in sorted(known) if day != data_day for each in known[day]]
        self.seen = _Files((day, each.file) for day, each in others)
        self.taken = _Files((day, each.file) for day, each in others if each.state == "read")
        self.batch = _Files()
        self.changed: list[tuple[SourceFile, date]] = []

    def whole(self, files: Sequence[SourceFile]) -> list[DeliveredFile]:
        """The files of the newest day, if any of them is new. Without days in the names, all files, which are
        read every day as a table is."""
        newest = max((file.day for file in files if file.day is not None and not file.hidden), default=None)
        together = [file for file in files if file.day == newest]
        new = newest is None or any(
            not file.hidden and (self.is_own(file) or not self._was_seen(file)) for file in together
        )
        return [DeliveredFile(file, "hidden" if file.hidden else "read") for file in together] if new else []

    def sort(self, file: SourceFile) -> DeliveredFile | None:
        """What is done with a file; None for one that another day has seen as it is."""
        mine = self.is_own(file)
        if not mine and self._was_seen(file):
            return None
        if file.hidden:
            return DeliveredFile(file, "hidden")
        same = ([] if mine else self.taken.same(file)) + self.batch.same(file)
        state = self._repeats(file, [each for _, each in same]) if same else "read"
        if state != "read":
            day, original = same[-1]
            return DeliveredFile(file, state, f"{original.name or original.path} ({day})")
        before = self.taken.named(file) or self._renamed(file)
        if before and not mine and not same and not self._may_change():
            self.changed.append((file, before[-1][0]))
        self.batch.add(self.data_day, file)
        return DeliveredFile(file, "read")

    def is_own(self, file: SourceFile) -> bool:
        """Whether the batch has read the file: under its name, or under another that has gone."""
        same = [own for _, own in self.own.same(file)]
        return any(_is_name_of(own, file) for own in same) or any(map(self._has_gone, same))

    def _has_gone(self, known: SourceFile) -> bool:
        """Whether a file is not there any more, or has another content."""
        there = self.names.get(known.name) if known.name else self.paths.get(known.path)
        return there is None or not _same(there, known)

    def _was_seen(self, file: SourceFile) -> bool:
        under = self.seen.named(file)
        # With a key, an older state that comes back is new.
        last = under[-1:] if self._is_state else under
        return any(each.fingerprint == file.fingerprint for _, each in last)

    @property
    def _is_state(self) -> bool:
        """Whether the file read last decides which row of a key is the newest."""
        return bool(self.source.key) and self.source.version is None

    def _repeats(self, file: SourceFile, same: Sequence[SourceFile]) -> State:
        """What is done with a file whose content was read before, as these files."""
        if any(_is_name_of(own, file) for _, own in self.own.same(file)):
            return "read"
        if any(_is_name_of(each, file) for each in same):
            return "again" if self._is_newest(file, [each for _, each in self.taken.named(file)]) else "read"
        if any(self._is_moved(file, each) for each in same):
            if self._is_newest(file, self.taken.of_base(file)):
                return "again"
            return "read" if self.accept else "doubtful"
        # Rows with a key, and repeats that are dropped, count once; and a newer state may equal an old one.
        return "doubtful" if self.source.repeats == "keep" and not self.accept else "read"

    def _is_newest(self, file: SourceFile, before: Sequence[SourceFile]) -> bool:
        """Whether no file of its name was read after the content of a file, or the order does not matter."""
        return not self._is_state or all(_same(each, file) for each in before[-1:])

    def _is_moved(self, file: SourceFile, original: SourceFile) -> bool:
        """Whether the file has the name of the original in another folder, and the original has gone. With
        the date of another day in its name it is another file."""
        gone = bool(original.name) and self._has_gone(original)
        return gone and _is_of_its_day(original, file) and _base(original) == _base(file)

    def _renamed(self, file: SourceFile) -> list[tuple[date, SourceFile]]:
        """Files that were read under the name of a file before it was compressed or unpacked."""
        return [(day, each) for day, each in self.taken.packed_otherwise(file) if self._has_gone(each)]

    def _may_change(self) -> bool:
        return self.accept or self.source.repeats != "keep" or self.source.read.overwritten


def _all(known: Known) -> Iterable[DeliveredFile]:
    return (each for files in known.values() for each in files)


def _same(left: SourceFile, right: SourceFile) -> bool:
    """Whether both have the same content. A file without rows repeats none but itself."""
    if NO_ROWS in (left.content, right.content):
        return left.fingerprint == right.fingerprint and left.name == right.name
    return left.fingerprint == right.fingerprint or (bool(left.content) and left.content == right.content)


def _is_name_of(known: SourceFile, file: SourceFile) -> bool:
    return known.name == file.name if known.name else known.path == file.path


def _base(file: SourceFile) -> str:
    """The name of a file without its folders and its compression."""
    return _unpacked(file).rpartition("/")[2]


def _unpacked(file: SourceFile) -> str:
    """The name of a file with its folders, without its compression."""
    return (file.name or file.path).lower().removesuffix(".gz")


def _is_of_its_day(known: SourceFile, file: SourceFile) -> bool:
    """Whether a file read before is of the day that a file has in its name, if it has one."""
    return file.day is None or file.day.isoformat() in known.name


def _changed(source: Source, data_day: date, changed: Sequence[tuple[SourceFile, date]]) -> DataError:
    names = ", ".join(f"{file.name} (read on {day})" for file, day in changed)
    first = min(day for _, day in changed)
    return DataError(
        f"source {source.name}: files have changed since they were read, and their rows would count twice: "
        f"{names}",
        safe="nothing of this batch was written; published data is unchanged",
        next_step=f"if they were corrected or completed, read the day that has them again: `usertags run "
        f"--day {first} --re-extract`, then the days after it. If all their rows are new: `usertags run "
        f"--day {data_day} --re-extract --accept-files`. If the files are overwritten with new rows every "
        "day, set `overwritten: true` in `read` of the source",
    )
