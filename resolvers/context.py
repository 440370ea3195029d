"""What every resolver is given: the sources, this operation's loaders, and who is asking."""

import asyncio
import time
from collections.abc import Awaitable
from typing import Any
from uuid import UUID

import strawberry
from starlette.requests import HTTPConnection
from starlette.responses import Response

from datasources.catalog import Batch
from datasources.limits import Purse
from datasources.sessions import Session
from datasources.sources import Sources
from domain.accounts import PERMISSIONS, Permission
from domain.errors import NotAllowed, NotSignedIn
from domain.limits import LimitClass
from resolvers.charges import Charges
from resolvers.loaders import Loaders

COOKIE = "sid"


class Context:
    """One operation's surroundings. A websocket carries many operations; each gets its own through `renewed`."""

    def __init__(
        self,
        sources: Sources,
        connection: HTTPConnection,
        response: Response | None,
        public_url: str,
        stream_lifetime: float,
    ) -> None:
        self.sources = sources
        self.connection = connection
        self.response = response
        """Where a resolver sets cookies; None on a websocket."""
        self.public_url = public_url
        """The gateway as its clients reach it, without a slash at the end."""
        self.stream_lifetime = stream_lifetime
        """Seconds after which a subscription ends."""
        self.connection_params: Any = None
        """The payload of a websocket's connection_init; set by the protocol handler."""
        self.loaders = Loaders(sources)
        self.charges = Charges(sources.limits)
        self.started = time.perf_counter()
        self._session: asyncio.Future[Session | None] | None = None

    def renewed(self) -> "Context":
        """The same surroundings for another operation, with fresh loaders and a fresh look at the session."""
        context = Context(self.sources, self.connection, self.response, self.public_url, self.stream_lifetime)
        context.connection_params = self.connection_params
        return context

    def load(self, batch: Batch, key: Any) -> Awaitable[Any]:
        return self.loaders.load(batch, key)

    def forget(self) -> None:
        """Read everything anew from here on, after a write."""
        self.loaders = Loaders(self.sources)

    def renew(self) -> None:
        """Begin another event of a subscription: nothing is known yet, nor what whoever asks may do by now."""
        self.forget()
        self.started = time.perf_counter()
        self._session = None

    async def session(self) -> Session | None:
        """Who is asking, looked up once an operation; None when anonymous. The one place that knows."""
        if self._session is None:
            token = self.token()
            if token is None:
                return None
            self._session = asyncio.ensure_future(self.sources.sessions.find(token))
        return await asyncio.shield(self._session)

    async def listener(self) -> UUID | None:
        """The id of who is asking; None when anonymous."""
        session = await self.session()
        return session.user_id if session else None

    async def signed_in(self) -> Session:
        """Who is asking. Raises NotSignedIn when nobody says who they are."""
        if session := await self.session():
            return session
        raise NotSignedIn(
            "Sign in first: call `login` or `register`, then send the cookie it sets or the header "
            "`Authorization: Bearer <token>`."
        )

    async def allowed(self, permission: Permission) -> Session:
        """Who is asking, if they may. Raises NotSignedIn and NotAllowed."""
        session = await self.signed_in()
        if permission not in PERMISSIONS[session.role]:
            raise NotAllowed(f"This needs the permission {permission.value}, which {session.role.value} does not have.")
        return session

    async def charge(self, kind: LimitClass) -> None:
        """Charge one use to whoever asks: to the listener, or to the address of a caller who has not signed in yet."""
        session = None if kind is LimitClass.SIGN_IN else await self.session()
        who = str(session.user_id) if session else self.address
        await self.charges.use(Purse(who, kind))

    @property
    def address(self) -> str:
        """Where the request comes from, as the nearest proxy that is trusted tells it."""
        return self.connection.client.host if self.connection.client else "unknown"

    def become(self, session: Session | None) -> None:
        """From here on, this operation is asked by `session`, which has just begun, or by nobody."""
        self._session = asyncio.get_running_loop().create_future()
        self._session.set_result(session)

    def token(self) -> str | None:
        """The session token that came with the request: the header first, then connection_init, then the cookie."""
        candidates = [self.connection.headers.get("authorization")]
        if isinstance(self.connection_params, dict):
            candidates.append(self.connection_params.get("authorization"))
        for candidate in candidates:
            if isinstance(candidate, str) and candidate[:7].lower() == "bearer ":
                return candidate[7:].strip()
        return self.connection.cookies.get(COOKIE)


Info = strawberry.Info[Context, None]
