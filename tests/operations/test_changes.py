"""`library.changes`: what changed after a token, and tokens that lead nowhere."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from datasources.sources import Sources
from domain.sync_tokens import encode_token
from settings import Settings
from tests.fixtures.client import Client
from tests.fixtures.library import ADD, CHANGES, SYNC, Device, Listener, Music, publish, told

UNKNOWN = "This is not a sync token of your library."


@pytest.fixture
async def listener(sources: Sources, settings: Settings) -> AsyncIterator[Listener]:
    async with Listener.of(sources, settings) as opened:
        yield opened


@pytest.fixture
async def other(sources: Sources, settings: Settings) -> AsyncIterator[Listener]:
    async with Listener.of(sources, settings) as opened:
        yield opened


@pytest.fixture(scope="module")
async def music(sources: Sources) -> Music:
    return await publish(sources, 12)


@pytest.fixture
async def history(listener: Listener, music: Music) -> list[tuple[str, str, str]]:
    """A library with twenty-eight changes: three for each track but the first four, which had one."""
    await listener.add(*music.tracks)
    for track in music.tracks[4:]:
        await listener.update(track, loved=True)
        await listener.remove(track)
    return [
        *(("ADD", "TRACK", track) for track in music.tracks),
        *((kind, "TRACK", track) for track in music.tracks[4:] for kind in ("UPDATE", "REMOVE")),
    ]


@pytest.mark.parametrize("size", [1, 5, 27, 28, 29, 500, 1000, None])
async def test_pages_have_no_gap_and_no_repetition(
    listener: Listener, history: list[tuple[str, str, str]], size: int | None
) -> None:
    token, seen, positions = str(await listener.token_at(0)), list[tuple[str, str, str]](), list[str]()
    while True:
        answer = await listener.ask(CHANGES, since=token, first=size)
        delta = answer.data["viewer"]["library"]["changes"]
        assert (delta["since"], delta["mustRefresh"]) == (token, False)
        assert delta["syncToken"] == delta["changes"][-1]["syncToken"]
        assert len(delta["changes"]) == min(size or 500, 28 - len(seen))
        seen += told(delta)
        positions += [change["syncToken"] for change in delta["changes"]]
        assert delta["hasMore"] is (len(seen) < 28)
        # The viewer; the library; the history.
        assert len(answer.statements) == 3
        if not delta["hasMore"]:
            break
        token = delta["syncToken"]
    assert seen == history
    assert positions == [await listener.token_at(position) for position in range(1, 29)]
    assert positions[-1] == await listener.token()


async def test_nothing_after_the_head(listener: Listener, history: list[tuple[str, str, str]]) -> None:
    token = await listener.token()

    assert await listener.changes(token) == {
        "since": token,
        "syncToken": token,
        "hasMore": False,
        "mustRefresh": False,
        "changes": [],
    }
    assert (await listener.changes(token, first=1))["hasMore"] is False


@pytest.mark.parametrize("first", [0, -1, 1001])
async def test_sizes_outside_1_to_1000_are_refused(listener: Listener, first: int) -> None:
    answer = await listener.ask(CHANGES, since=await listener.token(), first=first)

    assert answer.codes == ["BAD_USER_INPUT"]
    assert answer.messages == [f"`first` must be between 1 and 1,000; it is {first}."]
    assert len(answer.statements) == 2


async def test_the_items_are_those_of_their_time(listener: Listener, music: Music) -> None:
    """Applying the changes in order is putting; nothing is read from what is there now."""
    await listener.add(music.album)
    await listener.update(music.album, loved=True)
    await listener.update(music.album, rating=2)
    await listener.remove(music.album)
    await listener.add(music.album)

    changes = (await listener.changes(await listener.token_at(0)))["changes"]

    items = [change["item"] and (change["item"]["loved"], change["item"]["rating"]) for change in changes]
    assert items == [(False, None), (True, None), (True, 2), None, (False, None)]
    assert [change["occurredAt"] for change in changes] == sorted(change["occurredAt"] for change in changes)
    assert changes[1]["item"]["addedAt"] == changes[0]["occurredAt"]
    assert changes[4]["item"]["addedAt"] == changes[4]["occurredAt"]


async def test_the_node_is_that_of_now(listener: Listener, music: Music) -> None:
    await listener.add(music.album, music.tracks[0])

    answer = await listener.ask(
        """query($since: SyncToken!) { viewer { library { changes(since: $since) {
          changes { item { node { __typename ... on Album { id inLibrary } ... on Track { id inLibrary } } } }
        } } } }""",
        since=await listener.token_at(0),
    )

    assert [change["item"]["node"] for change in answer.data["viewer"]["library"]["changes"]["changes"]] == [
        {"__typename": "Album", "id": music.album, "inLibrary": True},
        {"__typename": "Track", "id": music.tracks[0], "inLibrary": True},
    ]


async def test_tokens_of_another_listener_are_refused(listener: Listener, other: Listener, music: Music) -> None:
    await listener.add(music.album)
    await other.add(music.album)

    for token in (await other.token(), await other.token_at(0), await other.token_at(2**63 - 1)):
        answer = await listener.ask(CHANGES, since=token)

        assert answer.codes == ["BAD_USER_INPUT"]
        assert answer.messages[0].startswith(UNKNOWN)
        assert len(answer.statements) == 2, "the viewer and the library; no history"


async def test_forged_tokens_are_refused(listener: Listener, music: Music) -> None:
    await listener.add(music.album)
    token = await listener.token()
    signed = urlsafe_b64decode(token + "==")
    forged = [
        urlsafe_b64encode(text).decode().rstrip("=")
        for text in (
            (0).to_bytes(8, "big") + signed[8:],
            signed[:8] + bytes(8),
            signed[:15] + bytes([signed[15] ^ 1]),
            bytes(16),
            b"\xff" * 16,
        )
    ]
    no_key = [encode_token(1, UUID(int=0)), encode_token(1, listener.id)]

    for since in (*forged, *no_key, "", "1", token + "=", token[:-1], token + "\n", "ÿ" * 22, "\ud800", "A" * 100_000):
        answer = await listener.ask(CHANGES, since=since)

        assert answer.codes == ["BAD_USER_INPUT"], since
        assert answer.messages[0].startswith(UNKNOWN)


@pytest.mark.parametrize("since", [7, True, None, [], {}])
async def test_what_is_no_text_is_no_token(listener: Listener, since: object) -> None:
    answer = await listener.ask(CHANGES, since=since)

    assert answer.codes == ["BAD_USER_INPUT"]
    assert answer.statements == []


async def test_tokens_of_nobody(client: Client, listener: Listener) -> None:
    assert (await client.ask(CHANGES, since=await listener.token())).data == {"viewer": None}


@pytest.mark.parametrize("ahead", [1, 1000, 2**63 - 2])
async def test_a_token_from_the_future_means_to_reload(listener: Listener, music: Music, ahead: int) -> None:
    """The library was restored from a backup: what the device has is not what there is."""
    await listener.add(music.album)
    future = await listener.token_at(1 + ahead)

    delta = await listener.changes(future)

    assert delta == {
        "since": future,
        "syncToken": await listener.token(),
        "hasMore": False,
        "mustRefresh": True,
        "changes": [],
    }


async def test_a_token_from_before_what_is_kept_means_to_reload(
    listener: Listener, history: list[tuple[str, str, str]]
) -> None:
    await listener.sql("DELETE FROM library_changes WHERE user_id = :user_id AND sync_token <= 10")
    await listener.sql("UPDATE libraries SET floor = 10 WHERE user_id = :user_id")
    head = await listener.token()

    for position in (0, 9):
        old = await listener.token_at(position)
        assert await listener.changes(old, first=1) == {
            "since": old,
            "syncToken": head,
            "hasMore": False,
            "mustRefresh": True,
            "changes": [],
        }
    for position in (10, 11, 28):
        delta = await listener.changes(await listener.token_at(position))
        assert (delta["mustRefresh"], told(delta)) == (False, history[position:])


async def test_going_on_after_a_reload_loses_nothing(listener: Listener, history: list[tuple[str, str, str]]) -> None:
    """What changes while one pages comes again after the first page's token."""
    await listener.sql("UPDATE libraries SET floor = 28 WHERE user_id = :user_id")
    query = """query($after: String) { viewer { library { syncToken items(first: 2, after: $after) {
      pageInfo { endCursor } edges { node { id } }
    } } } }"""
    first = (await listener.ask(query)).data["viewer"]["library"]
    seen = {edge["node"]["id"] for edge in first["items"]["edges"]}
    await listener.remove(sorted(seen)[0])
    gone = {id for _, _, id in history[:4]} - seen
    await listener.remove(sorted(gone)[0])
    new = history[20][2]
    await listener.add(new)
    rest = (await listener.ask(query, after=first["items"]["pageInfo"]["endCursor"])).data["viewer"]["library"]
    device = seen | {edge["node"]["id"] for edge in rest["items"]["edges"]}

    delta = await listener.changes(first["syncToken"])

    assert not delta["mustRefresh"]
    for kind, _, id in told(delta):
        device = device - {id} if kind == "REMOVE" else device | {id}
    assert device == set(await listener.held())


async def test_syncing_from_such_tokens(
    listener: Listener, other: Listener, history: list[tuple[str, str, str]], music: Music
) -> None:
    """Handing in still counts; what is handed out says to reload."""
    await listener.sql("UPDATE libraries SET floor = 10 WHERE user_id = :user_id")
    device = Device()
    for number, position in enumerate((0, 9, 100)):
        result = await listener.sync(
            device.add(music.tracks[5 + number], at="2100-01-01T00:00:00Z"), since=await listener.token_at(position)
        )

        assert [outcome["status"] for outcome in result["outcomes"]] == ["APPLIED"]
        assert (result["delta"]["mustRefresh"], result["delta"]["changes"]) == (True, [])
        assert result["delta"]["syncToken"] == await listener.token()

    before = await listener.kept()
    for since in (await other.token(), "nonsense", encode_token(5, UUID(int=0))):
        refused = await listener.ask(SYNC, since=since, changes=[device.add(music.artist)])
        assert refused.codes == ["BAD_USER_INPUT"]
        assert refused.messages[0].startswith(UNKNOWN)
        assert refused.body["data"] is None
    assert await listener.kept() == before


async def test_one_position_is_one_text(listener: Listener, music: Music) -> None:
    """A device compares the `since` of a mutation's delta with its own token."""
    added = (await listener.ask(ADD, ids=[music.album])).data["addToLibrary"]
    again = (await listener.ask(ADD, ids=[music.artist])).data["addToLibrary"]

    assert again["since"] == added["syncToken"] == added["changes"][-1]["syncToken"]
