"""One history: devices of one listener that do things, lose answers and go astray, and in the end have to agree."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Self
from uuid import UUID

from benchmarks.device import ADD, CREATE, DELETE, EDIT, REMOVE, SYNC, UPDATE, Device, NoAnswer, Refused, Transport
from benchmarks.local_library import Json, LocalLibrary, Playlist
from tests.simulation.checks import Archive, check
from tests.simulation.stage import Call, Listener, Stage

SHOW = "mutation($id: ID!, $visibility: Visibility!) { setPlaylistVisibility(id: $id, visibility: $visibility) { id } }"
CHANGING = (SYNC, ADD, REMOVE, UPDATE, DELETE, CREATE, EDIT, SHOW)
NAMES = ("Mornings", "Evenings", "  Long   drives ", "Rain", "Naïve")
SKEWS = (0, 0, 0.003, -0.003, 0.05, -0.05, 1, -1, 3600, -3600, 86_400 * 100)
"""Seconds that devices' clocks are off."""
ROUNDS = 20
"""In which everybody has to agree, once nothing is lost any more."""


@dataclass
class Wire:
    """What lies between a device and the server. `fate` befalls the next change that is sent."""

    transport: Transport
    clock: Callable[[], Awaitable[datetime]]
    calls: list[Call]
    fate: str = "fine"

    async def ask(self, query: str, **variables: Any) -> Json:
        fate = self.fate if query in CHANGING else "fine"
        if fate == "request lost":
            raise NoAnswer(fate)
        deliveries = [self.deliver(query, variables) for _ in range(2 if query == SYNC and "twice" in fate else 1)]
        answers = await asyncio.gather(*deliveries)
        if fate == "answer lost":
            raise NoAnswer(fate)
        return answers[-1 if fate == "twice, the second answer" else 0]

    async def deliver(self, query: str, variables: Json) -> Json:
        answer = await self.transport.ask(query, **variables)
        if query in CHANGING:
            # Where several are under way at once, all of them are syncs, of which the server remembers the time.
            at = await self.clock()
            self.calls.append(Call(query, variables, answer, at, at))
        return answer

    def listen(self, query: str, **variables: Any) -> Any:
        return self.transport.listen(query, **variables)


FATES = ("fine", "fine", "fine", "request lost", "answer lost", "twice, the first answer", "twice, the second answer")


@dataclass
class Clock:
    """A device's clock: off by some seconds, maybe coarse, and in a zone of its own."""

    skew: float
    grain: timedelta
    zone: timezone

    @classmethod
    def of(cls, chance: random.Random) -> Self:
        grain = timedelta(microseconds=chance.choice((1, 1, 20_000)))
        return cls(chance.choice(SKEWS), grain, timezone(timedelta(minutes=chance.choice((0, 330, -120)))))

    def __call__(self) -> datetime:
        at = datetime.now(UTC) + timedelta(seconds=self.skew)
        return (at - (at - datetime.min.replace(tzinfo=UTC)) % self.grain).astimezone(self.zone)


@dataclass
class History:
    """`steps` are drawn one after the other; each is a coroutine function of this class."""

    stage: Stage
    listener: Listener
    chance: random.Random
    devices: list[Device]
    wires: list[Wire]
    archive: Archive
    things: list[str]
    calls: list[Call] = field(default_factory=list)
    inserts: list[Json] = field(default_factory=list)
    """Entries that were made, in whichever playlist."""
    told: list[str] = field(default_factory=list)
    """What happened, for whoever has to find out why."""

    @classmethod
    async def begun(cls, stage: Stage, seed: int) -> Self:
        chance = random.Random(seed)
        listener = await Listener.new(stage.sources)
        calls: list[Call] = []
        wires = [Wire(listener, listener.clock, calls) for _ in range(chance.choice((2, 2, 2, 3, 3, 4, 6)))]
        devices = [cls.device(wire, chance) for wire in wires]
        things = chance.sample(stage.things, chance.randint(1, 4))
        archive = await Archive.of(stage.sources, listener)
        return cls(stage, listener, chance, devices, wires, archive, things, calls)

    @staticmethod
    def device(wire: Wire, chance: random.Random) -> Device:
        first = chance.choice((1, 2, 5, 500, 500))
        return Device(wire, Clock.of(chance), lambda: UUID(int=chance.getrandbits(128)), first)

    async def play(self, steps: int) -> None:
        for _ in range(self.chance.choice((0, 1, 1, 2))):
            await self.create(self.devices[0])
        for device in self.devices[: self.chance.randint(0, len(self.devices))]:
            await device.sync()
        for _ in range(steps):
            step = self.chance.choices(STEPS, WEIGHTS)[0]
            number = self.chance.randrange(len(self.devices))
            self.told.append(f"device {number}: {step.__name__}")
            with suppress(NoAnswer, Refused):
                await step(self, number)
        await self.settle()

    async def settle(self) -> None:
        """Nothing is lost any more: everybody comes to the same end."""
        for wire in self.wires:
            wire.fate = "fine"
        for _ in range(ROUNDS):
            for device in self.devices:
                await device.sync()
            if len({device.local.token for device in self.devices}) == 1:
                break
        else:
            raise AssertionError(f"the devices are not done after {ROUNDS} rounds")
        assert not any(device.local.pending for device in self.devices)
        await check(self.stage, self.listener, self.archive, self.calls, [each.local for each in self.devices])

    # What a device does without a network.

    async def change(self, number: int) -> None:
        for _ in range(self.chance.choice((1, 1, 2, 4))):
            self.change_something(self.devices[number])

    def change_something(self, device: Device) -> None:
        shown, chance, before = device.local.shown(), self.chance, len(device.local.pending)
        thing = chance.choice([*self.things, *shown.playlists])
        match chance.choice(("add", "add", "remove", "remove", "update", "update", "update", "edit", "edit", "edit")):
            case "add":
                device.add(thing)
            case "remove" if thing not in shown.playlists or chance.random() < 0.2:
                device.remove(thing)
            case "update":
                device.update(thing, **self.fields())
            case "edit" if shown.playlists:
                id = chance.choice(list(shown.playlists))
                device.edit(id, self.edits(shown.playlists[id], device))
        if len(device.local.pending) > before and chance.random() < 0.02:
            device.local.pending[-1]["occurredAt"] = datetime.now().isoformat()

    def fields(self) -> Json:
        loved, rating = {"loved": self.chance.random() < 0.5}, {"rating": self.chance.choice((None, 1, 3, 5, 6))}
        return self.chance.choice((loved, rating, loved | rating))

    def edits(self, playlist: Playlist, device: Device) -> list[Json]:
        """Some edits, each of which makes sense after the ones before."""
        chance, made = self.chance, []
        for _ in range(chance.choice((1, 1, 2, 3))):
            ids = [entry.id for entry in playlist.entries]
            kind = chance.choice(("INSERT", "INSERT", "MOVE", "REMOVE", "RENAME") if ids else ("INSERT", "RENAME"))
            edit: Json = {"kind": kind}
            if kind == "RENAME":
                edit["name"] = chance.choice(NAMES)
            else:
                edit["entryId"] = device.new_entry_id() if kind == "INSERT" else chance.choice(ids)
            if kind == "INSERT":
                edit["trackId"] = chance.choice(list(self.stage.tracks))
                if self.inserts and chance.random() < 0.1:
                    edit |= chance.choice(self.inserts)  # maybe it is there already, or was once
                if edit["entryId"] in ids:
                    edit["entryId"] = device.new_entry_id()
                self.inserts.append({name: edit[name] for name in ("entryId", "trackId")})
            if kind in ("INSERT", "MOVE"):
                edit["afterEntryId"] = chance.choice([None, *(id for id in ids if id != edit["entryId"])])
            playlist.apply([edit])
            made.append(edit)
        return made

    # What it does with one.

    async def sync(self, number: int) -> None:
        wire = self.wires[number]
        wire.fate = self.chance.choice(FATES)
        self.told[-1] += f", {wire.fate}"
        try:
            await self.devices[number].sync()
        finally:
            wire.fate = "fine"

    async def sync_together(self, number: int) -> None:
        answers = await asyncio.gather(*(device.sync() for device in self.devices), return_exceptions=True)
        assert not any(answers), answers

    async def pull(self, number: int) -> None:
        if self.devices[number].local.token:
            await self.devices[number].pull()

    async def online(self, number: int) -> None:
        device, chance = self.devices[number], self.chance
        self.wires[number].fate = chance.choice(("fine", "fine", "fine", "answer lost"))
        thing, own = chance.choice(self.things), list(device.local.playlists)
        playlist = chance.choice(own) if own else None
        try:
            match chance.choice(("add", "remove", "update", "create", "edit", "edit", "delete", "show")):
                case "add":
                    await device.online(ADD, ids=chance.choices(self.things, k=2))
                case "remove":
                    await device.online(REMOVE, ids=[thing])
                case "update":
                    await device.online(UPDATE, id=thing, **self.fields())
                case "create":
                    await self.create(device)
                case "edit" if playlist:
                    copy = LocalLibrary(playlists=device.local.playlists).shown().playlists[playlist]
                    await device.online(EDIT, id=playlist, edits=self.edits(copy, device))
                case "delete" if playlist and chance.random() < 0.4:
                    await device.online(DELETE, id=playlist)
                case "show" if playlist:
                    await device.online(SHOW, id=playlist, visibility=chance.choice(("PUBLIC", "PRIVATE")))
        finally:
            self.wires[number].fate = "fine"

    async def create(self, device: Device) -> None:
        tracks = self.chance.choices(list(self.stage.tracks), k=self.chance.choice((0, 1, 4)))
        await device.online(CREATE, name=self.chance.choice(NAMES), trackIds=tracks)

    # What befalls it.

    async def deliver_again(self, number: int) -> None:
        """An old request reaches the server once more, long after its answer was given up."""
        if syncs := [call for call in self.calls if call.query == SYNC]:
            call = self.chance.choice(syncs)
            await self.wires[number].deliver(call.query, call.variables)

    async def set_clock(self, number: int) -> None:
        self.devices[number].clock = Clock.of(self.chance)

    async def forget(self, number: int) -> None:
        """It loses its copy, and keeps what is pending."""
        pending = self.devices[number].local.pending
        self.devices[number].local = LocalLibrary(pending=pending)

    async def refresh(self, number: int) -> None:
        await self.devices[number].refresh()

    async def trim(self, number: int) -> None:
        """Some of the history gets too old to be kept."""
        await self.archive.trim(self.chance.random())


Step = Callable[[History, int], Awaitable[None]]
CHOICES: Sequence[tuple[Step, float]] = (
    (History.change, 10),
    (History.sync, 7),
    (History.sync_together, 0.7),
    (History.pull, 1),
    (History.online, 3),
    (History.deliver_again, 1),
    (History.set_clock, 0.5),
    (History.forget, 0.3),
    (History.refresh, 0.3),
    (History.trim, 0.8),
)
STEPS, WEIGHTS = zip(*CHOICES, strict=True)


async def play(stage: Stage, seed: int, steps: int | None = None) -> History:
    """Play the history of a seed. Raises AssertionError, which says how to play it alone."""
    history = await History.begun(stage, seed)
    try:
        await history.play(steps or history.chance.choice((8, 15, 15, 25, 40)))
    except Exception as problem:
        told = "\n  ".join(history.told)
        raise AssertionError(
            f"{type(problem).__name__}: {problem}\nin the history of seed {seed}; alone: "
            f"python -m tests.simulation --seed {seed} --histories 1\n  {told}"
        ) from problem
    return history
