"""Which server a URL leads to."""

import asyncio
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from datasources.embedded.borrow import borrow
from datasources.embedded.servers import LOOPBACK, ports, valkey
from datasources.valkey import client_for, open_valkey
from domain.errors import Unavailable
from tests.fixtures.processes import eventually


async def test_sentinel_names_the_server(tmp_path: Path) -> None:
    async with borrow("valkey", tmp_path / "valkey") as found:
        master = urlsplit(found["REDIS_URL"])
        (port,) = ports(tmp_path, 1)
        configuration = tmp_path / "sentinel.conf"
        configuration.write_text(
            f"bind {LOOPBACK}\nport {port}\nsentinel monitor music {LOOPBACK} {master.port} 1\n"
            f"sentinel auth-pass music {master.password}\n"
        )
        program = valkey(tmp_path / "valkey", "unused").command[0]
        sentinel = await asyncio.create_subprocess_exec(
            program, str(configuration), "--sentinel", stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL
        )
        try:
            url = f"redis+sentinel://:{master.password}@{LOOPBACK}:{port}/music/3"

            async def connected() -> bool:
                async with open_valkey(url) as client:
                    return bool(await client.set("through", "sentinel"))

            await eventually(connected)
            async with open_valkey(found["REDIS_URL"].removesuffix("/0") + "/3") as straight:
                assert await straight.get("through") == b"sentinel"
        finally:
            sentinel.terminate()
            await sentinel.wait()


async def test_a_wrong_password_is_told_as_such(tmp_path: Path) -> None:
    async with borrow("valkey", tmp_path / "valkey") as found:
        parts = urlsplit(found["REDIS_URL"])
        with pytest.raises(Unavailable, match=r"The server refuses: .*password"):
            async with open_valkey(f"redis://:wrong@{parts.hostname}:{parts.port}/0"):
                pass


def test_tls_by_url() -> None:
    plain, tls = client_for("redis://localhost"), client_for("rediss://localhost")

    assert plain.connection_pool.connection_class.__name__ == "Connection"
    assert tls.connection_pool.connection_class.__name__ == "SSLConnection"
