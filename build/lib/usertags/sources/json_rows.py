"""JSON lines as strings: numbers keep their exact text, nested values are kept as JSON text."""

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from json import decoder
from typing import Any, NoReturn

from usertags.errors import DataError
from usertags.sources.csv_rows import TextBatch
from usertags.sources.reading import missing_columns
from usertags.sources.text_lines import BAD_BYTE, PIECE_LINES, Lines, show

_SPACE = " \t\r\n"
_KEYS_TOLD = 50


def _refuse(_: str) -> NoReturn:
    raise ValueError


# Numbers keep the text of the file: a float would round 0.1 and large ids.
_DECODER = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=_refuse)
# The scanner is used directly: its wrapper raw_decode takes a fifth of the time.
_scan = _DECODER.scan_once  # type: ignore[attr-defined]


def read_json(lines: Lines, *, path: str, columns: Sequence[str], has_pii: bool) -> Iterator[TextBatch]:
    """Batches of the requested keys of one file, one object per line. A key missing in a line is null, a
    key that no line of the file has is a DataError (at the end of the file). Blank lines are ignored."""
    line = 1
    unseen = set(columns)
    keys: dict[str, None] = {}
    parsed_any = False
    stream = iter(lines)
    while waiting := lines.ahead():
        for _ in islice(stream, min(PIECE_LINES, waiting)):
            pass
        taken = lines.take()
        objects = [_parse(text) for text in taken]
        for found in objects:
            if not unseen:
                break
            if found is not None:
                parsed_any = True
                unseen -= found.keys()
                keys.update(dict.fromkeys(islice(found, _KEYS_TOLD)))
        batch = _to_batch(taken, objects, line, columns, has_pii=has_pii)
        line += len(taken)
        if batch.lines:
            yield batch
    if unseen and parsed_any:
        absent = [column for column in columns if column in unseen]
        raise DataError(
            f"{path}: its lines have {missing_columns(absent, list(keys)[:_KEYS_TOLD], has_pii=has_pii)}",
            safe="nothing of this batch was written; published data is unchanged",
            next_step="correct `columns` of the source, or have the file delivered again",
        )


def _parse(line: str) -> dict[str, Any] | None:
    """The object of a line, or None if it contains anything else."""
    text = line.strip(_SPACE)
    try:
        value, end = _scan(text, 0)
    except (ValueError, RecursionError, StopIteration):
        return None
    return value if type(value) is dict and end == len(text) else None


def _to_batch(
    taken: list[str],
    objects: list[dict[str, Any] | None],
    line: int,
    columns: Sequence[str],
    *,
    has_pii: bool,
) -> TextBatch:
    if None not in objects:
        found = [_column(objects, taken, column) for column in columns]
        if all(map(_well_formed, found)):
            return TextBatch(found, range(line, line + len(taken)), None)
    # Empty lines are ignored; all others are a row or unparsed.
    places = [place for place, text in enumerate(taken) if text.strip(_SPACE)]
    taken = [taken[place] for place in places]
    objects = [objects[place] for place in places]
    for place, text in enumerate(taken):
        if BAD_BYTE.search(text):
            objects[place] = None
    for column in columns:
        for place, value in enumerate(_column(objects, taken, column)):
            if value is not None and BAD_BYTE.search(value):
                objects[place] = None
    unparsed = [
        show(text, has_pii=has_pii) if value is None else None
        for text, value in zip(taken, objects, strict=True)
    ]
    found = [_column(objects, taken, column) for column in columns]
    return TextBatch(found, [line + place for place in places], unparsed)


def _well_formed(values: Sequence[str | None]) -> bool:
    """False if a text contains half of a surrogate pair (from a bad byte or a lone \\uD83D escape)."""
    try:
        "".join(filter(None, values)).encode()
    except UnicodeEncodeError:
        return False
    return True


def _column(objects: list[dict[str, Any] | None], taken: list[str], column: str) -> list[str | None]:
    values = [None if value is None else value.get(column) for value in objects]
    if set(map(type, values)) <= {str, type(None)}:
        return values
    return [_text(value, text, column) for value, text in zip(values, taken, strict=True)]


def _text(value: Any, line: str, column: str) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return _raw_value(line, column)


def _raw_value(line: str, wanted: str) -> str:
    """The JSON text of one key of the object on this line, as written (the last one if it is repeated)."""
    found = ""
    place = _skip_space(line, _skip_space(line, 0) + 1)
    while line[place] == '"':
        key, place = decoder.scanstring(line, place + 1)  # type: ignore[attr-defined]
        start = _skip_space(line, _skip_space(line, place) + 1)
        _, end = _scan(line, start)
        if key == wanted:
            found = line[start:end]
        place = _skip_space(line, end)
        if line[place] == ",":
            place = _skip_space(line, place + 1)
    return found


def _skip_space(text: str, place: int) -> int:
    while text[place] in _SPACE:
        place += 1
    return place
