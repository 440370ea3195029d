"""Processes that prepare files, one file each at a time, so that a file which kills its process is known by name."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import Any, ParamSpec, TypeVar

from ingest.prepare import begin_worker

P = ParamSpec("P")
T = TypeVar("T")


class WorkerDied(Exception):
    """The process that worked on a file ended in the middle of it."""


class Worker:
    """One process, started when it is first needed and again after it died."""

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None

    async def run(self, function: Callable[P, T], *args: P.args, **_: P.kwargs) -> T:
        """What `function` returns, in the process. Raises what it raises, or WorkerDied."""
        if self._pool is None:
            self._pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=begin_worker)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, function, *args)
        except BrokenProcessPool as error:
            self.stop()
            raise WorkerDied from error

    def stop(self) -> None:
        """End the process, whatever it is doing."""
        if self._pool is not None:
            processes: dict[int, Any] = dict(self._pool._processes or {})
            for process in processes.values():
                process.kill()
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None
