"""How changes of a library merge, in whatever order they arrive."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from types import MappingProxyType
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st

from domain.clocks import Clock
from domain.library import ChangeType, LibraryItemType
from domain.playlists import Edit, EditKind
from domain.sync import (
    NEVER,
    Change,
    Edits,
    Item,
    Merged,
    RejectReason,
    SyncStatus,
    clamped,
    is_valid,
    merge,
    told_again,
    unheard,
    updated,
)

THING, KIND = UUID(int=7), LibraryItemType.TRACK
START = datetime(2026, 11, 22, tzinfo=UTC)
ADD, REMOVE, UPDATE = ChangeType.ADD, ChangeType.REMOVE, ChangeType.UPDATE
BEATEN = RejectReason.NEWER_CHANGE_EXISTS
Merge = Callable[[Item | None, Change, LibraryItemType], Merged]


def at(tick: float, by: str = "m") -> Clock:
    return Clock(START + timedelta(seconds=tick), by)


def add(tick: float, by: str = "m") -> Change:
    return Change(ADD, THING, at(tick, by))


def remove(tick: float, by: str = "m") -> Change:
    return Change(REMOVE, THING, at(tick, by))


def update(tick: float, by: str = "m", **fields: Any) -> Change:
    return Change(UPDATE, THING, at(tick, by), fields)


def there(since: Clock | None = None) -> Item:
    """Added before anything else happened."""
    clock = since or at(-2)
    return Item(THING, KIND, True, clock.at, clock.at, clocks={"added": clock})


def gone() -> Item:
    """Added, and removed, before anything else happened."""
    merged = merge(there(), remove(-1), KIND)
    assert merged.item is not None
    return merged.item


clocks = st.builds(at, st.integers(0, 6), st.sampled_from("abc"))
fields = st.fixed_dictionaries(
    {}, optional={"loved": st.booleans(), "rating": st.none() | st.sampled_from([1, 3, 5])}
).filter(bool)
adds = st.builds(Change, st.just(ADD), st.just(THING), clocks)
removes = st.builds(Change, st.just(REMOVE), st.just(THING), clocks)
updates = st.builds(Change, st.just(UPDATE), st.just(THING), clocks, fields)
# Each by a mutation of its own: no two changes of a library have one clock.
of_any_kind = st.lists(adds | removes | updates | updates, max_size=8, unique_by=lambda change: change.clock)
only_updates = st.lists(updates | updates | adds, max_size=8, unique_by=lambda change: change.clock)
beginnings = st.sampled_from([there(), gone()])
orders = st.randoms(use_true_random=False)


class Replayed(NamedTuple):
    item: Item | None
    acknowledged: list[Change]


def replay(item: Item | None, changes: Sequence[Change], by: Merge = merge) -> Replayed:
    acknowledged = []
    for change in changes:
        merged = by(item, change, KIND)
        item = merged.item
        if merged.rejected is None:
            acknowledged.append(change)
    return Replayed(item, acknowledged)


def shuffled(changes: Sequence[Change], order: random.Random) -> list[Change]:
    return order.sample(changes, len(changes))


def seen(item: Item | None) -> Any:
    """What devices see of an item."""
    if item is None or not item.present:
        return None
    return item.added_at, item.updated_at, item.loved, item.rating


def values(item: Item | None) -> Any:
    return None if item is None or not item.present else (item.loved, item.rating)


def touches(change: Change, name: str) -> bool:
    """Whether a change says what becomes of a register."""
    match name:
        case "added":
            return change.type is not REMOVE
        case "removed":
            return change.type is REMOVE
        case _:
            return change.type is REMOVE or name in change.fields


def is_kept(item: Item | None, change: Change, acknowledged: Sequence[Change]) -> bool:
    """Whether what an acknowledged change said is there, or was beaten by a later acknowledged one, by each field."""
    later = [other for other in acknowledged if other.clock > change.clock]
    present = item is not None and item.present
    if change.type is REMOVE:
        return not present or any(touches(other, "added") for other in later)
    if any(touches(other, "removed") for other in later):
        return True
    return present and all(
        getattr(item, name) == value or any(touches(other, name) for other in later)
        for name, value in change.fields.items()
    )


# ---------------------------------------------------------------------------------------- converging


@given(beginnings, of_any_kind, orders)
@settings(max_examples=500)
def test_whether_it_is_there_does_not_depend_on_the_order(
    item: Item, changes: list[Change], order: random.Random
) -> None:
    one, other = replay(item, changes).item, replay(item, shuffled(changes, order)).item

    assert one is not None
    assert other is not None
    assert one.present == other.present


@given(only_updates, orders)
@settings(max_examples=500)
def test_each_field_is_what_was_said_last_of_it(changes: list[Change], order: random.Random) -> None:
    assert values(replay(there(), changes).item) == values(replay(there(), shuffled(changes, order)).item)


@given(beginnings, of_any_kind)
@settings(max_examples=500)
def test_what_is_acknowledged_is_there_or_was_beaten_by_what_is_acknowledged(item: Item, changes: list[Change]) -> None:
    after, acknowledged = replay(item, changes)

    for change in acknowledged:
        assert is_kept(after, change, acknowledged)


@given(st.none() | beginnings, of_any_kind)
def test_in_the_order_in_which_things_happened_nothing_is_beaten(item: Item | None, changes: list[Change]) -> None:
    in_order = sorted(changes, key=lambda change: change.clock)
    for number, change in enumerate(in_order):
        before = replay(item, in_order[:number]).item
        rejected = merge(before, change, KIND).rejected
        assert rejected is (RejectReason.NOT_FOUND if change.type is UPDATE and before is None else None)


@given(st.none() | beginnings, of_any_kind)
def test_the_last_to_happen_decides_whether_it_is_there(item: Item | None, changes: list[Change]) -> None:
    after, acknowledged = replay(item, changes)
    if acknowledged and after is not None:
        last = max(acknowledged, key=lambda change: change.clock)
        assert after.present == (last.type is not REMOVE)


# ------------------------------------------------------------------------------ one change at a time


@given(st.none() | beginnings, of_any_kind)
def test_what_is_rejected_has_no_effect_whatever(item: Item | None, changes: list[Change]) -> None:
    for change in changes:
        merged = merge(item, change, KIND)
        if merged.rejected:
            assert merged.item is item
            assert merged.effect is None
        item = merged.item


@given(st.none() | beginnings, of_any_kind)
def test_the_same_change_again_has_no_effect(item: Item | None, changes: list[Change]) -> None:
    for change in changes:
        once = merge(item, change, KIND)
        again = merge(once.item, change, KIND)
        assert again.effect is None
        assert seen(again.item) == seen(once.item)
        assert (again.item and again.item.clocks) == (once.item and once.item.clocks)
        item = once.item


@given(st.none() | beginnings, of_any_kind)
def test_devices_are_told_all_that_changes_and_nothing_else(item: Item | None, changes: list[Change]) -> None:
    for change in changes:
        merged = merge(item, change, KIND)
        match merged.effect:
            case None:
                assert seen(merged.item) == seen(item)
            case ChangeType.ADD:
                assert (seen(item), merged.item and merged.item.present) == (None, True)
            case ChangeType.REMOVE:
                assert seen(item) is not None
                assert seen(merged.item) is None
            case ChangeType.UPDATE:
                assert seen(item) is not None
                assert values(merged.item) != values(item)
        item = merged.item


@given(st.none() | beginnings, of_any_kind)
def test_no_clock_goes_back(item: Item | None, changes: list[Change]) -> None:
    for change in changes:
        after = merge(item, change, KIND).item
        if item is not None and after is not None:
            for name, clock in item.clocks.items():
                assert after.clocks[name] >= clock
        item = after


@given(st.none() | beginnings, of_any_kind)
def test_what_is_there_was_wanted_last_and_what_is_gone_was_not(item: Item | None, changes: list[Change]) -> None:
    after = replay(item, changes).item
    if after is not None:
        assert (after.touched > after.removed) == after.present


# ------------------------------------------------------------------------------------------ controls


def whole_row(item: Item | None, change: Change, kind: LibraryItemType) -> Merged:
    """The control: one clock for the whole item, and the last writer takes all of it."""
    last = NEVER if item is None else max(item.clocks.values(), default=NEVER)
    if change.clock < last:
        return Merged(item, rejected=BEATEN)
    return merge(item, change, kind)


def whole_row_politely(item: Item | None, change: Change, kind: LibraryItemType) -> Merged:
    """The same, saying yes to everybody."""
    return replace(whole_row(item, change, kind), rejected=None)


def forgetful(item: Item | None, change: Change, kind: LibraryItemType) -> Merged:
    """The control: removals are not remembered."""
    if item is not None and not item.present:
        item = replace(item, clocks={name: clock for name, clock in item.clocks.items() if name != "removed"})
    return merge(item, change, kind)


def test_a_whole_row_merge_depends_on_the_order() -> None:
    def differs(changes: list[Change]) -> bool:
        reversed_ = list(reversed(changes))
        one, other = (replay(there(), each, whole_row).item for each in (changes, reversed_))
        return bool(values(one) != values(other))

    assert find(only_updates, differs)


def test_a_whole_row_merge_loses_what_it_acknowledged() -> None:
    def loses(changes: list[Change]) -> bool:
        after, acknowledged = replay(there(), changes, whole_row_politely)
        return not all(is_kept(after, change, acknowledged) for change in acknowledged)

    assert find(only_updates, loses)


def test_without_memory_of_removals_the_dead_come_back() -> None:
    def differs(changes: list[Change]) -> bool:
        one, other = (replay(there(), each, forgetful).item for each in (changes, list(reversed(changes))))
        return (one and one.present) != (other and other.present)

    assert find(of_any_kind, differs)


# ------------------------------------------------------------------------------------ the rules, told


def test_adding_what_is_there_changes_nothing_that_is_seen() -> None:
    merged = merge(there(), add(5), KIND)

    assert merged.effect is None
    assert seen(merged.item) == seen(there())
    assert merge(merged.item, remove(4), KIND).rejected is BEATEN, "but it was wanted later than that"


def test_a_removal_takes_what_was_said_with_it() -> None:
    loved = replay(there(), [update(1, loved=True, rating=5), remove(2), add(3)]).item

    assert loved is not None
    assert (loved.present, loved.loved, loved.rating, loved.added_at) == (True, False, None, at(3).at)


def test_nothing_older_brings_back_what_was_removed() -> None:
    for old in (add(4), update(4, loved=True)):
        assert merge(replay(there(), [remove(5)]).item, old, KIND) == Merged(
            replay(there(), [remove(5)]).item, rejected=BEATEN
        )


def test_a_later_update_brings_it_back() -> None:
    merged = merge(replay(there(), [remove(5)]).item, update(6, rating=3), KIND)

    assert merged.effect is ADD
    assert merged.item is not None
    assert (merged.item.present, merged.item.loved, merged.item.rating) == (True, False, 3)
    assert merged.item.updated_at == at(6).at


def test_what_an_update_brings_back_was_added_by_it() -> None:
    """Not when it was removed."""
    merged = merge(replay(there(), [remove(5)]).item, update(6, rating=3), KIND)

    assert merged.item is not None
    assert merged.item.added_at == at(6).at


def test_what_never_was_there_is_not_updated_and_needs_no_removing() -> None:
    assert merge(None, update(1, loved=True), KIND) == Merged(None, rejected=RejectReason.NOT_FOUND)
    removed = merge(None, remove(2), KIND)
    assert (removed.effect, removed.rejected) == (None, None)
    assert merge(removed.item, add(1), KIND).rejected is BEATEN, "an older addition comes too late"


def test_fields_are_beaten_each_by_itself() -> None:
    item = replay(there(), [update(5, loved=True)]).item

    both = merge(item, update(4, loved=False, rating=2), KIND)

    assert both.rejected is None
    assert values(both.item) == (True, 2)
    assert merge(item, update(4, loved=False), KIND) == Merged(item, rejected=BEATEN)


def test_the_mutation_id_settles_ties() -> None:
    for one, other in ((update(1, "a", loved=True), update(1, "b", loved=False)), (add(1, "a"), remove(1, "b"))):
        results = [replay(there(), changes).item for changes in ([one, other], [other, one])]
        assert values(results[0]) == values(results[1])
    assert values(replay(there(), [update(1, "b", rating=2), update(1, "a", rating=1)]).item) == (False, 2)


def test_edits_inside_count_as_touching_it() -> None:
    edited = updated(there(), {}, at(5), Edits.SEEN)

    assert edited.effect is UPDATE
    assert merge(edited.item, remove(4), KIND).rejected is BEATEN
    unseen = updated(there(), {}, at(5), Edits.UNSEEN)
    assert (unseen.effect, merge(unseen.item, remove(4), KIND).rejected) == (None, BEATEN)
    assert updated(there(), {}, at(5), Edits.BEATEN).rejected is BEATEN
    assert updated(there(), {}, at(5), Edits.NONE).effect is None
    partly = updated(there(), {"loved": True}, at(5), Edits.BEATEN)
    assert (partly.effect, values(partly.item)) == (UPDATE, (True, None))


# ---------------------------------------------------------------------------------------- of a device

moments = st.integers(-20, 20).map(lambda microseconds: START + timedelta(microseconds=microseconds))
far_moments = st.datetimes(timezones=st.sampled_from([UTC]))


@given(st.lists(moments | far_moments, max_size=30))
def test_no_clock_is_ahead_of_the_librarys(occurred: list[datetime]) -> None:
    told = clamped(occurred, START)

    assert len(told) == len(occurred)
    for said, taken in zip(occurred, told, strict=True):
        assert taken <= min(said, START)


@given(st.lists(moments | far_moments, max_size=30))
def test_a_clock_that_is_ahead_keeps_the_order(occurred: list[datetime]) -> None:
    in_order = sorted(occurred)
    for (said, next_said), (taken, next_taken) in zip(
        pairwise(in_order), pairwise(clamped(in_order, START)), strict=True
    ):
        assert taken <= next_taken
        assert taken < next_taken or said == next_said


@given(st.lists(st.datetimes(min_value=datetime(2027, 1, 1), timezones=st.just(UTC)), min_size=2, max_size=30))
def test_of_the_future_only_the_order_sent_is_believed(occurred: list[datetime]) -> None:
    told = clamped(occurred, START)

    assert told == sorted(set(told))
    assert told[-1] == START


def test_what_is_past_is_told_as_it_is() -> None:
    past = [START - timedelta(days=20_000), START - timedelta(seconds=1), datetime(1970, 1, 1, tzinfo=UTC)]
    assert clamped(past, START) == past
    assert clamped([], START) == []


EDIT = Edit(EditKind.RENAME, name="Evenings")


@pytest.mark.parametrize(
    ("type", "fields", "edits", "valid"),
    [
        (ADD, {}, (), True),
        (REMOVE, {}, (), True),
        (ADD, {"loved": True}, (), False),
        (ADD, {"rating": None}, (), False),
        (REMOVE, {"rating": 3}, (), False),
        (ADD, {}, (EDIT,), False),
        (REMOVE, {}, (EDIT,), False),
        (UPDATE, {}, (), False),
        (UPDATE, {"loved": False}, (), True),
        (UPDATE, {"rating": None}, (), True),
        (UPDATE, {"rating": 0}, (), False),
        (UPDATE, {"rating": 6}, (), False),
        (UPDATE, {"rating": -1, "loved": True}, (), False),
        *((UPDATE, {"rating": stars}, (), True) for stars in range(1, 6)),
        (UPDATE, {}, (EDIT,), True),
        (UPDATE, {"loved": True}, (EDIT,), True),
        (UPDATE, {"rating": 6}, (EDIT,), False),
    ],
)
def test_what_makes_sense_by_itself(
    type: ChangeType, fields: Mapping[str, Any], edits: tuple[Edit, ...], valid: bool
) -> None:
    assert is_valid(Change(type, THING, at(0), fields, edits)) is valid


@pytest.mark.parametrize(
    ("first", "again"),
    [
        ((SyncStatus.APPLIED, None), (SyncStatus.DUPLICATE, None)),
        *(((SyncStatus.REJECTED, reason), (SyncStatus.REJECTED, reason)) for reason in RejectReason),
        ((SyncStatus.DUPLICATE, None), (SyncStatus.DUPLICATE, None)),
    ],
)
def test_a_mutation_that_comes_again_is_told_the_same(
    first: tuple[SyncStatus, RejectReason | None], again: tuple[SyncStatus, RejectReason | None]
) -> None:
    assert told_again(*first, same=True) == again
    assert told_again(*first, same=False) == (SyncStatus.REJECTED, RejectReason.INVALID)


class Past(NamedTuple):
    sync_token: int
    item_id: UUID
    data: Mapping[str, Any] = MappingProxyType({})


histories = st.lists(st.integers(1, 4), max_size=12).map(
    lambda ids: [Past(token, UUID(int=id)) for token, id in enumerate(ids, 1)]
)


@given(histories, st.sets(st.integers(1, 12)))
def test_a_device_hears_what_it_does_not_know(history: list[Past], mine: set[int]) -> None:
    heard = unheard(history, mine)

    by_others = {change.item_id for change in history if change.sync_token not in mine}
    assert heard == [change for change in history if change.item_id in by_others]
    assert {change.sync_token for change in history} - mine <= {change.sync_token for change in heard}


@given(histories, st.sets(st.integers(1, 12)))
def test_what_was_left_out_of_a_delta_is_not_missed(history: list[Past], mine: set[int]) -> None:
    """Each change leaves its number on its item. A device that holds its own, and applies what it hears, has them all.

    Where only its own numbers are on an item, it knows the last of them; where others' are, it hears all in order.
    """
    device = {change.item_id: change.sync_token for change in history if change.sync_token in mine}
    device |= {change.item_id: change.sync_token for change in unheard(history, mine)}

    assert device == {change.item_id: change.sync_token for change in history}


def test_what_became_of_ones_own_edits_is_news() -> None:
    edited = Past(1, THING, {"edits": []})
    assert unheard([edited, Past(2, UUID(int=8))], {1, 2}) == [edited]


def test_leaving_out_whatever_is_ones_own_would_be_missed() -> None:
    """The control: theirs is heard, and put over one's own, which came after it."""
    theirs, mine = Past(1, THING), Past(2, THING)
    assert unheard([theirs, mine], {2}) == [theirs, mine]
    assert [change for change in [theirs, mine] if change.sync_token != 2][-1] != mine
