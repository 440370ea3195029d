"""GraphiQL, the page that a browser gets at /graphql: built into `graphiql/static/`, needing nothing from elsewhere."""

import json
from functools import cache
from pathlib import Path

ASSETS = "/graphiql/"
"""Where `STATIC` is served. The page's addresses carry a content hash (`?v=…`), so browsers may keep the answers."""

STATIC = Path(__file__).parent / "graphiql" / "static"

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",  # dialogs lock the page's scrolling with a style element
        "img-src 'self' data:",
        "connect-src 'self' ws: wss:",  # not every browser takes 'self' for a websocket of the same host
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)

_SLOT = '<script type="application/json" id="segue">{}</script>'


def graphiql_page(query: str, variables: str = "") -> bytes:
    """The page whose first tab shows this operation, with its variables as JSON text."""
    values = json.dumps({"query": query, "variables": variables})
    # Inside a script element only `<` can end it, or open a comment that swallows the rest of the page.
    slot = _SLOT.replace("{}", values.replace("<", r"\u003c"))
    return _template().replace(_SLOT, slot).encode()


@cache
def _template() -> str:
    return (STATIC / "index.html").read_text(encoding="utf-8")
