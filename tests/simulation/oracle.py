"""What a library must hold, told from what devices sent and were answered, and from nothing that the server computed.

It follows `docs/sync.md`, "Who wins", and shares no code with `domain/sync.py`: it does not merge at all. For each
register it collects everything that was acknowledged, and asks which of it nothing acknowledged is later than.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from benchmarks.device import ADD, CREATE, DELETE, EDIT, REMOVE, SYNC, UPDATE
from benchmarks.local_library import Json, LocalLibrary
from tests.simulation.stage import Call


class Remembered(NamedTuple):
    """What the server says became of a mutation, and the library's time at that moment."""

    status: str
    reason: str | None
    now: datetime


@dataclass(frozen=True, slots=True, eq=False)
class Deed:
    """Something that a listener did, at a clock between `low` and `high`, where ties go by `by`."""

    item: str
    type: str
    low: datetime
    high: datetime
    by: str = ""
    fields: Json = field(default_factory=dict)
    edits: Sequence[Json] = ()
    sure: bool = True
    """Whether it was acknowledged; otherwise it may have happened or not."""

    def beats(self, other: "Deed") -> bool:
        """Whether it is later, and was acknowledged."""
        if not self.sure:
            return False
        exact = self.low == self.high == other.low == other.high
        return self.by > other.by if exact else self.low > other.high


class Word(NamedTuple):
    """A value that a deed gives to a register."""

    deed: Deed
    value: Any


def possible(words: Sequence[Word], otherwise: Any) -> list[Any]:
    """The values that a register may have: those that nothing acknowledged is later than."""
    left = [word.value for word in words if not any(other.deed.beats(word.deed) for other in words)]
    return left if any(word.deed.sure for word in words) else [*left, otherwise]


def deeds_of(calls: Sequence[Call], remembered: dict[str, Remembered]) -> list[Deed]:
    """Everything that took effect, or may have."""
    acknowledged = {
        outcome["mutationId"]
        for call in calls
        if call.query == SYNC and call.answer
        for outcome in call.answer["syncLibrary"]["outcomes"]
        if outcome["status"] in ("APPLIED", "DUPLICATE")
    }
    deeds = [deed for call in calls if call.query != SYNC for deed in online(call)]
    for change, at in clocks_of(calls, remembered).values():
        id = change["mutationId"]
        if remembered[id].status == "APPLIED":
            fields = fields_of(change)
            edits = change.get("playlistEdits", ())
            deeds.append(Deed(change["itemId"], change["type"], at, at, id, fields, edits, sure=id in acknowledged))
    return deeds


def clocks_of(calls: Sequence[Call], remembered: dict[str, Remembered]) -> dict[str, tuple[Json, datetime]]:
    """Every change that was handed in, and its clock: it counts from the call that brought it first."""
    together = Counter(each.now for each in remembered.values())
    clocks: dict[str, tuple[Json, datetime]] = {}
    for call in calls:
        changes = call.variables["changes"] if call.query == SYNC else ()
        times = [remembered[each["mutationId"]].now for each in changes if each["mutationId"] in remembered]
        # The call that brought them first brought all that have its time, and none that came later.
        if not times or times.count(max(times)) != together[max(times)]:
            continue
        behind = 0
        for change in reversed(changes):
            known = remembered.get(change["mutationId"])
            if known and known.now == max(times):
                # A clock that is ahead counts as the library's own, in the order sent.
                latest = known.now - timedelta(microseconds=behind)
                clocks[change["mutationId"]] = change, min(occurred(change) or latest, latest)
            behind += makes_sense(change)
    return clocks


def fields_of(change: Json) -> Json:
    return {name: value for name, value in change.items() if name in ("loved", "rating")}


def makes_sense(change: Json) -> bool:
    """Whether it is none of those that histories get wrong on purpose."""
    empty = change["type"] == "UPDATE" and not (fields_of(change) or change.get("playlistEdits"))
    return change.get("rating") != 6 and occurred(change) is not None and not empty


def occurred(change: Json) -> datetime | None:
    """None without a zone."""
    at = datetime.fromisoformat(change["occurredAt"])
    return at if at.tzinfo else None


def online(call: Call) -> Iterable[Deed]:
    """The deeds of a mutation without an id: acknowledged when it was answered."""
    sure, given = call.answer is not None, call.variables
    if call.query in (ADD, REMOVE, DELETE):
        kind = "ADD" if call.query == ADD else "REMOVE"
        for id in given["ids"] if "ids" in given else [given["id"]]:
            yield Deed(id, kind, call.low, call.high, sure=sure)
    elif call.query == UPDATE:
        yield Deed(given["id"], "UPDATE", call.low, call.high, fields=fields_of(given), sure=sure)
    elif call.query == EDIT:
        yield Deed(given["id"], "UPDATE", call.low, call.high, edits=given["edits"], sure=sure)
    elif "visibility" in given:
        # Where it is what it was already, it is no reason to keep a playlist.
        yield Deed(given["id"], "UPDATE", call.low, call.high, sure=False)
    elif call.query == CREATE and call.answer:
        edits = [{"kind": "RENAME", "name": given["name"]}]
        edits += [{"kind": "INSERT", "trackId": id} for id in given["trackIds"]]
        yield Deed(call.answer["playlist"]["id"], "ADD", call.low, call.high, edits=edits)


def complaints(calls: Sequence[Call], remembered: dict[str, Remembered], held: LocalLibrary) -> list[str]:
    """Where the server broke its word."""
    deeds: defaultdict[str, list[Deed]] = defaultdict(list)
    for deed in deeds_of(calls, remembered):
        deeds[deed.item].append(deed)
    maybe_created = {call.variables["name"] for call in calls if call.query == CREATE and call.answer is None}
    found = [*about_answers(calls, remembered), *about_refusals(calls, remembered, deeds)]
    for id in deeds.keys() | held.items.keys():
        if id in held.playlists and id not in deeds and held.playlists[id].name in maybe_created:
            continue
        story = "".join(f"\n    {deed}" for deed in sorted(deeds[id], key=lambda deed: (deed.low, deed.by)))
        found += [f"{id}: {problem}, after{story}" for problem in about_item(id, deeds[id], held)]
    return found


def about_answers(calls: Sequence[Call], remembered: dict[str, Remembered]) -> Iterable[str]:
    """A mutation id has one outcome for ever, and APPLIED is said once."""
    told: Counter[str] = Counter()
    for call in calls:
        if call.query != SYNC or not call.answer:
            continue
        for change, outcome in zip(call.variables["changes"], call.answer["syncLibrary"]["outcomes"], strict=True):
            id, status, reason = outcome["mutationId"], outcome["status"], outcome["reason"]
            told[id] += status == "APPLIED"
            known = remembered.get(id)
            same = "APPLIED" if status == "DUPLICATE" else status
            if change["mutationId"] != id or known is None or (known.status, known.reason) != (same, reason):
                yield f"{id} was answered {status} {reason}, and {known} is remembered of {change}"
    yield from (f"{id} was applied {times} times" for id, times in told.items() if times > 1)


def about_refusals(
    calls: Sequence[Call], remembered: dict[str, Remembered], deeds: dict[str, list[Deed]]
) -> Iterable[str]:
    """What is refused as beaten was beaten by something; what makes no sense is refused as that."""
    for id, (change, at) in clocks_of(calls, remembered).items():
        reason, others = remembered[id].reason, deeds.get(change["itemId"], ())
        later = [deed for deed in others if (deed.high, deed.by) > (at, id)]
        if reason == "NEWER_CHANGE_EXISTS" and not is_beaten(change, later):
            yield f"{change} was refused, and nothing later is known"
        if (reason == "INVALID") == makes_sense(change):
            yield f"{change} was answered {remembered[id]}"


def is_beaten(change: Json, later: Sequence[Deed]) -> bool:
    """Whether nothing is left of a change after these."""
    removed, wanted = (any((deed.type == "REMOVE") is wish for deed in later) for wish in (True, False))
    if change["type"] != "UPDATE":
        return removed if change["type"] == "ADD" else wanted
    edited = any(deed.edits for deed in later) if change.get("playlistEdits") else True
    return removed or (edited and all(any(name in deed.fields for deed in later) for name in fields_of(change)))


def about_item(id: str, deeds: Sequence[Deed], held: LocalLibrary) -> Iterable[str]:
    there = possible([Word(deed, deed.type != "REMOVE") for deed in deeds], otherwise=False)
    if (id in held.items) not in there:
        yield f"it {'is' if id in held.items else 'is not'} there, and should{'' if there == [True] else ' not'} be"
        return
    if id not in held.items:
        return
    for name, nothing in (("loved", False), ("rating", None)):
        words = [Word(deed, deed.fields[name]) for deed in deeds if name in deed.fields]
        words += [Word(deed, nothing) for deed in deeds if deed.type == "REMOVE"]
        value, values = getattr(held.items[id], name), possible(words, otherwise=nothing)
        if value not in values:
            yield f"{name} is {value} and should be one of {values}"
    if id in held.playlists:
        yield from about_playlist(deeds, held.playlists[id].name, {each.id for each in held.playlists[id].entries})


def about_playlist(deeds: Sequence[Deed], name: str, shown: set[str]) -> Iterable[str]:
    names: list[Word] = []
    entries: dict[str, dict[str, bool]] = {"INSERT": {}, "REMOVE": {}, "MOVE": {}}
    created = 0
    for deed in deeds:
        for edit in deed.edits:
            if edit["kind"] == "RENAME":
                # Of one deed the last name counts.
                names = [word for word in names if word.deed is not deed]
                names.append(Word(deed, " ".join(edit["name"].split())))
            elif "entryId" in edit:
                sure = entries[edit["kind"]]
                sure[edit["entryId"]] = sure.get(edit["entryId"], False) or deed.sure
            else:
                created += 1
    allowed = possible(names, otherwise=name)
    if name not in allowed:
        yield f"its name is {name!r} and should be one of {allowed}"
    inserted, removed = entries["INSERT"], entries["REMOVE"]
    for id in shown | inserted.keys():
        if id in shown and removed.get(id):
            yield f"entry {id} is there and was removed"
        if id not in shown and inserted.get(id) and id not in removed:
            yield f"entry {id} is not there"
    # Entries that a playlist began with have ids that the server chose.
    surely_gone = sum(sure for id, sure in removed.items() if id not in inserted)
    maybe_gone = len(removed.keys() - inserted.keys())
    if not created - maybe_gone <= len(shown - inserted.keys()) <= created - surely_gone:
        yield f"{len(shown - inserted.keys())} of the {created} entries that it began with are there"
