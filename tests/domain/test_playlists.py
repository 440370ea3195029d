"""How edits of several devices merge: as in a plain list, and through no more than the part that they are about."""

from collections.abc import Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.clocks import Clock
from domain.errors import BadInput, Conflict, NotFound, SegueError
from domain.playlist_views import View
from domain.playlists import (
    EDITS_LIMIT,
    PLAYLIST_LIMIT,
    Edit,
    EditKind,
    Merged,
    check_description,
    check_playlist_name,
    inserted_tracks,
    merge,
    names,
)
from tests.fixtures.playlists import (
    DURATIONS,
    EARLY,
    LATER,
    NAME,
    NOW,
    TRACKS,
    Batch,
    Stored,
    at,
    insert,
    move,
    remove,
    rename,
)


@dataclass
class PlainList:
    """The rules once more, as naively as they can be said: a list of all entries, and which of them were removed."""

    order: list[UUID] = field(default_factory=list)
    removed: set[UUID] = field(default_factory=set)
    tracks: dict[UUID, UUID] = field(default_factory=dict)
    placed: dict[UUID, Clock] = field(default_factory=dict)
    name: str = NAME
    renamed: Clock = EARLY
    beaten: bool = False

    def apply(self, edits: Sequence[Edit], clock: Clock) -> None:
        self.beaten = False
        placed, renamed = dict(self.placed), self.renamed
        for edit in edits:
            id = edit.entry_id
            if edit.kind is EditKind.INSERT and edit.track_id and id:
                if self.tracks.get(id, edit.track_id) != edit.track_id:
                    raise Conflict("")
                if id not in self.tracks:
                    self.order.insert(self.behind(edit.after), id)
                    self.tracks[id], self.placed[id] = edit.track_id, clock
            elif edit.kind is EditKind.REMOVE and id:
                self.behind(id)
                self.removed.add(id)
            elif edit.kind is EditKind.MOVE and id:
                self.behind(id)
                self.behind(edit.after)
                if id in self.removed or placed.get(id) == clock:
                    continue
                if self.placed[id] > clock:
                    self.beaten = True
                    continue
                self.order.remove(id)
                self.order.insert(self.behind(edit.after), id)
                self.placed[id] = clock
            elif edit.kind is EditKind.RENAME and edit.name and renamed != clock:
                if self.renamed > clock:
                    self.beaten = True
                    continue
                self.name, self.renamed = edit.name, clock

    def behind(self, after: UUID | None) -> int:
        if after is not None and after not in self.tracks:
            raise NotFound("")
        return 0 if after is None else self.order.index(after) + 1

    def visible(self) -> list[UUID]:
        return [id for id in self.order if id not in self.removed]


def apply_as_told(shown: list[UUID], edits: Iterable[Edit]) -> list[UUID]:
    """What a device does with normalised edits: no rules, no clocks, nothing but the list that it shows."""
    for edit in edits:
        if edit.kind in (EditKind.REMOVE, EditKind.MOVE) and edit.entry_id:
            shown.remove(edit.entry_id)
        if edit.kind in (EditKind.INSERT, EditKind.MOVE) and edit.entry_id:
            shown.insert(0 if edit.after is None else shown.index(edit.after) + 1, edit.entry_id)
    return shown


entries = st.integers(1, 12)
edits = st.one_of(
    st.builds(insert, entries, st.none() | entries, st.sampled_from([0, 0, 0, 0, 0, 1])),
    st.builds(remove, entries),
    st.builds(move, entries, st.none() | entries),
    st.builds(rename, st.sampled_from([NAME, "Evenings", "Nights"])),
).filter(lambda edit: edit.entry_id is None or edit.entry_id != edit.after)
batches = st.tuples(st.lists(edits, max_size=6), st.builds(at, st.integers(0, 5), st.sampled_from("abc")))
# A playlist to begin with, so that most edits find what they name; then what devices hand in, some batches at a time.
beginnings = st.lists(entries, unique=True, min_size=4).map(lambda numbers: [([insert(n) for n in numbers], EARLY)])
calls = st.lists(batches, min_size=1, max_size=4)
histories = st.builds(lambda beginning, rest: [beginning, *rest], beginnings, st.lists(calls, max_size=8))
History = list[list[Batch]]


@settings(max_examples=300)
@given(histories)
def test_edits_merge_as_in_a_plain_list(history: History) -> None:
    playlist, model = Stored(), PlainList()
    for call in history:
        # Where removed entries that a call does not name lie among its new ones is the playlist's own choice.
        model.order = [id for _, id in playlist.places]
        for (edits, clock), merged in zip(call, playlist.sync(*call), strict=True):
            attempt = deepcopy(model)
            expected: bool | type[SegueError]
            try:
                attempt.apply(edits, clock)
                model, expected = attempt, attempt.beaten
            except SegueError as refused:
                expected = type(refused)
            assert (merged.beaten if isinstance(merged, Merged) else type(merged)) == expected

        assert playlist.visible() == model.visible()
        assert (playlist.name, playlist.renamed) == (model.name, model.renamed)
        assert {id for id, entry in playlist.entries.items() if entry.removed_at} == model.removed
        assert {id: entry.placed for id, entry in playlist.entries.items()} == model.placed
        # Within a call even entries that were removed have kept their places among the others.
        named = {id for edits, _ in call for id in names(edits)}
        assert [id for _, id in playlist.places if id in named] == [id for id in model.order if id in named]
        shown = [playlist.entries[id] for id in playlist.visible()]
        assert playlist.track_count == len(shown)
        assert playlist.duration_ms == sum(entry.duration_ms for entry in shown)


@settings(max_examples=200)
@given(histories)
def test_the_part_that_edits_are_about_is_as_good_as_the_whole(history: History) -> None:
    part, whole = Stored(), Stored()
    for call in history:
        assert list(map(repr, part.sync(*call))) == list(map(repr, whole.sync(*call, whole=True)))
        assert part.entries == whole.entries


@settings(max_examples=200)
@given(histories)
def test_applying_the_normalised_edits_as_told_gives_the_same_list(history: History) -> None:
    playlist, shown, name = Stored(), list[UUID](), NAME
    for call in history:
        before = playlist.visible()
        told = [edit for merged in playlist.sync(*call) if isinstance(merged, Merged) for edit in merged.edits]
        shown = apply_as_told(shown, told)
        name = [name, *(edit.name for edit in told if edit.name)][-1]

        assert (shown, name) == (playlist.visible(), playlist.name)
        assert told or shown == before


@settings(max_examples=200)
@given(histories)
def test_a_retry_changes_nothing(history: History) -> None:
    playlist = Stored()
    outcomes = [playlist.sync(*call) for call in history]
    before = dict(playlist.entries)
    for call, merged in zip(history, outcomes, strict=True):
        accepted = [batch for batch, outcome in zip(call, merged, strict=True) if isinstance(outcome, Merged)]
        for outcome in playlist.sync(*accepted):
            assert isinstance(outcome, Merged)
            assert outcome.edits == []
    assert playlist.entries == before


@settings(max_examples=200)
@given(histories)
def test_a_removed_entry_never_returns(history: History) -> None:
    playlist, gone = Stored(), set[UUID]()
    for call in history:
        playlist.sync(*call)
        assert not gone & set(playlist.visible())
        gone = playlist.entries.keys() - set(playlist.visible())


@given(st.permutations([1, 2]), st.none() | st.integers(1, 5), st.none() | st.integers(1, 5), st.booleans())
def test_what_two_devices_insert_survives_in_either_order(
    order: list[int], one: int | None, other: int | None, removed: bool
) -> None:
    """Each inserts three tracks, one after another, wherever it likes, and one may have removed the place meanwhile."""
    playlist = Stored.of(1, 2, 3, 4, 5, removed=[one] if removed and one else [])
    pasted = {1: [10, 11, 12], 2: [20, 21, 22]}
    for device in order:
        place = {1: one, 2: other}[device]
        first, second, third = pasted[device]
        playlist.edit(insert(first, place), insert(second, first), insert(third, second), clock=at(device))

    shown = playlist.shown()
    for run in pasted.values():
        assert [number for number in shown if number in run] == run
        # A removed place may come to lie among others' new entries, which then take in what goes there.
        assert removed or shown[shown.index(run[0]) :][:3] == run
    assert [number for number in shown if number < 10] == [n for n in range(1, 6) if not (removed and n == one)]


@pytest.mark.parametrize(
    ("edits", "shown", "normalised"),
    [
        ([insert(9)], [9, 1, 2, 4, 5], [insert(9)]),
        ([insert(9, 5)], [1, 2, 4, 5, 9], [insert(9, 5)]),
        # Where the removed 3 was.
        ([insert(9, 3)], [1, 2, 9, 4, 5], [insert(9, 2)]),
        ([move(5, 3)], [1, 2, 5, 4], [move(5, 2)]),
        ([remove(2), insert(9, 3), insert(8, 2)], [1, 8, 9, 4, 5], [remove(2), insert(9, 1), insert(8, 1)]),
        ([insert(None, 1)], [1, 500_000, 2, 4, 5], [insert(500_000, 1)]),
        ([insert(9, 1), insert(8, 9), move(8, None)], [8, 1, 9, 2, 4, 5], [insert(9, 1), insert(8, 9), move(8, None)]),
        ([insert(9, 1), remove(9), insert(9, 2)], [1, 2, 4, 5], [insert(9, 1), remove(9)]),
        ([move(1, 2), move(1, None)], [1, 2, 4, 5], [move(1, 2), move(1, None)]),
        # Nothing that anybody could see:
        ([move(2, 1)], [1, 2, 4, 5], []),
        ([move(4, 3)], [1, 2, 4, 5], []),
        ([move(1, None)], [1, 2, 4, 5], []),
        ([move(3, 5)], [1, 2, 4, 5], []),
        ([remove(3)], [1, 2, 4, 5], []),
        ([insert(3, 5)], [1, 2, 4, 5], []),
        ([insert(2, 5)], [1, 2, 4, 5], []),
        ([rename(NAME)], [1, 2, 4, 5], []),
        ([], [1, 2, 4, 5], []),
    ],
)
def test_what_edits_do(edits: list[Edit], shown: list[int], normalised: list[Edit]) -> None:
    playlist = Stored.of(1, 2, 3, 4, 5, removed=[3])
    merged = playlist.edit(*edits)
    assert (playlist.shown(), merged.edits, merged.beaten) == (shown, normalised, False)


def test_an_entry_remembers_what_it_was_made_from() -> None:
    playlist = Stored()
    playlist.edit(insert(1, track=2), clock=at(7))
    playlist.edit(remove(1), clock=at(3))
    entry = playlist.entries[UUID(int=1)]

    assert (entry.track_id, entry.duration_ms, entry.added_at, entry.placed) == (TRACKS[2], 3_000, at(7).at, at(7))
    # By the server's clock: it is forgotten a while after the server heard of it.
    assert entry.removed_at == NOW


def test_the_last_mover_wins_in_either_order_of_arrival() -> None:
    for order in ([at(1), at(2)], [at(2), at(1)]):
        playlist = Stored.of(1, 2, 3, 4)
        beaten = [playlist.edit(move(4, 1 if clock == at(1) else 2), clock=clock).beaten for clock in order]
        assert playlist.shown() == [1, 2, 4, 3]
        assert beaten == [False, order[1] == at(1)]


def test_one_moment_is_settled_by_the_mutations_ids() -> None:
    for order in (["a", "b"], ["b", "a"]):
        playlist = Stored.of(1, 2, 3, 4)
        for by in order:
            playlist.edit(move(4, {"a": 1, "b": 2}[by]), rename(f"By {by}"), clock=at(1, by))
        assert (playlist.shown(), playlist.name) == ([1, 2, 4, 3], "By b")


def test_a_move_to_the_place_where_it_is_counts_against_older_ones() -> None:
    playlist = Stored.of(1, 2, 3)
    assert playlist.edit(move(3, 2), clock=at(9)).edits == []
    assert playlist.edit(move(3, None), clock=at(8)) == ([], False, True)
    assert playlist.shown() == [1, 2, 3]


def test_names_follow_the_last_writer() -> None:
    playlist = Stored()
    assert playlist.edit(rename("  Slow\tmornings "), clock=at(5)).edits == [rename("Slow mornings")]
    assert playlist.edit(rename("Too late"), clock=at(4)) == ([], False, True)
    assert playlist.edit(rename("Slow mornings"), clock=at(7)) == ([], True, False)
    assert playlist.edit(rename("Still too late"), clock=at(6)) == ([], False, True)
    assert playlist.edit(rename("One"), rename("Two"), clock=at(8)).edits == [rename("One"), rename("Two")]
    assert (playlist.name, playlist.renamed) == ("Two", at(8))


def test_entries_at_one_position_are_in_the_order_of_their_ids() -> None:
    playlist = Stored.of(3, 1, 2)
    for entry in list(playlist.entries.values()):
        playlist.keep(replace(entry, position=1.0))
    assert playlist.shown() == [1, 2, 3]
    # In whatever order they come from the database:
    backwards = reversed(playlist.entries.values())
    view = View.of(backwards, name=NAME, renamed=EARLY, track_count=3, duration_ms=0)
    assert view.chain.after[None] == UUID(int=1)
    playlist.edit(insert(9, 2))
    assert playlist.shown() == [1, 2, 9, 3]


@pytest.mark.parametrize(
    ("edit", "error", "message"),
    [
        (insert(9, 77), NotFound, f"This playlist has no entry {UUID(int=77)}."),
        (move(1, 77), NotFound, f"This playlist has no entry {UUID(int=77)}."),
        (move(77, 1), NotFound, f"This playlist has no entry {UUID(int=77)}."),
        (remove(77), NotFound, f"This playlist has no entry {UUID(int=77)}."),
        (insert(1, None, 1), Conflict, f"Entry {UUID(int=1)} is there with another track already."),
        (insert(3, None, 1), Conflict, f"Entry {UUID(int=3)} is there with another track already."),
        (Edit(EditKind.INSERT, track_id=UUID(int=5)), NotFound, f"There is no track {UUID(int=5)}."),
        (move(1, 1), BadInput, f"Edit 5: entry {UUID(int=1)} cannot go after itself."),
        (insert(9, 9), BadInput, f"Edit 5: entry {UUID(int=9)} cannot go after itself."),
        (Edit(EditKind.INSERT), BadInput, "Edit 5: INSERT needs `trackId`."),
        (Edit(EditKind.MOVE), BadInput, "Edit 5: MOVE needs `entryId`."),
        (Edit(EditKind.REMOVE), BadInput, "Edit 5: REMOVE needs `entryId`."),
        (Edit(EditKind.RENAME), BadInput, "Edit 5: RENAME needs `name`."),
        (rename("  "), BadInput, "A playlist's name has 1 to 100 printable characters."),
        (Edit(EditKind.REMOVE, UUID(int=1), after=UUID(int=2)), BadInput, "Edit 5: REMOVE takes no `afterEntryId`."),
        (Edit(EditKind.MOVE, UUID(int=1), TRACKS[0]), BadInput, "Edit 5: MOVE takes no `trackId`."),
        (Edit(EditKind.RENAME, UUID(int=1), name="A"), BadInput, "Edit 5: RENAME takes no `entryId`."),
        (Edit(EditKind.INSERT, None, TRACKS[0], name="A"), BadInput, "Edit 5: INSERT takes no `name`."),
    ],
)
def test_one_bad_edit_and_nothing_of_its_batch_is_merged(edit: Edit, error: type[SegueError], message: str) -> None:
    playlist, expected = Stored.of(1, 2, 3, removed=[3]), Stored.of(1, 2, 3, removed=[3])
    good = [move(2, None), insert(8, 1)]
    bad = [rename("Evenings"), insert(7, 1), move(1, 2), remove(2), edit]
    view = playlist.view(names(good + bad))
    with pytest.raises(error) as refused:
        merge(view, bad, LATER, now=NOW, durations=DURATIONS)
    assert str(refused.value).startswith(message)

    # What comes next finds the view as it was.
    merge(view, good, LATER, now=NOW, durations=DURATIONS)
    playlist.write(view)
    expected.edit(*good)
    assert vars(playlist) | {"ids": None} == vars(expected) | {"ids": None}


def test_how_much_a_playlist_and_a_batch_may_hold() -> None:
    playlist = Stored.of(*range(1, PLAYLIST_LIMIT))
    playlist.edit(insert(20_000))
    with pytest.raises(BadInput, match="at most 10,000 entries; with these edits it would have 10,001"):
        playlist.edit(insert(20_001))
    # What counts is where a batch ends.
    playlist.edit(insert(20_001), remove(20_000))
    assert (playlist.track_count, playlist.shown()[0]) == (PLAYLIST_LIMIT, 20_001)

    playlist.edit(*[remove(1)] * EDITS_LIMIT)
    with pytest.raises(BadInput, match="At most 500 edits go together; these are 501"):
        playlist.edit(*[remove(1)] * (EDITS_LIMIT + 1))


def test_what_must_be_known_before_edits_are_merged() -> None:
    edits = [insert(1, 2), insert(None, None, 1), remove(3), move(4, 5), rename("A")]
    assert {id.int for id in names(edits)} == {1, 2, 3, 4, 5}
    assert inserted_tracks(edits) == {TRACKS[0], TRACKS[1]}


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("  Road \t trip\n", "Road trip"),
        ("e\u0301te\u0301", "été"),
        ("❤️", "❤️"),
        ("👩‍👩‍👧 time", "👩‍👩‍👧 time"),
        ("می‌خواهم", "می‌خواهم"),
        ("x" * 100, "x" * 100),
    ],
)
def test_names_of_playlists(name: str, shown: str) -> None:
    assert check_playlist_name(name) == shown


@pytest.mark.parametrize("name", ["", " \n", "x" * 101, "a\0b", "\ud800", "\u3164", "\u200d", "a\u202eb"])
def test_names_that_are_refused(name: str) -> None:
    with pytest.raises(BadInput, match="1 to 100 printable"):
        check_playlist_name(name)


def test_descriptions() -> None:
    assert check_description(" One,\r\ntwo\n\nthree ") == "One,\ntwo\n\nthree"
    assert check_description(" \n") is None
    assert check_description("x" * 500) == "x" * 500
    for refused in ("x" * 501, "a\0b", "\udfff"):
        with pytest.raises(BadInput, match="at most 500 characters"):
            check_description(refused)
