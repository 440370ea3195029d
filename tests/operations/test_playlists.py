"""Playlists: making, editing, showing and deleting one's own."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest

from datasources.sources import Sources
from domain.accounts import Role
from settings import Settings
from tests.fixtures.library import (
    ADD,
    CREATE,
    DELETE,
    EDIT,
    READ,
    SHOW,
    Listener,
    Music,
    insert,
    move,
    publish,
    rename,
    shown,
    sql,
    take_out,
    told,
)

NOBODY = "01920000-0000-7000-8000-000000000000"
SONG_MS = 180_000
PAGE = """
    query($id: ID!, $first: Int, $after: String) {
      playlist(id: $id) { entries(first: $first, after: $after) {
        totalCount
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
        edges { cursor node { id addedAt track { id title } } }
      } }
    }
"""
BY_TITLE = """{ viewer { library { items(order: TITLE, types: [PLAYLIST]) { edges { node { id node {
    ... on Playlist { name }
} } } } } } }"""


@pytest.fixture
async def listener(sources: Sources, settings: Settings) -> AsyncIterator[Listener]:
    async with Listener.of(sources, settings) as opened:
        yield opened


@pytest.fixture
async def curator(sources: Sources, settings: Settings) -> AsyncIterator[Listener]:
    async with Listener.of(sources, settings, Role.CURATOR) as opened:
        yield opened


@pytest.fixture(scope="module")
async def music(sources: Sources) -> Music:
    return await publish(sources, 5)


async def made(listener: Listener, music: Music, count: int = 3) -> tuple[str, list[str]]:
    """A new playlist with some tracks: its id and its entries."""
    playlist = await listener.create(*music.tracks[:count])
    return playlist["id"], shown(playlist)


# ------------------------------------------------------------------------------------------- making


async def test_a_new_playlist_is_private_and_in_its_listeners_library(listener: Listener, music: Music) -> None:
    tracks, since = [*music.tracks[:3], music.tracks[0]], await listener.token()

    answer = await listener.ask(CREATE, name="  Slow\tmornings ", description=" For\r\nrain ", trackIds=tracks)

    playlist = answer.data["createPlaylist"]
    entries = playlist.pop("entries")
    assert playlist == {
        "id": playlist["id"],
        "name": "Slow mornings",
        "description": "For\nrain",
        "visibility": "PRIVATE",
        "revision": 1,
        "trackCount": 4,
        "durationMs": 4 * SONG_MS,
        "inLibrary": True,
        "owner": {"id": str(listener.id), "displayName": "A listener"},
    }
    nodes = [edge["node"] for edge in entries["edges"]]
    assert (entries["totalCount"], [node["track"]["id"] for node in nodes]) == (4, tracks)
    (change,) = (await listener.changes(since))["changes"]
    assert (change["type"], change["itemType"], change["itemId"]) == ("ADD", "PLAYLIST", playlist["id"])
    assert change["playlistRevision"] == 1
    assert change["playlistEdits"] == [
        {"kind": "RENAME", "name": "Slow mornings", "entryId": None, "trackId": None, "afterEntryId": None},
        *(
            {"kind": "INSERT", "name": None, "entryId": node["id"], "trackId": track, "afterEntryId": after}
            for node, track, after in zip(nodes, tracks, [None, *(node["id"] for node in nodes)], strict=False)
        ),
    ]
    assert {node["addedAt"] for node in nodes} == {change["occurredAt"]}
    # The lock; the playlist; the durations; its entries; the playlist's counts; the item; the change; the head. Then
    # the playlist, its owner, its entries, their tracks, whether it is in the library.
    assert len(answer.statements) == 13


async def test_an_empty_playlist(listener: Listener) -> None:
    playlist = (await listener.ask(CREATE, name="x", description=" \n")).data["createPlaylist"]

    assert (playlist["description"], playlist["trackCount"], playlist["durationMs"]) == (None, 0, 0)
    assert playlist["entries"] == {"totalCount": 0, "edges": []}
    assert await listener.playlist(playlist["id"]) == playlist


@pytest.mark.parametrize(
    ("given", "message"),
    [
        *(
            ({"name": name}, "A playlist's name has 1 to 100 printable characters.")
            for name in ("", " \t", "x" * 101, "a\0b", "\ud800", "a\u202eb", "\u3164", "\ufe0f", "x" * 1_000_000)
        ),
        *(
            ({"name": "x", "description": text}, "A playlist's description has at most 500 characters.")
            for text in ("x" * 501, "a\0b", "\udfff")
        ),
        ({"name": "x", "trackIds": ["one"]}, "'one' is not an id."),
        ({"name": "x", "trackIds": [NOBODY] * 501}, "A playlist begins with at most 500 tracks."),
    ],
    ids=lambda given: repr(given)[:40],
)
async def test_what_no_playlist_can_be_made_of(listener: Listener, given: dict[str, Any], message: str) -> None:
    before = await listener.kept()

    answer = await listener.ask(CREATE, **given)

    assert answer.codes == ["BAD_USER_INPUT"]
    assert answer.messages[0].startswith(message)
    assert answer.statements == []
    assert await listener.kept() == before


async def test_an_unknown_track_and_no_playlist_is_made(listener: Listener, music: Music) -> None:
    before = await listener.kept()

    for unknown in (NOBODY, music.album):
        answer = await listener.ask(CREATE, name="x", trackIds=[music.tracks[0], unknown])

        assert (answer.codes, answer.messages) == (["NOT_FOUND"], [f"There is no track {unknown}."])
    assert await listener.kept() == before


async def test_five_hundred_tracks_to_begin_with(listener: Listener, music: Music) -> None:
    playlist = await listener.create(*music.tracks[:4] * 125)

    assert (playlist["trackCount"], playlist["entries"]["totalCount"], len(shown(playlist))) == (500, 500, 100)


# ------------------------------------------------------------------------------------------ editing


async def test_edits_of_every_kind(listener: Listener, music: Music) -> None:
    id, (one, two, three) = await made(listener, music)
    new, other, since = str(uuid4()), str(uuid4()), await listener.token()

    answer = await listener.ask(
        EDIT,
        id=id,
        edits=[
            insert(music.tracks[3], after=one, id=new),
            move(three, None),
            take_out(two),
            rename("Evenings"),
            insert(music.tracks[4], after=new, id=other),
            move(new, other),
        ],
    )

    playlist = answer.data["editPlaylist"]
    assert shown(playlist) == [three, one, other, new]
    assert (playlist["name"], playlist["revision"], playlist["trackCount"]) == ("Evenings", 2, 4)
    assert playlist["durationMs"] == 4 * SONG_MS
    (change,) = (await listener.changes(since))["changes"]
    assert (change["type"], change["itemId"], change["playlistRevision"]) == ("UPDATE", id, 2)
    edits = [{name: value for name, value in edit.items() if value} for edit in change["playlistEdits"]]
    assert edits == [
        {"kind": "INSERT", "entryId": new, "trackId": music.tracks[3], "afterEntryId": one},
        {"kind": "MOVE", "entryId": three},
        {"kind": "REMOVE", "entryId": two},
        {"kind": "RENAME", "name": "Evenings"},
        {"kind": "INSERT", "entryId": other, "trackId": music.tracks[4], "afterEntryId": new},
        {"kind": "MOVE", "entryId": new, "afterEntryId": other},
    ]
    assert change["item"]["updatedAt"] == change["occurredAt"]
    assert await listener.playlist(id) == playlist


async def test_an_entry_gets_an_id_where_the_device_chose_none(listener: Listener, music: Music) -> None:
    id, (one,) = await made(listener, music, 1)

    playlist = await listener.edit(id, {"kind": "INSERT", "trackId": music.tracks[1]})

    new, last = shown(playlist)
    assert last == one
    assert UUID(new).version == 7


async def test_edits_cost_the_same_however_many_and_in_however_long_a_playlist(
    listener: Listener, music: Music
) -> None:
    id, (one, *_) = await made(listener, music)

    few = await listener.ask(EDIT, id=id, edits=[insert(music.tracks[0], one)])
    many = await listener.ask(EDIT, id=id, edits=[insert(track, one) for track in music.tracks[:4] * 125])
    again = await listener.ask(EDIT, id=id, edits=[insert(music.tracks[0], one), take_out(one)])

    # The lock; the item; the thing; the playlist; the entries about; the durations; the entries; the playlist's
    # counts; the item; the change; the head. Then the playlist, its owner, its entries, their tracks, inLibrary.
    assert len(few.statements) == len(many.statements) == len(again.statements) == 16
    assert many.data["editPlaylist"]["trackCount"] == 504


async def test_nothing_to_edit_is_nothing_changed(listener: Listener, music: Music) -> None:
    id, entries = await made(listener, music)
    token, before = await listener.token(), await listener.playlist(id)

    for edits in ([], [rename("Mornings")], [move(entries[0], None)], [move(entries[2], entries[1])]):
        assert await listener.edit(id, *edits) == before
    assert await listener.token() == token


BAD_EDITS: dict[str, tuple[dict[str, Any], str, str]] = {
    "after an entry never seen": ({"kind": "INSERT", "trackId": "T", "afterEntryId": NOBODY}, "NOT_FOUND", "no entry"),
    "moving an entry never seen": (move(NOBODY, None), "NOT_FOUND", f"This playlist has no entry {NOBODY}."),
    "moving after one never seen": (move("E", NOBODY), "NOT_FOUND", f"This playlist has no entry {NOBODY}."),
    "removing an entry never seen": (take_out(NOBODY), "NOT_FOUND", f"This playlist has no entry {NOBODY}."),
    "an unknown track": ({"kind": "INSERT", "trackId": NOBODY}, "NOT_FOUND", f"There is no track {NOBODY}."),
    "after itself": (move("E", "E"), "BAD_USER_INPUT", "cannot go after itself"),
    "inserted after itself": (insert("T", NOBODY, NOBODY), "BAD_USER_INPUT", "cannot go after itself"),
    "an id with another track": (
        {"kind": "INSERT", "trackId": "U", "entryId": "E"},
        "CONFLICT",
        "is there with another track already",
    ),
    "no track": ({"kind": "INSERT"}, "BAD_USER_INPUT", "INSERT needs `trackId`"),
    "no entry": ({"kind": "MOVE"}, "BAD_USER_INPUT", "MOVE needs `entryId`"),
    "no name": ({"kind": "RENAME"}, "BAD_USER_INPUT", "RENAME needs `name`"),
    "an empty name": (rename(""), "BAD_USER_INPUT", "RENAME needs `name`"),
    "a blank name": (rename(" "), "BAD_USER_INPUT", "1 to 100 printable"),
    "a long name": (rename("x" * 101), "BAD_USER_INPUT", "1 to 100 printable"),
    "a broken name": (rename("\ud800"), "BAD_USER_INPUT", "1 to 100 printable"),
    "no id": (take_out("x"), "BAD_USER_INPUT", "'x' is not an id"),
    "a broken id": (take_out("\ud800"), "BAD_USER_INPUT", "is not an id"),
    "an empty id": (take_out(""), "BAD_USER_INPUT", "'' is not an id"),
    "too much": ({"kind": "REMOVE", "entryId": "E", "trackId": "T"}, "BAD_USER_INPUT", "REMOVE takes no `trackId`"),
}


@pytest.mark.parametrize("name", BAD_EDITS)
async def test_one_bad_edit_and_nothing_is_edited(listener: Listener, music: Music, name: str) -> None:
    id, (one, two, _) = await made(listener, music)
    edit, code, message = BAD_EDITS[name]
    real = {"E": two, "T": music.tracks[0], "U": music.tracks[4]}
    bad = {key: real.get(value, value) for key, value in edit.items()}
    before = await listener.kept()

    answer = await listener.ask(EDIT, id=id, edits=[rename("Evenings"), take_out(one), insert(music.tracks[3]), bad])

    assert answer.codes == [code]
    assert message in answer.messages[0]
    assert answer.body["data"] is None
    assert await listener.kept() == before


async def test_at_most_a_thousand_edits(listener: Listener, music: Music) -> None:
    id, _ = await made(listener, music)
    before = await listener.kept()

    answer = await listener.ask(EDIT, id=id, edits=[insert(music.tracks[0])] * 501)

    assert answer.codes == ["BAD_USER_INPUT"]
    assert answer.messages == ["At most 500 edits go together; these are 501. Send them in parts."]
    assert answer.statements == []
    assert await listener.kept() == before


async def test_at_most_ten_thousand_entries(listener: Listener, music: Music) -> None:
    id = (await listener.create(*music.tracks[:1] * 500))["id"]
    for _ in range(19):
        full = await listener.edit(id, *[insert(music.tracks[0]) for _ in range(500)])
    assert (full["trackCount"], full["durationMs"]) == (10_000, 10_000 * SONG_MS)
    before = await listener.kept()

    refused = await listener.ask(EDIT, id=id, edits=[insert(music.tracks[1])])

    assert refused.codes == ["BAD_USER_INPUT"]
    assert "at most 10,000 entries" in refused.messages[0]
    assert await listener.kept() == before
    swapped = await listener.edit(id, insert(music.tracks[1]), take_out(shown(full)[0]))
    assert swapped["trackCount"] == 10_000


async def test_two_devices_make_the_same_entry(listener: Listener, music: Music) -> None:
    """The same insert is a retry; with another track it is a mistake."""
    id, (one,) = await made(listener, music, 1)
    entry = str(uuid4())
    first = await listener.edit(id, insert(music.tracks[1], after=one, id=entry))
    token = await listener.token()

    again = await listener.edit(id, insert(music.tracks[1], after=None, id=entry))
    assert again == first
    assert await listener.token() == token

    conflict = await listener.ask(EDIT, id=id, edits=[insert(music.tracks[2], after=one, id=entry)])
    assert conflict.codes == ["CONFLICT"]
    assert await listener.playlist(id) == first
    assert await listener.token() == token


async def test_an_entry_id_belongs_to_its_playlist(listener: Listener, music: Music) -> None:
    id, (one,) = await made(listener, music, 1)
    other, _ = await made(listener, music, 2)

    playlist = await listener.edit(other, insert(music.tracks[3], id=one))

    assert shown(playlist)[0] == one
    assert shown(await listener.playlist(id)) == [one]
    assert (await listener.ask(EDIT, id=id, edits=[take_out(shown(playlist)[1])])).codes == ["NOT_FOUND"]


async def test_what_was_removed_stays_removed_and_keeps_its_place(listener: Listener, music: Music) -> None:
    id, (one, two, three) = await made(listener, music)
    gone = await listener.edit(id, take_out(two))
    token = await listener.token()

    for late in (insert(music.tracks[1], after=one, id=two), move(two, None), take_out(two)):
        assert await listener.edit(id, late) == gone
    assert await listener.token() == token

    new = str(uuid4())
    after = await listener.edit(id, insert(music.tracks[3], after=two, id=new))
    assert shown(after) == [one, new, three]
    assert (await listener.changes(token))["changes"][0]["playlistEdits"][0]["afterEntryId"] == one


async def test_a_new_name_sorts_anew(listener: Listener) -> None:
    b, d = [(await listener.create(name=name))["id"] for name in ("b", "D")]

    def names(answer: Any) -> list[tuple[str, str]]:
        edges = answer.data["viewer"]["library"]["items"]["edges"]
        return [(edge["node"]["id"], edge["node"]["node"]["name"]) for edge in edges]

    assert names(await listener.ask(BY_TITLE)) == [(b, "b"), (d, "D")]
    await listener.edit(d, rename("À la mode"), rename("A"))
    assert names(await listener.ask(BY_TITLE)) == [(d, "A"), (b, "b")]
    await listener.edit(d, rename("c"))
    assert names(await listener.ask(BY_TITLE)) == [(b, "b"), (d, "c")]


async def test_a_lost_track_leaves_its_entry(listener: Listener, sources: Sources) -> None:
    lost = await publish(sources, 2)
    id = (await listener.create(*lost.tracks))["id"]
    for table, column in (("audio_features", "track_id"), ("audio_files", "track_id"), ("tracks", "id")):
        await sql(sources, f"DELETE FROM {table} WHERE {column} = :id", id=UUID(lost.tracks[0]))

    playlist = await listener.playlist(id)

    assert [edge["node"]["track"] for edge in playlist["entries"]["edges"]] == [None, {"id": lost.tracks[1]}]
    assert playlist["trackCount"] == 2
    gone, rest = shown(playlist)
    assert shown(await listener.edit(id, move(gone, rest))) == [rest, gone]
    after = await listener.edit(id, take_out(gone))
    assert (shown(after), after["durationMs"]) == ([rest], SONG_MS)


# ------------------------------------------------------------------------------------------- paging


async def test_pages_have_no_gap_and_no_repetition(listener: Listener, music: Music) -> None:
    playlist = await listener.create(*music.tracks[:5] * 21)
    id, seen, after = playlist["id"], [], None
    assert len(shown(playlist)) == 100, "is what a page has when nobody says how many"

    while True:
        answer = await listener.ask(PAGE, id=id, first=40, after=after)
        page = answer.data["playlist"]["entries"]
        seen += [edge["node"]["id"] for edge in page["edges"]]
        assert page["totalCount"] == 105
        assert page["pageInfo"] == {
            "hasNextPage": len(seen) < 105,
            "hasPreviousPage": after is not None,
            "startCursor": page["edges"][0]["cursor"],
            "endCursor": page["edges"][-1]["cursor"],
        }
        # The playlist; the page; its tracks.
        assert len(answer.statements) == 3
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
    assert len(set(seen)) == 105
    assert seen[:100] == shown(playlist)
    # From a place that has been removed meanwhile one goes on as from any other.
    await listener.edit(id, take_out(seen[39]))
    cursor = (await listener.ask(PAGE, id=id, first=39)).data["playlist"]["entries"]["pageInfo"]["endCursor"]
    rest = (await listener.ask(PAGE, id=id, first=2, after=cursor)).data["playlist"]["entries"]
    assert [edge["node"]["id"] for edge in rest["edges"]] == seen[40:42]


@pytest.mark.parametrize("first", [0, -1, 101])
async def test_page_sizes_outside_1_to_100_are_refused(listener: Listener, music: Music, first: int) -> None:
    id, _ = await made(listener, music)

    answer = await listener.ask(PAGE, id=id, first=first)

    assert answer.codes == ["BAD_USER_INPUT"]
    assert answer.messages == [f"`first` must be between 1 and 100; it is {first}."]


async def test_cursors_of_other_lists_are_refused(listener: Listener, music: Music) -> None:
    id, _ = await made(listener, music)
    other, _ = await made(listener, music)
    theirs = (await listener.ask(PAGE, id=other, first=1)).data["playlist"]["entries"]["pageInfo"]["endCursor"]

    for cursor in (theirs, "", "nonsense", "\ud800", "W1tb" * 25_000):
        answer = await listener.ask(PAGE, id=id, after=cursor)

        assert answer.codes == ["BAD_USER_INPUT"]
        assert answer.messages[0].startswith("`after` ")


async def test_several_playlists_cost_what_one_does(listener: Listener, music: Music) -> None:
    ids = [(await made(listener, music, count))[0] for count in (1, 2, 3)]
    query = """query($ids: [ID!]!) { nodes(ids: $ids) { ... on Playlist {
      trackCount inLibrary owner { id } entries { totalCount edges { node { track { id } } } }
    } } }"""

    one, three = [await listener.ask(query, ids=some) for some in (ids[:1], ids)]

    assert [node["entries"]["totalCount"] for node in three.data["nodes"]] == [1, 2, 3]
    assert [len(node["entries"]["edges"]) for node in three.data["nodes"]] == [1, 2, 3]
    assert len(one.statements) == len(three.statements)


# --------------------------------------------------------------------------------------- visibility


@pytest.mark.parametrize("role", [Role.USER, Role.PREMIUM_USER])
async def test_who_may_not_publish(sources: Sources, settings: Settings, role: Role) -> None:
    async with Listener.of(sources, settings, role) as listener:
        id, before = (await listener.create())["id"], await listener.kept()

        refused = await listener.ask(SHOW, id=id, to="PUBLIC")

        assert refused.codes == ["FORBIDDEN"]
        assert "playlist:public" in refused.messages[0]
        assert refused.statements == []
        assert await listener.kept() == before
        allowed = await listener.ask(SHOW, id=id, to="PRIVATE")
        assert allowed.data["setPlaylistVisibility"]["visibility"] == "PRIVATE"


async def test_publishing_and_taking_back(curator: Listener, music: Music) -> None:
    id, _ = await made(curator, music)

    for revision, to in ((2, "PUBLIC"), (3, "PRIVATE"), (4, "PUBLIC")):
        since = await curator.token()
        playlist = (await curator.ask(SHOW, id=id, to=to)).data["setPlaylistVisibility"]
        assert (playlist["visibility"], playlist["revision"]) == (to, revision)
        (change,) = (await curator.changes(since))["changes"]
        assert (change["type"], change["itemId"], change["playlistEdits"]) == ("UPDATE", id, [])
        token = await curator.token()
        assert (await curator.ask(SHOW, id=id, to=to)).data["setPlaylistVisibility"] == playlist
        assert await curator.token() == token, "it is so already"


async def test_who_may_no_longer_publish_may_still_take_back(
    curator: Listener, sources: Sources, settings: Settings
) -> None:
    id = (await curator.create())["id"]
    await curator.ask(SHOW, id=id, to="PUBLIC")
    async with Listener.of(sources, settings, Role.ADMIN) as admin:
        await admin.ask("mutation($id: ID!) { setRole(userId: $id, role: USER) { id } }", id=str(curator.id))

    taken_back = await curator.ask(SHOW, id=id, to="PRIVATE")

    assert taken_back.data["setPlaylistVisibility"]["visibility"] == "PRIVATE"
    assert (await curator.ask(SHOW, id=id, to="PUBLIC")).codes == ["FORBIDDEN"]


# ----------------------------------------------------------------------------------------- deleting


@pytest.mark.parametrize("how", ["deletePlaylist", "removeFromLibrary"])
async def test_a_deleted_playlist_is_gone_and_the_history_says_so(listener: Listener, music: Music, how: str) -> None:
    id, entries = await made(listener, music)
    since = await listener.token()

    if how == "deletePlaylist":
        delta = (await listener.ask(DELETE, id=id)).data["deletePlaylist"]
    else:
        delta = await listener.remove(id)

    assert (delta["since"], told(delta), delta["changes"][0]["item"]) == (since, [("REMOVE", "PLAYLIST", id)], None)
    assert (await listener.changes(since))["changes"] == delta["changes"]
    assert await listener.held() == {}
    rows = await sql(listener.client.sources, "SELECT 1 FROM playlist_entries WHERE playlist_id = :id", id=UUID(id))
    assert rows == []
    before = await listener.kept()
    for query, variables in (
        (READ, {}),
        ("query($id: ID!) { node(id: $id) { id } }", {}),
        (EDIT, {"edits": [take_out(entries[0])]}),
        (EDIT, {"edits": []}),
        (SHOW, {"to": "PRIVATE"}),
        (DELETE, {}),
    ):
        assert (await listener.ask(query, id=id, **variables)).codes == ["NOT_FOUND"]
    assert (await listener.ask(ADD, ids=[id])).codes == ["NOT_FOUND"]
    assert await listener.kept() == before


@pytest.mark.parametrize("mutation", [EDIT, SHOW, DELETE])
async def test_what_is_no_playlist_is_not_found(listener: Listener, music: Music, mutation: str) -> None:
    before = await listener.kept()
    given: dict[str, dict[str, Any]] = {EDIT: {"edits": []}, SHOW: {"to": "PRIVATE"}, DELETE: {}}
    rest = given[mutation]

    for id in (NOBODY, music.album, str(listener.id)):
        answer = await listener.ask(mutation, id=id, **rest)
        assert (answer.codes, answer.messages) == (["NOT_FOUND"], [f"There is no playlist with the id {id}."])
    assert (await listener.ask(mutation, id="x", **rest)).codes == ["BAD_USER_INPUT"]
    assert await listener.kept() == before


# -------------------------------------------------------------------------------------------- races


async def test_inserts_of_two_devices_at_one_place_all_survive(listener: Listener, music: Music) -> None:
    id, (one, two, three) = await made(listener, music)
    since = await listener.token()
    batches = [[insert(music.tracks[number % 5], after=one) for number in range(5)] for _ in range(10)]

    answers = await asyncio.gather(*(listener.ask(EDIT, id=id, edits=batch) for batch in batches))

    assert sorted(answer.data["editPlaylist"]["revision"] for answer in answers) == list(range(2, 12))
    playlist = await listener.playlist(id)
    entries = shown(playlist)
    inserted = [edit["entryId"] for batch in batches for edit in batch]
    assert (entries[0], entries[-2:], sorted(entries[1:-2])) == (one, [two, three], sorted(inserted))
    assert (playlist["trackCount"], playlist["durationMs"], playlist["revision"]) == (53, 53 * SONG_MS, 11)
    # Whoever applies the edits that the history tells gets the same list.
    device = [one, two, three]
    for number, change in enumerate((await listener.changes(since))["changes"], 2):
        assert change["playlistRevision"] == number
        for edit in change["playlistEdits"]:
            after = edit["afterEntryId"]
            device.insert(0 if after is None else device.index(after) + 1, edit["entryId"])
    assert device == entries


async def test_editing_and_deleting_at_once(listener: Listener, music: Music) -> None:
    """Whoever comes later finds nothing; nothing of the playlist is left."""
    for _ in range(5):
        id, _entries = await made(listener, music)
        edits, deletions = (
            [listener.ask(EDIT, id=id, edits=[insert(music.tracks[0])]) for _ in range(3)],
            [listener.ask(DELETE, id=id) for _ in range(2)],
        )
        answers = await asyncio.gather(edits[0], deletions[0], edits[1], deletions[1], edits[2])

        assert sorted(answers[place].codes for place in (1, 3)) == [[], ["NOT_FOUND"]]
        assert all(answers[place].codes in ([], ["NOT_FOUND"]) for place in (0, 2, 4))
        assert (await listener.ask(READ, id=id)).codes == ["NOT_FOUND"]
        history = (await listener.changes(await listener.token_at(0), first=1000))["changes"]
        assert [change["type"] for change in history if change["itemId"] == id][-1] == "REMOVE"
