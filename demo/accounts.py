"""The ids of users: phones, open ids of the mini program, devices, and the table that links them."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from demo.draw import (
    DAY,
    HOUR,
    Ints,
    Rng,
    Span,
    instants,
    known_rows,
    numbered,
    numbers,
    some,
    texts,
)
from demo.people import People

SHOP_PHONE = 13800138000  # what the staff of the stores type for people who give none
STORE_TABLET = "d0000store01"
_FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")


@dataclass(frozen=True)
class Accounts:
    """The ids of each user by position; None where a user has none.

    `second` are second accounts of people, `first` their first accounts, in the same order. `bound` says
    which of them bound the open id of the first account only later, in the observed days.
    """

    phones: Ints
    open_ids: NDArray[np.object_]
    devices: NDArray[np.object_]
    first: Ints
    second: Ints
    bound: NDArray[np.bool_]


def draw_accounts(rng: Rng, people: People, span: Span) -> Accounts:
    """Ids that mostly belong to one account; some are shared by two accounts, a family or a store."""
    count = len(people)
    phones = rng.integers(13, 20, count) * 10**9 + rng.integers(0, 10**9, count)
    open_ids = _ids(rng, "o", count)
    open_ids[rng.random(count) < 0.25] = None
    devices = _ids(rng, "d", count)
    devices[rng.random(count) < 0.06] = None
    pairs, families, store = np.split(
        rng.permutation(count), np.cumsum([2 * max(6, count // 66), max(15, count // 33)])
    )
    first, second = np.sort(pairs.reshape(2, -1), axis=0)
    swapped = people.registered[first] > people.registered[second]
    first, second = np.where(swapped, second, first), np.where(swapped, first, second)
    way = np.arange(len(first)) % 3  # by phone, by open id, by an open id that is bound later
    phones[second[way == 0]] = phones[first[way == 0]]
    open_ids[first[way != 0]] = _ids(rng, "o", int((way != 0).sum()))
    open_ids[second[way == 1]] = open_ids[first[way == 1]]
    open_ids[second[way == 2]] = None
    family = np.repeat(np.arange(len(families)), rng.choice([2, 3], len(families)))[: len(families)]
    devices[families] = _ids(rng, "d", len(families))[family]
    store = store[: max(20, round(count * 0.012))]
    phones[store] = SHOP_PHONE
    devices[store] = STORE_TABLET
    registered_before = people.registered[second] < span.start
    return Accounts(phones, open_ids, devices, first, second, (way == 2) & registered_before)


def _ids(rng: Rng, prefix: str, count: int) -> NDArray[np.object_]:
    return np.array([f"{prefix}{number:011x}" for number in rng.integers(0, 16**11, count)], dtype=object)


def typed_phones(rng: Rng, phones: Ints) -> pa.Array:
    """Phone numbers as typed by people; some are missing."""
    chances = rng.random(len(phones))
    typed = [_spelled(str(number), chance) for number, chance in zip(phones, chances, strict=True)]
    return pa.array(typed, type=pa.string())


def _spelled(number: str, chance: float) -> str | None:
    spellings = (
        (0.03, None),
        (0.11, f"+86 {number[:3]} {number[3:7]} {number[7:]}"),
        (0.15, f"0086-{number}"),
        (0.24, f"{number[:3]}-{number[3:7]}-{number[7:]}"),
        (0.30, number.translate(_FULL_WIDTH)),
        (0.33, f" {number} "),
    )
    return next((text for below, text in spellings if chance < below), number)


def account_links_table(rng: Rng, people: People, accounts: Accounts, span: Span) -> pa.Table:
    """Table `account_links`, one row per set of ids that were seen together, oldest change first.

    The register was set up on the day before the observed days: older accounts are linked as of then.
    A further device or open id of an account is a separate row, without the other ids.
    """
    count = len(people)
    bound, moved = np.flatnonzero(accounts.bound), some(rng, count, 0.04)
    users = np.concatenate([np.arange(count), moved, accounts.second[bound]])
    further = np.full(len(users) - count, None, dtype=object)
    open_ids = np.concatenate([accounts.open_ids, further])
    open_ids[count + len(moved) :] = accounts.open_ids[accounts.first[bound]]
    devices = np.concatenate([accounts.devices, further])
    devices[count : count + len(moved)] = _ids(rng, "d", len(moved))
    phones = np.concatenate([typed_phones(rng, accounts.phones).to_numpy(zero_copy_only=False), further])
    earliest = np.maximum(people.registered, span.start - 12 * HOUR)
    # The app has asked people to bind their open id in the last ten days only.
    asked = np.repeat([span.start, max(span.start, span.end - 10 * DAY)], [len(moved), len(bound)])
    at = np.concatenate([earliest, span.moments(rng, np.maximum(earliest[users[count:]], asked - 600))])
    updated = at + rng.integers(1, 600, len(at))
    _spoil_links(rng, open_ids, devices, phones)
    # Some rows were corrected; the copy still has what they were before.
    corrected = some(rng, len(at), 0.005)
    rows = np.concatenate([np.arange(len(at)), corrected])
    updated[corrected] += rng.integers(HOUR, 2 * DAY, len(corrected))
    known_at = np.concatenate([updated, at[corrected] + 1])
    shown = np.concatenate([devices, _ids(rng, "d", len(corrected))])
    table = pa.table(
        {
            "link_id": numbered("L", len(at)).take(pa.array(rows)),
            "user_id": numbers(people.ids[users[rows]], some(rng, len(rows), 0.002)),
            "open_id": texts(open_ids[rows]),
            "device_id": texts(shown),
            "phone": texts(phones[rows]),
            "linked_at": instants(at[rows]),
            "updated_at": instants(known_at),
        }
    )
    return known_rows(rng, table, known_at, span, 0.004)


def _spoil_links(
    rng: Rng, open_ids: NDArray[np.object_], devices: NDArray[np.object_], phones: NDArray[np.object_]
) -> None:
    """Ids in other spellings, and rows that link an account to nothing."""
    padded, upper = some(rng, len(devices), 0.02), some(rng, len(devices), 0.03)
    open_ids[padded] = [f" {each} " if each else each for each in open_ids[padded]]
    devices[upper] = [each.upper() if each else each for each in devices[upper]]
    alone = some(rng, len(devices), 0.001)
    open_ids[alone], devices[alone], phones[alone] = None, None, None
