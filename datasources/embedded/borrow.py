"""Borrow embedded servers for as long as a block runs; the last to leave has them stopped."""

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from datasources.embedded.keeper import START_LIMIT, STOP_LIMIT
from datasources.embedded.locks import Lock
from datasources.embedded.servers import CannotStart
from settings import Settings

PAUSE = 0.02
WATCH_PAUSE = 1.0
ROOM_NEEDED = 300_000_000
"""Bytes: a fresh cluster, its write-ahead log and SeaweedFS' first volumes."""


@asynccontextmanager
async def embedded_stores(settings: Settings) -> AsyncIterator[Settings]:
    """The settings with every unset store URL filled in by a running server. Raises CannotStart."""
    wanted = {
        "postgres": settings.database_url,
        "valkey": settings.redis_url,
        "seaweedfs": settings.s3_endpoint_url,
    }
    missing = [name for name, url in wanted.items() if url is None]
    if missing:
        prepare_folder(settings.segue_data)
    async with AsyncExitStack() as stack:
        borrowed = await asyncio.gather(
            *(stack.enter_async_context(borrow(name, settings.segue_data / name)) for name in missing),
            return_exceptions=True,
        )
        found: dict[str, str] = {}
        for result in borrowed:
            if isinstance(result, BaseException):
                raise result
            found |= {name.lower(): value for name, value in result.items()}
        yield Settings.model_validate(settings.model_dump() | found)


def prepare_folder(data: Path) -> None:
    """Make SEGUE_DATA, and see that servers can live in it."""
    try:
        data.mkdir(parents=True, exist_ok=True)
        (data / ".writable").touch()
        (data / ".writable").unlink()
    except OSError as error:
        raise CannotStart(
            f"SEGUE_DATA={data} cannot be written to ({error.strerror}); set it to a folder that can."
        ) from None
    free = shutil.disk_usage(data).free
    if free < ROOM_NEEDED:
        raise CannotStart(
            f"The disk that holds SEGUE_DATA={data} is nearly full: {free // 1_000_000} MB are free, the stores need "
            f"{ROOM_NEEDED // 1_000_000} MB. Make room, or set SEGUE_DATA to a folder on another disk."
        )


@asynccontextmanager
async def borrow(name: str, home: Path) -> AsyncIterator[dict[str, str]]:
    """The settings of a running server, which stays up until the last borrower has left."""
    home.mkdir(exist_ok=True)
    with Lock(home / "in-use") as users, Lock(home / "keeper") as keeper:
        while not users.try_shared():  # its keeper is just stopping it
            await asyncio.sleep(PAUSE)
        watching: asyncio.Task[None] | None = None
        try:
            found = await settings_when_ready(name, home, keeper)
            watching = asyncio.create_task(watch(name, home, keeper))
            yield found
        finally:
            if watching:
                watching.cancel()
            users.release()
            await wait_if_last(users, keeper)


async def settings_when_ready(name: str, home: Path, keeper: Lock) -> dict[str, str]:
    """Wait for the server's keeper to say that it answers; start a keeper where there is none."""
    ours: subprocess.Popen[bytes] | None = None
    deadline = asyncio.get_running_loop().time() + START_LIMIT
    while asyncio.get_running_loop().time() < deadline:
        if keeper.try_exclusive():
            # Nobody keeps the server, so what an earlier keeper said of it is no longer true.
            (home / "ready").unlink(missing_ok=True)
            keeper.release()
            if ours is None or ours.poll() == 0:
                ours = start_keeper(name, home)
            elif ours.poll() is not None:
                raise CannotStart((home / "error").read_text(errors="replace").strip())
        elif said := read_ready(home / "ready"):
            return said
        await asyncio.sleep(PAUSE)
    raise CannotStart(f"{name} did not become ready within {START_LIMIT:.0f} s; {home / 'log'} says why.")


# A keeper outlives the command that started it when another one uses its server. Python takes a process that nobody
# refers to for a mistake.
keepers: "list[subprocess.Popen[bytes]]" = []


def start_keeper(name: str, home: Path) -> "subprocess.Popen[bytes]":
    """In a session of its own, so that Ctrl+C reaches the commands and not the stores under them."""
    with (home / "error").open("wb") as error:
        keeper = subprocess.Popen(
            [sys.executable, "-m", "datasources.embedded.keeper", name, str(home.resolve())],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=error,
            start_new_session=True,
        )
    keepers.append(keeper)
    return keeper


async def watch(name: str, home: Path, keeper: Lock) -> None:
    """Should the keeper be killed while the server is borrowed, start another one: it takes the same ports."""
    ours: subprocess.Popen[bytes] | None = None
    while True:
        await asyncio.sleep(WATCH_PAUSE)
        if (ours is None or ours.poll() is not None) and keeper.try_exclusive():
            (home / "ready").unlink(missing_ok=True)
            keeper.release()
            ours = start_keeper(name, home)


def read_ready(path: Path) -> dict[str, str] | None:
    try:
        return dict(json.loads(path.read_text())["settings"])
    except FileNotFoundError:
        return None


async def wait_if_last(users: Lock, keeper: Lock) -> None:
    """Once nobody uses the server, wait until it has stopped; return at once where others go on."""
    deadline = asyncio.get_running_loop().time() + STOP_LIMIT
    while asyncio.get_running_loop().time() < deadline:
        if keeper.try_exclusive():
            return
        if users.try_exclusive():
            users.release()
        elif users.try_shared():
            return
        await asyncio.sleep(PAUSE)
