"""What is served where: the graph, GraphiQL for browsers, artwork, health, metrics."""

from typing import Any

import strawberry
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
from strawberry.subscriptions import GRAPHQL_SSE_PROTOCOL, GRAPHQL_TRANSPORT_WS_PROTOCOL
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from datasources import health, overview
from datasources.sessions import session_key
from datasources.sources import Sources
from domain.errors import Unavailable
from logs import RequestLog
from resolvers import artwork
from resolvers.context import Context
from resolvers.sockets import Sockets
from schema import graph
from schema.explorer import ASSETS, CONTENT_SECURITY_POLICY, STATIC, graphiql_page
from settings import Settings

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


class GraphView(GraphQL[Context, None]):
    """GraphQL over HTTP, server-sent events and websockets, and GraphiQL for browsers."""

    def __init__(self, sources: Sources, settings: Settings) -> None:
        super().__init__(graph, subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL, GRAPHQL_SSE_PROTOCOL))
        self._sources = sources
        self._settings = settings
        self.sockets = Sockets(sources)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self.sockets.serving(scope):
            await super().__call__(scope, receive, send)

    async def on_ws_connect(self, context: Context) -> Any:
        """Remember which session's socket it is, to close it when that ends."""
        socket, token = context.connection, context.token()
        if isinstance(socket, WebSocket) and token is not None:
            self.sockets.sign_in(socket, session_key(token))
        return strawberry.UNSET

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Context:
        if isinstance(request, WebSocket):
            self.sockets.add(request)
        return Context(
            self._sources,
            request,
            response if isinstance(response, Response) else None,
            public_url(self._settings, request),
            self._settings.stream_lifetime_seconds,
        )

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
    """Every store answers, and the process is not about to end; what does not answer is named."""
    if request.app.state.sockets.draining:
        return JSONResponse({"ready": False, "draining": True, "failing": []}, status_code=503)
    failing = await health.failing(request.app.state.sources)
    return JSONResponse(
        {"ready": not failing, "draining": False, "failing": failing}, status_code=503 if failing else 200
    )


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
    app.state.sockets = view.sockets
    return app
