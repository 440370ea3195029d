"""Gateways as processes of their own, so that what is measured does not share a processor's time with who measures."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import msgspec
import psutil

from settings import Settings
from tests.fixtures.processes import Command, environment, eventually, segue

START_BOUND = 60.0
BUDGET = 10**6
"""Uses a minute: a benchmark must not be refused."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """A running `gateway.py serve`; `url` is that of its graph."""

    command: Command
    url: str
    http: httpx.AsyncClient

    async def post(self, token: str, query: str, **variables: Any) -> httpx.Response:
        """The answer to an operation. Raises RuntimeError when there are errors in it."""
        body = msgspec.json.encode({"query": query, "variables": variables})
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        answer = await self.http.post(self.url, content=body, headers=headers)
        if b'"errors"' in answer.content:
            raise RuntimeError(answer.text)
        return answer

    async def ask(self, token: str, query: str, **variables: Any) -> Any:
        return msgspec.json.decode((await self.post(token, query, **variables)).content)["data"]

    async def counted(self, metric: str) -> int:
        """The sum of a metric over its labels."""
        lines = (await self.http.get(self.url.replace("/graphql", "/metrics"))).text.splitlines()
        return sum(round(float(line.split()[-1])) for line in lines if line.startswith((f"{metric}{{", f"{metric} ")))

    @property
    def memory(self) -> int:
        """Bytes."""
        return int(psutil.Process(self.command.process.pid).memory_info().rss)

    @property
    def processor_seconds(self) -> float:
        spent = psutil.Process(self.command.process.pid).cpu_times()
        return float(spent.user + spent.system)


@asynccontextmanager
async def serving(settings: Settings, log: Path, **variables: str) -> AsyncIterator[Gateway]:
    """A gateway on a free port of this machine, once it answers; killed if it still runs in the end."""
    chosen = environment(settings) | {"PORT": "0", "RATE_LIMIT_LIBRARY": str(BUDGET)} | variables
    limits = httpx.Limits(max_connections=1_000, max_keepalive_connections=1_000)
    with segue("serve", log=log, **chosen) as command:
        said = await command.says("Segue serves ", START_BOUND)
        url = said.split("Segue serves ")[1].split()[0]
        async with httpx.AsyncClient(timeout=60, limits=limits) as http:

            async def ready() -> bool:
                return (await http.get(url.replace("/graphql", "/readyz"))).status_code == 200

            await eventually(ready, START_BOUND)
            yield Gateway(command, url, http)
