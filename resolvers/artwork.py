"""Artwork: the URL of a size, and the picture behind it."""

import asyncio
import re
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from datasources import catalog
from datasources.objects import artwork_object
from datasources.pictures import PictureUnreadable, resize
from datasources.sources import Sources
from domain.artwork import fitted_size
from domain.errors import BadInput, NotFound, Unavailable
from resolvers.context import Info

FOR_EVER = "public, max-age=31536000, immutable"
"""A picture's key is the hash of its bytes, so that what is behind a URL never changes."""

MEDIA_TYPES = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp"}
KEY = re.compile(r"[0-9a-f]{64}")
SIZE = re.compile(r"(?P<width>[1-9][0-9]{0,4})x(?P<height>[1-9][0-9]{0,4})\.(?P<ending>jpg|png|webp)")

waiting = asyncio.Semaphore(64)
"""Who may wait for a picture: a longer queue is not served soon enough to be worth standing in."""
resizing = asyncio.Semaphore(2)
"""Pictures that are resized at once. More would only share the same cores, and hold more memory."""


async def url(root: Any, info: Info, width: int | None = 600, height: int | None = 600) -> Any:
    """Where the picture is served, as large as fits into the size asked for, never enlarged."""
    wide, high = 600 if width is None else width, 600 if height is None else height
    if wide < 1 or high < 1:
        raise BadInput(f"`width` and `height` are 1 or more; they are {wide} and {high}.")
    wide, high = fitted_size(wide, high, root.width, root.height)
    return f"{info.context.public_url}/artwork/{root.key}/{wide}x{high}.jpg"


async def picture(request: Request) -> Response:
    """GET /artwork/{key}/{width}x{height}.{ending}: the picture in that size, in the ending's format."""
    sources: Sources = request.app.state.sources
    key, size = request.path_params["key"], SIZE.fullmatch(request.path_params["size"])
    if not size or not KEY.fullmatch(key):
        return PlainTextResponse("There is no such picture.\n", 404)
    wide, high, ending = int(size["width"]), int(size["height"]), size["ending"]
    try:
        (stored,) = await catalog.artwork_by_key(sources, [key])
        if stored is None:
            raise NotFound("There is no such picture.")
        fitted = fitted_size(wide, high, stored.width, stored.height)
        if fitted != (wide, high):
            return RedirectResponse(f"{fitted[0]}x{fitted[1]}.{ending}", 302, {"Cache-Control": FOR_EVER})
        if waiting.locked():
            raise Unavailable("Too many pictures are asked for at once; try again.", retry_after=1)
        # Originals are large: no more of them are held than are worked on.
        async with waiting, resizing:
            original = await sources.objects.get(artwork_object(key))
            resized = await asyncio.to_thread(resize, original, wide, high, ending)
    except (NotFound, PictureUnreadable):
        return PlainTextResponse("There is no such picture.\n", 404)
    except Unavailable as error:
        return PlainTextResponse(f"{error}\n", 503, {"Retry-After": str(error.retry_after)})
    return Response(resized, media_type=MEDIA_TYPES[ending], headers={"Cache-Control": FOR_EVER})
