"""Segue's gateway: puts the parts together, and is the command line.

settings → embedded stores where none are configured → migrations → sources → the graph → routes
"""

import asyncio
import contextlib
import gc
import socket
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

import strawberry
import structlog
import typer
import uvicorn
import uvloop
from cross_web import HTTPException
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from datasources import accounts, health, overview
from datasources.embedded.borrow import embedded_stores
from datasources.embedded.servers import CannotStart
from datasources.migrations import migrate as run_migrations
from datasources.sessions import session_key
from datasources.sources import Sources, open_sources
from domain.accounts import Role, SubscriptionTier, username_key
from domain.errors import NotFound, SegueError, Unavailable
from ingest.demo.listeners import LISTENERS, PASSWORD
from ingest.demo.load import demo_folder
from ingest.demo.load import load as load_demo
from ingest.pipeline import ingest as run_ingest
from ingest.report import Report
from logs import RequestLog, configure_logs
from resolvers import artwork
from resolvers.context import Context
from resolvers.sockets import Sockets
from schema import graph
from schema.explorer import ASSETS, CONTENT_SECURITY_POLICY, STATIC, graphiql_page
from settings import InvalidSettings, Settings, read_settings

FIRST_QUERY = """\
query Album {
  album(id: "%s") {
    title
    artist { name }
    tracks {
      title
      durationMs
      qualities
      features { tempo energy }
    }
  }
}
"""
QUERY_WITHOUT_MUSIC = """\
query Genres {
  genres { name }
}
"""

commands = typer.Typer(
    name="gateway.py",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Segue: a music-streaming backend behind one GraphQL graph.\n\n"
    "Settings come from the environment. A store whose URL (DATABASE_URL, REDIS_URL, S3_ENDPOINT_URL) is unset is "
    "started as a real server with its data under SEGUE_DATA; commands that run at the same time share it.",
)


class GraphView(GraphQL[Context, None]):
    """GraphQL over HTTP and websockets, and GraphiQL for browsers."""

    def __init__(self, sources: Sources, settings: Settings) -> None:
        super().__init__(graph, subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL,))
        self._sources = sources
        self._settings = settings
        self._sockets = Sockets(sources)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            if opened_by := scope.get("segue.socket"):
                self._sockets.remove(*opened_by)

    async def on_ws_connect(self, context: Context) -> Any:
        """Remember which session's socket it is, to close it when that ends."""
        socket, token = context.connection, context.token()
        if isinstance(socket, WebSocket) and token is not None:
            socket.scope["segue.socket"] = (session_key(token), socket)
            self._sockets.add(session_key(token), socket)
        return strawberry.UNSET

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Context:
        headers = response if isinstance(response, Response) else None
        return Context(self._sources, request, headers, public_url(self._settings, request))

    def parse_json(self, data: str | bytes) -> Any:
        """The body, which must be an object, or a list of them."""
        try:
            body = super().parse_json(data)
        except UnicodeDecodeError:
            raise HTTPException(400, "The request body is not UTF-8.") from None
        except RecursionError:
            raise HTTPException(400, "The request body is nested too deeply.") from None
        if not isinstance(body, dict | list):
            raise HTTPException(400, 'The request body must be a JSON object: {"query": "…"}.')
        return body

    async def render_graphql_ide(self, request: Request) -> Response:
        headers = {"Content-Security-Policy": CONTENT_SECURITY_POLICY, "Cache-Control": "no-cache"}
        page = graphiql_page(await first_query(self._sources))
        return Response(page, media_type="text/html", headers=headers)


async def first_query(sources: Sources) -> str:
    """Something to ask at once: about an album, where there is one."""
    try:
        album = await overview.an_album(sources)
    except Unavailable:
        album = None
    return FIRST_QUERY % album.id if album else QUERY_WITHOUT_MUSIC


def public_url(settings: Settings, connection: HTTPConnection) -> str:
    """The gateway as this client reaches it."""
    if settings.public_url:
        return str(settings.public_url).rstrip("/")
    # A websocket's address is that of the HTTP it began as.
    scheme = connection.base_url.scheme.replace("ws", "http")
    return str(connection.base_url.replace(scheme=scheme, path="")).rstrip("/")


async def healthz(request: Request) -> Response:
    """The process answers."""
    return PlainTextResponse("ok\n")


async def metrics(request: Request) -> Response:
    """Counters for Prometheus."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


async def readyz(request: Request) -> Response:
    """Every store answers; what does not is named."""
    failing = await health.failing(request.app.state.sources)
    return JSONResponse({"ready": not failing, "failing": failing}, status_code=503 if failing else 200)


def application(sources: Sources, settings: Settings) -> Starlette:
    """The routes over opened sources."""
    view = GraphView(sources, settings)
    app = Starlette(
        routes=[
            Route("/graphql", view, methods=["GET", "POST", "OPTIONS"]),
            WebSocketRoute("/graphql", view),
            Route("/artwork/{key}/{size}", artwork.picture),
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/metrics", metrics),
            Mount(ASSETS, StaticFiles(directory=STATIC)),
        ],
        middleware=[
            # Outermost first: the address is settled before anything reads it.
            Middleware(ProxyHeadersMiddleware, trusted_hosts=settings.trusted_proxies),
            Middleware(RequestLog),
        ],
    )
    app.state.sources = sources
    return app


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
                config = uvicorn.Config(
                    application(sources, connected),
                    log_config=None,
                    access_log=False,
                    proxy_headers=False,
                    lifespan="off",
                    ws="websockets-sansio",
                    timeout_graceful_shutdown=10,
                    server_header=False,
                )
                settle_garbage_collector()
                welcoming = asyncio.create_task(welcome(sources, connected, address(listener), demo))
                await Server(config).serve(sockets=[listener])
                await stopped(welcoming)
        return 0

    start(run)


class Server(uvicorn.Server):
    """Ends as asked: uvicorn would raise the signal once more when it is done, before the stores are put away."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        with super().capture_signals():
            yield
            self._captured_signals.clear()


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


async def stopped(task: "asyncio.Task[None]") -> None:
    """End a task that may still be running."""
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


def address(listener: socket.socket) -> str:
    host, port, *_ = listener.getsockname()
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/graphql"


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
