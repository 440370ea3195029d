"""Positions between others, and the room that is made when there are none."""

import math
from collections.abc import Callable
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.playlist_views import NoRoom, View, settle
from domain.playlists import EDITS_LIMIT, Edit, merge
from domain.positions import between, spread
from tests.fixtures.playlists import DURATIONS, EARLY, LATER, NAME, NOW, Stored, at, insert, move, remove

positions = st.floats(-1e9, 1e9)
edges = st.tuples(positions, positions).filter(lambda pair: pair[0] < pair[1])


def increasing(values: list[float]) -> bool:
    return all(one < other for one, other in pairwise(values))


def test_the_first_the_last_and_those_between() -> None:
    assert between(None, None, 2) == [1.0, 2.0]
    assert between(5.0, None, 2) == [6.0, 7.0]
    assert between(None, 5.0, 2) == [3.0, 4.0]
    assert between(1.0, 2.0, 1) == [1.5]
    assert between(1.0, 2.0, 3) == [1.25, 1.5, 1.75]


@given(edges, st.integers(1, 200))
def test_positions_lie_strictly_between_or_there_are_none(edge: tuple[float, float], count: int) -> None:
    below, above = edge
    found = between(below, above, count)
    if found is None:
        assert (above - below) / (count + 1) < 2 * math.ulp(max(abs(below), abs(above)))
    else:
        assert len(found) == count
        assert increasing([below, *found, above])


def test_two_neighbouring_doubles_have_none_between() -> None:
    assert between(1.0, math.nextafter(1.0, 2), 1) is None
    assert between(1.0, 1.0, 1) is None
    assert between(1.0, math.nextafter(math.nextafter(1.0, 2), 2), 1) == [math.nextafter(1.0, 2)]


@given(st.lists(positions, min_size=1, max_size=40).map(sorted), st.none() | edges, st.integers(1, 10_000))
def test_a_spread_window_is_even_and_has_room(
    window: list[float], outside: tuple[float, float] | None, wanted: int
) -> None:
    below, above = outside or (None, None)
    spaced = spread(window, below, above, wanted)
    if spaced is None:
        assert below is not None
        assert above is not None
        return
    assert len(spaced) == len(window)
    assert increasing([place for place in (below, *spaced, above) if place is not None])
    for one, other in pairwise(spaced):
        assert between(one, other, wanted) is not None


def test_a_crowded_window_asks_for_a_wider_one() -> None:
    crowded = [1 + number * math.ulp(1) for number in range(17)]
    assert spread(crowded[1:-1], crowded[0], crowded[-1], 1) is None
    assert spread(crowded[1:], crowded[0], 2.0, 1) is not None
    assert spread(crowded[1:], crowded[0], None, 1) == [crowded[0] + number for number in range(1, 17)]


def test_the_wider_a_window_the_more_room_it_must_get() -> None:
    """Or a place that is edited all the time would have its widest window renumbered all the time."""
    spacing = math.ulp(1) * 2**17
    for size, wanted, fits in ((32, 0, True), (33, 0, False), (1_000, 0, False), (16, 16, True), (16, 17, False)):
        window = [1 + spacing * place for place in range(1, size + 1)]
        assert (spread(window, 1.0, 1 + spacing * (size + 1), wanted) is not None) is fits


def one_after_another(number: int) -> Edit:
    return insert(number, number - 1 if number > 101 else 2)


def each_behind_the_same(number: int) -> Edit:
    return insert(number, 2)


@pytest.mark.parametrize("edit", [one_after_another, each_behind_the_same])
def test_what_is_pasted_shares_the_gap_evenly(edit: Callable[[int], Edit]) -> None:
    """However it was inserted: halving the gap each time would have used it up after fifty."""
    playlist = Stored.of(1, 2, 3)
    playlist.edit(*[edit(number) for number in range(101, 301)])

    places = [position for position, _ in playlist.places[1:]]
    assert playlist.renumbered == 0
    assert len(places) == 202
    assert all(other - one == pytest.approx(1 / 201) for one, other in pairwise(places))


def test_positions_averaged_without_making_room_collide() -> None:
    """The control: what the rest of this file is for."""
    below, above, halvings = 5_000.0, 5_001.0, 0
    while below < (above := (below + above) / 2):
        halvings += 1
    assert halvings < 50


def test_no_room_names_the_place_and_what_was_merged_waits_for_it() -> None:
    playlist = Stored.of(1, 2, 3)
    while playlist.renumbered == 0:
        known = playlist.known([UUID(int=2)])
        number = len(playlist.entries) + 1
        playlist.edit(insert(number, 2))
    view = View.of(known, name=NAME, renamed=EARLY, track_count=3, duration_ms=0)
    merge(view, [insert(number, 2)], LATER, now=NOW, durations=DURATIONS)

    with pytest.raises(NoRoom) as full:
        settle(view)
    assert (full.value.after, full.value.wanted) == (UUID(int=2), 1)
    above = known[-1].id
    [settled] = settle(view.renumbered({UUID(int=2): 2.0, above: 3.0}))
    assert (settled.id.int, settled.position) == (number, 2.5)


MANNERS = ["after one entry", "each after the one before", "to and fro", "batches", "moves", "insert and remove"]


@pytest.mark.parametrize("manner", MANNERS)
def test_two_thousand_edits_at_one_place_rewrite_few_entries(manner: str) -> None:
    playlist = Stored.of(*range(1, 10_001), removed=range(2_000))
    rounds = 2_000 if manner != "batches" else 2
    before = playlist.shown()
    last = 5_000
    for number in range(20_000, 20_000 + rounds):
        match manner:
            case "after one entry":
                playlist.edit(insert(number, 5_000))
            case "each after the one before":
                playlist.edit(insert(number, last))
                last = number
            case "to and fro":
                playlist.edit(insert(number, 5_000 if number % 2 else last))
                last = number
            case "batches":
                playlist.edit(*[insert(number * EDITS_LIMIT + each, 5_000) for each in range(EDITS_LIMIT)])
            case "moves":
                playlist.edit(move(10_000 - number % 50, 5_000), clock=at(number))
            case "insert and remove":
                playlist.edit(insert(number, 5_000))
                playlist.edit(remove(number))

    untouched = [number for number in playlist.shown() if number <= 9_950]
    assert untouched == [number for number in before if number <= 9_950]
    assert playlist.renumbered < 2_000


@given(st.data())
def test_many_edits_anywhere_near_one_place_keep_their_order(data: st.DataObject) -> None:
    """Against a plain list, with room made many times over."""
    playlist = Stored.of(1, 2, 3)
    model = [1, 2, 3]
    for number in range(4, 300):
        after = model[data.draw(st.integers(0, min(2, len(model) - 1)))]
        playlist.edit(insert(number, after))
        model.insert(model.index(after) + 1, number)
    assert playlist.shown() == model
