"""Real servers that come and go with the commands that use them, and keep what they were given whatever ends them."""

import asyncio
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import psutil
import pytest
from pydantic import SecretStr
from redis.asyncio import Redis
from redis.exceptions import RedisError

from datasources.embedded.borrow import borrow, embedded_stores
from datasources.embedded.servers import CannotStart
from datasources.objects import Objects
from settings import Settings
from tests.fixtures.processes import eventually, processes_of, started

ELSEWHERE = Settings(
    database_url="postgresql://nobody@127.0.0.1:1/nothing",
    redis_url="redis://127.0.0.1:1",
    s3_endpoint_url="http://127.0.0.1:1",
    aws_access_key_id="nobody",
    aws_secret_access_key=SecretStr("nothing"),
)
"""Every store is configured; none is there."""

Say = Callable[[Settings, str], Awaitable[None]]
Hear = Callable[[Settings], Awaitable[str]]


async def say_to_postgres(settings: Settings, word: str) -> None:
    connection = await asyncpg.connect(str(settings.database_url), timeout=2)
    await connection.execute("CREATE TABLE IF NOT EXISTS said (word text)")
    await connection.execute("INSERT INTO said VALUES ($1)", word)
    await connection.close()


async def hear_postgres(settings: Settings) -> str:
    connection = await asyncpg.connect(str(settings.database_url), timeout=2)
    try:
        return str(await connection.fetchval("SELECT string_agg(word, ' ' ORDER BY word) FROM said"))
    finally:
        await connection.close()


async def say_to_valkey(settings: Settings, word: str) -> None:
    async with Redis.from_url(str(settings.redis_url)) as client:
        await client.sadd("said", word)


async def hear_valkey(settings: Settings) -> str:
    async with Redis.from_url(str(settings.redis_url), decode_responses=True) as client:
        return " ".join(sorted(map(str, await client.smembers("said"))))


async def say_to_seaweedfs(settings: Settings, word: str) -> None:
    async with Objects.open(settings) as objects:
        await objects.put(word, word.encode(), "text/plain")


async def hear_seaweedfs(settings: Settings) -> str:
    async with Objects.open(settings) as objects:
        return (await objects.get("kept")).decode()


STORES: dict[str, tuple[Say, Hear]] = {
    "postgres": (say_to_postgres, hear_postgres),
    "valkey": (say_to_valkey, hear_valkey),
    "seaweedfs": (say_to_seaweedfs, hear_seaweedfs),
}
SMALL_STORES = ["postgres", "valkey"]


def only(store: str, data: Path) -> Settings:
    """Settings under which this store alone is to be started."""
    unset = {
        "postgres": ["database_url"],
        "valkey": ["redis_url"],
        "seaweedfs": ["s3_endpoint_url", "aws_access_key_id", "aws_secret_access_key"],
    }[store]
    return ELSEWHERE.model_copy(update={"segue_data": data} | dict.fromkeys(unset))


def pids(home: Path) -> dict[str, int]:
    """The process numbers of a store's keeper and its server, once it is ready."""
    said = json.loads((home / "ready").read_text())
    return {who: said[who] for who in ("keeper", "server")}


async def everything_ended(data: Path) -> None:
    """A keeper whose server has stopped may still need a moment to end."""
    await eventually(lambda: processes_of(data) == [])


async def test_three_servers_start_together_and_keep_their_data(tmp_path: Path) -> None:
    # As root, PostgreSQL runs as nobody, who could not pass such a folder without help.
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    data = private / "Größe & 'Klang', \"zwei\""
    async with embedded_stores(Settings(segue_data=data)) as settings:
        assert {folder.name for folder in data.iterdir()} == set(STORES)
        for say, hear in STORES.values():
            await say(settings, "kept")
            assert await hear(settings) == "kept"
        begun = {who: [psutil.Process(pids(data / store)[who]) for store in STORES] for who in ("keeper", "server")}
        # Side by side: the last keeper is there before the first server, let alone before that answers.
        assert max(each.create_time() for each in begun["keeper"]) < min(each.create_time() for each in begun["server"])
        listening = [
            connection.laddr.ip
            for process in processes_of(data)
            for connection in process.net_connections("inet")
            if connection.status == psutil.CONN_LISTEN
        ]
        assert len(listening) >= 3
        assert set(listening) == {"127.0.0.1"}

    await everything_ended(data)
    async with embedded_stores(Settings(segue_data=data)) as again:
        # Signed URLs and pools of others outlive a restart: it is the same address.
        assert again == settings
        assert [await hear(again) for _, hear in STORES.values()] == ["kept"] * 3
    await everything_ended(data)


async def test_secrets_are_for_their_owner_alone(data: Path) -> None:
    data.mkdir()
    async with borrow("valkey", data / "valkey"):
        for file in ("secret", "ready", "pid"):
            assert (data / "valkey" / file).stat().st_mode & 0o077 == 0
        stranger = Redis.from_url(f"redis://127.0.0.1:{(data / 'valkey' / 'ports').read_text()}")
        with pytest.raises(RedisError, match="authenticat"):
            await stranger.ping()
        await stranger.aclose()


@pytest.mark.parametrize("store", SMALL_STORES)
async def test_only_stores_without_a_url_are_started(data: Path, store: str) -> None:
    wanted = only(store, data)
    async with embedded_stores(wanted) as settings:
        assert [folder.name for folder in data.iterdir()] == [store]
        filled = {name for name, value in settings if value != getattr(wanted, name)}
        assert filled == {"postgres": {"database_url"}, "valkey": {"redis_url"}}[store]


async def test_nothing_is_started_where_everything_is_configured(data: Path) -> None:
    async with embedded_stores(ELSEWHERE.model_copy(update={"segue_data": data})) as settings:
        assert settings.database_url == ELSEWHERE.database_url
        assert not data.exists()


async def test_the_last_to_leave_stops_the_server(data: Path) -> None:
    wanted = only("valkey", data)
    first, second = AsyncExitStack(), AsyncExitStack()
    async with second:
        async with first:
            settings = await first.enter_async_context(embedded_stores(wanted))
            assert await second.enter_async_context(embedded_stores(wanted)) == settings
            server = pids(data / "valkey")
        await say_to_valkey(settings, "kept")
        assert pids(data / "valkey") == server
    assert not psutil.pid_exists(server["server"])
    await everything_ended(data)


async def test_borrowers_that_come_and_go_at_once_always_find_it(data: Path) -> None:
    async def come_and_go(dice: random.Random) -> None:
        for _ in range(4):
            await asyncio.sleep(dice.uniform(0, 0.3))
            async with embedded_stores(only("valkey", data)) as settings:
                await say_to_valkey(settings, "kept")
                await asyncio.sleep(dice.uniform(0, 0.1))
                assert await hear_valkey(settings) == "kept"

    await asyncio.gather(*(come_and_go(random.Random(seed)) for seed in range(5)))

    await everything_ended(data)


async def test_a_killed_borrower_leaves_nothing_running(data: Path, tmp_path: Path) -> None:
    with started("-m", "tests.fixtures.borrower", str(data), log=tmp_path / "log", stdin=subprocess.PIPE) as borrower:
        await borrower.says("ready")
        async with embedded_stores(Settings(segue_data=data)) as settings:
            for say, _ in STORES.values():
                await say(settings, "kept")
        assert len(processes_of(data)) >= 6
        borrower.process.kill()

        await everything_ended(data)

    async with embedded_stores(Settings(segue_data=data)) as settings:
        assert [await hear(settings) for _, hear in STORES.values()] == ["kept"] * 3


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent was killed")
@pytest.mark.parametrize("store", SMALL_STORES)
async def test_a_killed_keeper_takes_its_server_along_and_is_replaced(data: Path, store: str) -> None:
    say, hear = STORES[store]
    async with embedded_stores(only(store, data)) as settings:
        await say(settings, "kept")
        killed = pids(data / store)
        os.kill(killed["keeper"], signal.SIGKILL)

        await eventually(lambda: not psutil.pid_exists(killed["server"]))
        async with embedded_stores(only(store, data)) as again:
            assert again == settings
            assert await hear(again) == "kept"
    await everything_ended(data)


@pytest.mark.parametrize("store", STORES)
async def test_a_killed_server_comes_back_where_it_was_with_what_it_had(data: Path, store: str) -> None:
    say, hear = STORES[store]
    async with embedded_stores(only(store, data)) as settings:
        await say(settings, "kept")
        killed = pids(data / store)
        os.kill(killed["server"], signal.SIGKILL)

        restarted = await eventually(lambda: (now := pids(data / store))["server"] != killed["server"] and now)

        # Ready means that it answers, at the first try.
        assert await hear(settings) == "kept"
        assert restarted["keeper"] == killed["keeper"]
    await everything_ended(data)


async def test_postgres_comes_back_although_a_query_was_running(data: Path) -> None:
    """The killed postmaster's children hold its shared memory until their statement ends."""
    async with embedded_stores(only("postgres", data)) as settings:
        await say_to_postgres(settings, "kept")
        connection = await asyncpg.connect(str(settings.database_url))
        busy = asyncio.create_task(connection.execute("SELECT count(*) FROM generate_series(1, 20000000)"))
        await asyncio.sleep(0.2)
        assert not busy.done()
        killed = pids(data / "postgres")
        os.kill(killed["server"], signal.SIGKILL)

        await eventually(lambda: pids(data / "postgres")["server"] != killed["server"])

        assert await hear_postgres(settings) == "kept"
        await asyncio.gather(busy, return_exceptions=True)
        # A server that cannot start yet is not tried hundreds of times a second.
        assert (data / "postgres" / "log").read_text().count("is still in use") < 50


@pytest.mark.parametrize("store", SMALL_STORES)
async def test_a_start_after_everything_was_killed_waits_for_the_recovery(data: Path, store: str) -> None:
    """As after a power cut: what the old server said of itself is still there, and wrong."""
    say, hear = STORES[store]
    async with embedded_stores(only(store, data)) as settings:
        await say(settings, "kept")
        killed = pids(data / store)
        os.kill(killed["keeper"], signal.SIGSTOP)  # it shall not see its server end
        os.kill(killed["server"], signal.SIGKILL)
        os.kill(killed["keeper"], signal.SIGKILL)
        await eventually(lambda: not psutil.pid_exists(killed["server"]))

        async with embedded_stores(only(store, data)) as again:
            assert await hear(again) == "kept"


async def test_a_port_that_was_taken_meanwhile_is_replaced(data: Path) -> None:
    async with embedded_stores(only("valkey", data)) as settings:
        await say_to_valkey(settings, "kept")
    assert settings.redis_url
    with socket.create_server(("127.0.0.1", urlsplit(settings.redis_url).port or 0)):
        async with embedded_stores(only("valkey", data)) as again:
            assert again.redis_url != settings.redis_url
            assert await hear_valkey(again) == "kept"


async def test_a_server_that_cannot_start_says_why(data: Path) -> None:
    async with embedded_stores(only("postgres", data)):
        pass
    (data / "postgres" / "data" / "PG_VERSION").write_text("9\n")

    with pytest.raises(CannotStart) as told:
        async with embedded_stores(only("postgres", data)):
            pass

    assert "initialized by PostgreSQL version 9" in str(told.value)
    assert "Traceback" not in str(told.value)
    await everything_ended(data)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(folder)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting is not permitted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


async def test_a_nearly_full_disk_is_told_before_anything_starts(small_disk: Path) -> None:
    data = small_disk / "data"

    with pytest.raises(CannotStart, match=r"SEGUE_DATA=.*nearly full: 6\d MB are free.*300 MB"):
        async with embedded_stores(Settings(segue_data=data)):
            pass

    assert list(data.iterdir()) == []


@pytest.mark.parametrize("place", ["file", "file/beneath"])
async def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("mine")

    with pytest.raises(
        CannotStart, match=r"^SEGUE_DATA=\S+ cannot be written to \(.*\); set it to a folder that can\.$"
    ):
        async with embedded_stores(Settings(segue_data=tmp_path / place)):
            pass

    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can use a folder that belongs to somebody else")
async def test_root_uses_a_folder_that_belongs_to_somebody_else(data: Path) -> None:
    data.mkdir(mode=0o700)
    shutil.chown(data, "nobody")

    async with embedded_stores(only("postgres", data)) as settings:
        await say_to_postgres(settings, "kept")
        assert await hear_postgres(settings) == "kept"
