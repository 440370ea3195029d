"""What the size of a library and of a playlist costs, then a crowd of writers: `python -m benchmarks.library`.

Asks a gateway process over a real port, about the small one and the large one in turns, so that whatever else the
machine does falls on both. Stores and gateway are its own. Asserts nothing.
"""

import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import Annotated, Any
from uuid import UUID

import typer
import uvloop
from rich.console import Console
from rich.table import Table

from benchmarks.device import ADD, CHANGES, CREATE, EDIT, ITEM, REMOVE, SYNC, UPDATE, now
from benchmarks.gateways import Gateway, serving
from benchmarks.listeners import Listener, add_listener, add_tracks
from benchmarks.writers import crowd
from datasources.embedded.borrow import embedded_stores
from datasources.migrations import migrate
from datasources.sources import Sources, open_sources
from domain.ids import new_id
from domain.library import ChangeType
from domain.playlists import EDITS_LIMIT
from domain.sync import Change
from settings import Settings

ITEMS = (100, 50_000)
ENTRIES = (100, 9_999)
"""A playlist has at most 10 000, and one is inserted."""
TIMES, FEW = 200, 5
SYNCED = 10_000
PART = 10_000
"""Items that are put into a library in one transaction."""

PAGE = f"""query($order: LibraryOrder) {{ viewer {{ library {{ syncToken items(first: 100, order: $order) {{
  pageInfo {{ hasNextPage endCursor }}
  edges {{ node {{ {ITEM} node {{ ... on Track {{ title }} ... on Playlist {{ name revision }} }} }} }}
}} }} }} }}"""
ENTRY_PAGE = """query($id: ID!, $after: String) { playlist(id: $id) { revision entries(first: 100, after: $after) {
  pageInfo { hasNextPage endCursor } edges { cursor node { id track { id title } } }
} } }"""
TOKEN = "{ viewer { library { syncToken } } }"

Variables = dict[str, Any]


@dataclass
class Subject:
    """A library and a playlist in it, and tracks that are in neither."""

    gateway: Gateway
    listener: Listener
    items: list[str]
    spare: list[str]
    playlist: str = ""
    entries: list[str] = field(default_factory=list)
    """Ids, in order."""
    cursors: list[str] = field(default_factory=list)
    """One for each entry."""
    token: str = ""
    """Before the last five edits."""

    async def ask(self, query: str, **variables: Any) -> Any:
        return await self.gateway.ask(self.listener.session, query, **variables)


@dataclass
class Step:
    """Something to ask, with variables that are made each time, and what takes it back, which is not measured."""

    name: str
    query: str
    variables: Callable[[Subject], Awaitable[Variables]]
    undo: Callable[[Variables], tuple[str, Variables]] | None = None
    times: int | None = None


@dataclass
class Spent:
    """Milliseconds of each time, and the bytes of the largest answer."""

    times: list[float] = field(default_factory=list)
    size: int = 0


def main(
    times: Annotated[
        int, typer.Option(help="How often each step is measured; long ones are measured less often.")
    ] = TIMES,
    large: Annotated[int, typer.Option(help="Items of the large library.")] = ITEMS[1],
) -> None:
    """Measure libraries and playlists of two sizes side by side, then 400 writers and one reader."""
    uvloop.run(measure(times, (ITEMS[0], large)))


async def measure(times: int, sizes: tuple[int, int]) -> None:
    console = Console(width=140)
    with TemporaryDirectory() as folder:
        bare = Settings(segue_data=Path(folder) / "data", jobs=False, drain_seconds=0)
        async with embedded_stores(bare) as settings:
            await migrate(str(settings.database_url))
            async with open_sources(settings) as sources, serving(settings, Path(folder) / "log") as gateway:
                tracks = await add_tracks(sources, max(sizes) + SYNCED)
                subjects = [
                    await subject(sources, gateway, tracks[:items], tracks[-SYNCED:], tracks[:entries])
                    for items, entries in zip(sizes, ENTRIES, strict=True)
                ]
                for about, steps in (
                    (f"a library of {sizes[0]:,} items and one of {sizes[1]:,}", ABOUT_LIBRARIES),
                    (f"a playlist of {ENTRIES[0]:,} entries and one of {ENTRIES[1]:,}", ABOUT_PLAYLISTS),
                ):
                    console.print(await compared(about, subjects, steps, times))
                console.print(await crowd(sources, gateway, tracks))


async def subject(
    sources: Sources, gateway: Gateway, held: Sequence[UUID], spare: Sequence[UUID], entries: Sequence[UUID]
) -> Subject:
    listener = await add_listener(sources)
    for start in range(0, len(held), PART):
        async with sources.library.edit(listener.user_id) as edit:
            part = held[start : start + PART]
            await edit.load(part)
            for track in part:
                edit.apply(Change(ChangeType.ADD, track, edit.clock()))
    library = Subject(gateway, listener, [str(id) for id in held], [str(id) for id in spare])
    library.playlist = (await library.ask(CREATE, name="Long"))["playlist"]["id"]
    for start in range(0, len(entries), EDITS_LIMIT):
        edits = [insertion(str(id), None) for id in entries[start : start + EDITS_LIMIT]]
        await library.ask(EDIT, id=library.playlist, edits=edits)
    after, more = None, True
    while more:
        page = (await library.ask(ENTRY_PAGE, id=library.playlist, after=after))["playlist"]["entries"]
        library.entries += [edge["node"]["id"] for edge in page["edges"]]
        library.cursors += [edge["cursor"] for edge in page["edges"]]
        after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
    library.token = await token(library)
    for id in library.items[:5]:
        await library.ask(UPDATE, id=id, loved=True)
    return library


async def compared(title: str, subjects: Sequence[Subject], steps: Sequence[Step], times: int) -> Table:
    """A table of what each step takes for the one and for the other."""
    columns = ("small: median ms", "99th of 100", "large: median ms", "99th of 100", "ratio", "bytes")
    table = Table("what is asked", *columns, title=title)
    for step in steps:
        small, large = await in_turns(step, subjects, step.times or times)
        shown = [f"{figure:.1f}" for spent in (small, large) for figure in (median(spent.times), slow(spent.times))]
        ratio = median(large.times) / median(small.times)
        table.add_row(step.name, *shown, f"{ratio:.2f}", f"{max(small.size, large.size):,}")
    return table


def slow(times: list[float]) -> float:
    """The 99th of 100, or the slowest of fewer."""
    return quantiles(times, n=100)[98] if len(times) >= 100 else max(times)


async def in_turns(step: Step, subjects: Sequence[Subject], times: int) -> list[Spent]:
    spent = [Spent() for _ in subjects]
    for _ in range(times + 1):
        for subject, each in zip(subjects, spent, strict=True):
            variables = await step.variables(subject)
            started = time.perf_counter()
            answer = await subject.gateway.post(subject.listener.session, step.query, **variables)
            each.times.append(1000 * (time.perf_counter() - started))
            each.size = max(each.size, len(answer.content))
            if step.undo:
                query, taken_back = step.undo(variables)
                await subject.ask(query, **taken_back)
    for each in spent:
        del each.times[0]  # of the first time, when nothing was prepared yet
    return spent


async def token(subject: Subject) -> str:
    return str((await subject.ask(TOKEN))["viewer"]["library"]["syncToken"])


async def by_time(_: Subject) -> Variables:
    return {"order": "RECENTLY_ADDED"}


async def by_title(_: Subject) -> Variables:
    return {"order": "TITLE"}


async def since_five_edits(subject: Subject) -> Variables:
    return {"since": subject.token}


async def one_more(subject: Subject) -> Variables:
    return {"ids": [random.choice(subject.spare)]}


async def another_rating(subject: Subject) -> Variables:
    return {"id": random.choice(subject.items), "rating": random.randint(1, 5)}


def additions(count: int) -> Callable[[Subject], Awaitable[Variables]]:
    async def variables(subject: Subject) -> Variables:
        ids = random.sample(subject.spare, count)
        return {"since": await token(subject), "changes": [offline("ADD", id) for id in ids]}

    return variables


def offline(type: str, id: str) -> Variables:
    return {"type": type, "itemId": id, "mutationId": str(new_id()), "occurredAt": now().isoformat()}


def removals(added: Variables) -> tuple[str, Variables]:
    return SYNC, added | {"changes": [offline("REMOVE", change["itemId"]) for change in added["changes"]]}


def page_at(share: float) -> Callable[[Subject], Awaitable[Variables]]:
    """The hundred entries before that share of the playlist."""

    async def variables(subject: Subject) -> Variables:
        start = round(share * (len(subject.cursors) - 100))
        return {"id": subject.playlist, "after": subject.cursors[start - 1] if start else None}

    return variables


def insertion(track: str, after: str | None) -> Variables:
    return {"kind": "INSERT", "entryId": str(new_id()), "trackId": track, "afterEntryId": after}


async def insert_anywhere(subject: Subject) -> Variables:
    after = random.choice(subject.entries)
    return {"id": subject.playlist, "edits": [insertion(subject.spare[0], after)]}


async def insert_in_the_middle(subject: Subject) -> Variables:
    after = subject.entries[len(subject.entries) // 2]
    return {"id": subject.playlist, "edits": [insertion(subject.spare[0], after)]}


async def move_anywhere(subject: Subject) -> Variables:
    moved, after = random.sample(subject.entries, 2)
    return {"id": subject.playlist, "edits": [{"kind": "MOVE", "entryId": moved, "afterEntryId": after}]}


def take_out(inserted: Variables) -> tuple[str, Variables]:
    return EDIT, inserted | {"edits": [{"kind": "REMOVE", "entryId": inserted["edits"][0]["entryId"]}]}


ABOUT_LIBRARIES = (
    Step("first page of items, newest first", PAGE, by_time),
    Step("first page of items, by title", PAGE, by_title),
    Step("changes after 5 edits", CHANGES, since_five_edits),
    Step("addToLibrary of one thing", ADD, one_more, lambda added: (REMOVE, added)),
    Step("updateLibraryItem", UPDATE, another_rating),
    Step("syncLibrary of 1 change", SYNC, additions(1), removals),
    Step("syncLibrary of 100 changes", SYNC, additions(100), removals, 10 * FEW),
    Step(f"syncLibrary of {SYNCED:,} changes", SYNC, additions(SYNCED), removals, FEW),
)
ABOUT_PLAYLISTS = (
    Step("first page of entries", ENTRY_PAGE, page_at(0)),
    Step("a page in the middle", ENTRY_PAGE, page_at(0.5)),
    Step("the last page", ENTRY_PAGE, page_at(1)),
    Step("insert somewhere", EDIT, insert_anywhere, take_out),
    Step("insert in the middle, always there", EDIT, insert_in_the_middle, take_out),
    Step("move from somewhere to somewhere", EDIT, move_anywhere),
)

if __name__ == "__main__":
    typer.run(main)
