"""What histories are played on: a catalogue that they share, and a new listener for each."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Uuid, bindparam, select, text
from starlette.requests import HTTPConnection

from benchmarks.device import data_of
from benchmarks.local_library import Json
from datasources.accounts import add_user
from datasources.database import Statement
from datasources.sources import Sources
from datasources.tables.catalog import tracks
from ingest.tags import Tags
from resolvers.context import Context
from schema import graph
from tests.fixtures.music import fresh, publish_album, recording

MINUTE_MS = 60_000
TRACKS_OF = Statement(
    select(tracks.c.id, tracks.c.duration_ms, tracks.c.artist_id).where(
        tracks.c.album_id == bindparam("album", type_=Uuid)
    )
)
CLOCK = Statement(
    text("SELECT clock FROM libraries WHERE user_id = :user_id").bindparams(bindparam("user_id", type_=Uuid))
)


@dataclass(frozen=True)
class Stage:
    """`things` can be put into a library, `tracks` into playlists; `foreign` is somebody else's public playlist."""

    sources: Sources
    things: list[str]
    tracks: dict[str, int]
    """Their durations."""
    foreign: str

    @classmethod
    async def of(cls, sources: Sources) -> "Stage":
        durations: dict[str, int] = {}
        things: list[str] = []
        for minutes in (2, 3, 5):
            names = [Tags(title=fresh("Track"), artist=fresh("Artist"), album=fresh("Album"), track_number=1)]
            album = await publish_album(sources, *names, made=recording(duration_ms=minutes * MINUTE_MS + minutes))
            for row in await sources.database.fetch(TRACKS_OF, album=UUID(album)):
                durations[str(row.id)] = row.duration_ms
                things += [str(row.id), str(row.artist_id)]
            things.append(album)
        owner = await Listener.new(sources)
        created = await owner.ask('mutation { createPlaylist(name: "Theirs") { id } }')
        foreign = created["createPlaylist"]["id"]
        await owner.ask("mutation($id: ID!) { setPlaylistVisibility(id: $id, visibility: PUBLIC) { id } }", id=foreign)
        return cls(sources, [*things, foreign], durations, foreign)


@dataclass(frozen=True)
class Listener:
    """Asks the graph without HTTP, which halves what a history costs."""

    sources: Sources
    id: UUID
    token: str

    @classmethod
    async def new(cls, sources: Sources) -> "Listener":
        name = f"simulated-{uuid4().hex}"
        row = await add_user(
            sources,
            username=name,
            username_key=name,
            display_name=name,
            password_hash="none",
            tier="INDIVIDUAL",
            role="CURATOR",
        )
        assert row is not None
        token, _ = await sources.sessions.start(row, "simulated")
        return cls(sources, row.id, token)

    async def ask(self, query: str, **variables: Any) -> Json:
        result = await graph.execute(query, variable_values=variables, context_value=self._context())
        return data_of({"data": result.data, "errors": [error.formatted for error in result.errors or ()]})

    async def listen(self, query: str, **variables: Any) -> AsyncGenerator[Json, None]:
        subscribed = await graph.subscribe(query, variable_values=variables, context_value=self._context())
        assert isinstance(subscribed, AsyncGenerator)
        async with aclosing(subscribed) as results:
            async for result in results:
                yield data_of({"data": result.data, "errors": [error.formatted for error in result.errors or ()]})

    def _context(self) -> Context:
        headers = [(b"authorization", f"Bearer {self.token}".encode())]
        return Context(
            self.sources, HTTPConnection({"type": "http", "headers": headers}), None, "http://segue.test", 60
        )

    async def clock(self) -> datetime:
        """The library's time of its last change."""
        row = await self.sources.database.fetch_one(CLOCK, user_id=self.id)
        assert row is not None
        return row.clock  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Call:
    """A request that reached the server. `answer` is None when nobody knows what the server said."""

    query: str
    variables: Json
    answer: Json | None
    low: datetime
    high: datetime
    """The library's time in it was between these."""
