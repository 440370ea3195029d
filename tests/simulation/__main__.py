"""`python -m tests.simulation`: play many histories on stores of their own."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Annotated

import typer
import uvloop
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from datasources.embedded.borrow import embedded_stores
from datasources.migrations import migrate
from datasources.sources import open_sources
from settings import Settings
from tests.simulation.history import play
from tests.simulation.stage import Stage

AT_ONCE = 3
"""Histories under way together: while one waits for PostgreSQL, others use Python's core."""


def main(
    histories: Annotated[int, typer.Option(min=1, help="How many to play.")] = 1000,
    seed: Annotated[int, typer.Option(help="The first one's seed; the others' follow on it.")] = 0,
    steps: Annotated[int, typer.Option(help="Steps of each; 0 draws them too.")] = 0,
    keep_going: Annotated[bool, typer.Option("--keep-going", help="Do not stop at the first that fails.")] = False,
) -> None:
    """Play histories of many devices of one listener against the real server, and check what must hold at their end.

    What fails is printed with its seed; the exit status is then 1.
    """
    failed = uvloop.run(simulate(range(seed, seed + histories), steps, keep_going))
    raise typer.Exit(1 if failed else 0)


async def simulate(seeds: range, steps: int, keep_going: bool) -> int:
    console = Console()
    started, played, failed = perf_counter(), 0, 0
    left = iter(seeds)
    columns = (
        TextColumn("histories"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    with TemporaryDirectory() as data, Progress(*columns, console=console) as progress:
        bare = Settings(segue_data=Path(data), rate_limit_library=10**9)
        async with embedded_stores(bare) as settings:
            await migrate(str(settings.database_url))
            async with open_sources(settings) as sources:
                stage, bar = await Stage.of(sources), progress.add_task("", total=len(seeds))

                async def worker() -> None:
                    nonlocal played, failed
                    for seed in left:
                        try:
                            await play(stage, seed, steps or None)
                        except AssertionError as problem:
                            console.print(problem, markup=False, highlight=False)
                            failed += 1
                            if not keep_going:
                                return
                        played += 1
                        progress.update(bar, advance=1, description=f"{failed} failed" if failed else "")

                await asyncio.gather(*(worker() for _ in range(AT_ONCE)))
    console.print(f"{played} histories in {perf_counter() - started:.0f} s, {failed} failed")
    return failed


if __name__ == "__main__":
    typer.run(main)
