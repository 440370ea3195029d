"""Segue's gateway: puts the parts together, and is the command line.

settings → embedded stores where none are configured → migrations → sources → the graph → routes
"""

import asyncio
import contextlib
import gc
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated

import structlog
import typer
import uvicorn
import uvloop

from datasources import accounts, overview
from datasources.embedded.borrow import embedded_stores
from datasources.embedded.servers import CannotStart
from datasources.migrations import migrate as run_migrations
from datasources.sources import Sources, open_sources, running
from domain.accounts import Role, SubscriptionTier, username_key
from domain.errors import NotFound, SegueError
from ingest.demo.listeners import LISTENERS, PASSWORD
from ingest.demo.load import demo_folder
from ingest.demo.load import load as load_demo
from ingest.pipeline import ingest as run_ingest
from ingest.report import Report
from jobs.schedule import JOBS, run_jobs
from logs import configure_logs
from resolvers.sockets import Sockets
from routes import application, first_query
from schema import graph
from settings import InvalidSettings, Settings, read_settings

commands = typer.Typer(
    name="gateway.py",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Segue: a music-streaming backend behind one GraphQL graph.\n\n"
    "Settings come from the environment. A store whose URL (DATABASE_URL, REDIS_URL, S3_ENDPOINT_URL) is unset is "
    "started as a real server with its data under SEGUE_DATA; commands that run at the same time share it.",
)


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[tuple[Settings, Sources]]:
    """Every store running, migrated and connected; the settings name them."""
    async with embedded_stores(settings) as connected:
        await run_migrations(str(connected.database_url))
        async with open_sources(connected) as sources:
            yield connected, sources


def listen(settings: Settings) -> socket.socket:
    """The socket to serve on, bound before anything else is started. Raises CannotStart."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=2048)
    except OSError as error:
        raise CannotStart(
            f"Cannot listen on {settings.host}:{settings.port} ({error.strerror}). "
            f"Stop what uses the port, or choose another one: PORT={settings.port + 1} make run"
        ) from None


@commands.command()
def serve(
    demo: Annotated[bool, typer.Option("--demo", help="Put the demo into an empty catalogue first.")] = False,
) -> None:
    """Serve the graph at http://HOST:PORT/graphql until stopped."""

    async def run(settings: Settings) -> int:
        with listen(settings) as listener:
            print("Starting the stores ...", flush=True)
            async with opened(settings) as (connected, sources):
                app = application(sources, connected)
                config = uvicorn.Config(
                    app,
                    log_config=None,
                    access_log=False,
                    proxy_headers=False,
                    lifespan="off",
                    ws="websockets-sansio",
                    timeout_graceful_shutdown=10,
                    server_header=False,
                )
                settle_garbage_collector()
                beside = (
                    welcome(sources, connected, address(listener), demo),
                    run_jobs(sources, JOBS if connected.jobs else ()),
                )
                async with running(*beside):
                    await Server(config, app.state.sockets, connected.drain_seconds).serve(sockets=[listener])
        return 0

    start(run)


class Server(uvicorn.Server):
    """Ends as asked: it says that it is not ready any more, closes websockets bit by bit, and then stops.

    uvicorn would close all of them at once, and raise the signal once more before the stores are put away.
    """

    def __init__(self, config: uvicorn.Config, sockets: Sockets, drain_seconds: float) -> None:
        super().__init__(config)
        self._sockets = sockets
        self._drain_seconds = drain_seconds
        self._draining: asyncio.Task[None] | None = None

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        with super().capture_signals():
            yield
            self._captured_signals.clear()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal starts the draining, a second one ends it, and a third does not wait for requests."""
        if self._draining and not self._draining.done():
            self._draining.cancel()
        else:
            self._sockets.draining = True
            super().handle_exit(sig, frame)

    async def on_tick(self, counter: int) -> bool:
        if not await super().on_tick(counter):
            return False
        if self._draining is None:
            self._draining = asyncio.create_task(self._sockets.drain(self._drain_seconds))
            await asyncio.sleep(0)  # nothing to drain is done at once
        return self._draining.done()


def settle_garbage_collector() -> None:
    """Leave out of every collection what lives as long as the process, and collect less often.

    A full collection over a warm heap is visible in answer times: on large answers this takes a third off them.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


async def welcome(sources: Sources, settings: Settings, url: str, demo: bool) -> None:
    """Tell where the graph is and what to ask it; with `demo`, put something there to ask for first."""
    print(f"\nSegue serves {url} (open it in a browser for GraphiQL; Ctrl+C stops it)", flush=True)
    try:
        unfinished = demo_folder(settings.segue_data).exists()
        if demo and (unfinished or await overview.an_album(sources) is None):
            print("Loading the demo catalogue meanwhile ...", flush=True)
            await load_demo(sources, settings.segue_data, Report())
        print(f"\nA query to paste:\n\n{await first_query(sources)}", flush=True)
        if await accounts.user_named(sources, username_key(LISTENERS[SubscriptionTier.FREE])):
            names = ", ".join(LISTENERS.values())
            print(f"Listeners to log in as: {names}; password: {PASSWORD}\n", flush=True)
    except Exception as error:
        # The gateway goes on serving without its demo, whatever went wrong with it.
        structlog.get_logger("segue.demo").error("demo.failed", exc_info=error)


def address(listener: socket.socket) -> str:
    host, port, *_ = listener.getsockname()
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/graphql"


@commands.command()
def worker() -> None:
    """Run the background jobs alone until stopped.

    `serve` runs them too, unless JOBS=false leaves them to workers. There may be any number of both: a job is done by
    one of them at a time.
    """

    async def run(settings: Settings) -> int:
        async with opened(settings) as (_, sources):
            asked_to_end = asyncio.Event()
            for asked in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(asked, asked_to_end.set)
            due = ", ".join(f"{job.name} every {job.period}" for job in JOBS)
            print(f"Segue works in the background: {due} (Ctrl+C stops it)", flush=True)
            async with running(run_jobs(sources)):
                await asked_to_end.wait()
        return 0

    start(run)


@commands.command()
def ingest(
    paths: Annotated[list[Path], typer.Argument(help="Audio files, or folders of them.", show_default=False)],
) -> None:
    """Put audio files into the catalogue: MP3, FLAC, Ogg Vorbis, Opus, M4A (AAC, ALAC), WAV, AIFF.

    Files that are there already are passed over, so it can be run again and again. A broken file is reported and
    stops nothing else; the exit status is then 1.
    """

    async def run(settings: Settings) -> int:
        async with opened(settings) as (connected, sources):
            return await run_ingest(sources, paths, connected.segue_data / "ingest", Report())

    start(run)


@commands.command()
def migrate() -> None:
    """Bring the database to the newest migration. `serve` and `ingest` do this themselves."""

    async def run(settings: Settings) -> int:
        async with embedded_stores(settings) as connected:
            await run_migrations(str(connected.database_url))
        print("The database is at the newest migration.")
        return 0

    start(run)


@commands.command()
def demo() -> None:
    """Put the demo into the catalogue: short pieces that are synthesised here, and a listener for each tier."""

    async def run(settings: Settings) -> int:
        async with opened(settings) as (connected, sources):
            return await load_demo(sources, connected.segue_data, Report())

    start(run)


@commands.command()
def make_admin(
    username: Annotated[str, typer.Argument(help="A listener who has registered.", show_default=False)],
) -> None:
    """Give a listener the role ADMIN. There is no admin until you do."""

    async def run(settings: Settings) -> int:
        async with opened(settings) as (_, sources):
            user = await accounts.user_named(sources, username_key(username))
            if user is None:
                raise NotFound(f"There is no listener called {username!r}. Register first, then run this again.")
            await accounts.change_rights(sources, user.id, lambda row: (Role.ADMIN, SubscriptionTier(row.tier)))
        print(f"{user.username} is an admin from the next request on.")
        return 0

    start(run)


@commands.command()
def schema() -> None:
    """Print the graph's schema in SDL."""
    print(graph.as_str())


def start(run: Callable[[Settings], Coroutine[None, None, int]]) -> None:
    """Run a command to its exit status. What a person can mend is said in a sentence, without a traceback."""
    configure_logs()
    try:
        status = uvloop.run(run(read_settings()))
    except (InvalidSettings, CannotStart, SegueError) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        status = 130
    sys.exit(status)


if __name__ == "__main__":
    commands()
