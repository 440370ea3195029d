"""GraphiQL in a real browser: the query that is ready runs, and nothing is asked of any other host."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn

from datasources.sources import Sources
from ingest.tags import Tags
from routes import application
from settings import Settings
from tests.fixtures.browser import Page, browser_or_skip
from tests.fixtures.music import fresh, publish_album

RUN = """(async () => {
  const until = async find => {
    for (;;) { const it = find(); if (it) return it; await new Promise(go => setTimeout(go, 50)); }
  };
  const run = await until(() => document.querySelector('.graphiql-execute-button'));
  const result = await until(() => document.querySelector('.result-window .CodeMirror'));
  run.click();
  return await until(() => result.CodeMirror.getValue());
})()"""


async def test_the_query_that_is_ready_runs(sources: Sources, settings: Settings) -> None:
    browser_or_skip()
    await publish_album(sources, Tags(title="Song", artist=fresh("Artist"), album=fresh("Album")))

    async with serving(sources, settings) as origin, Page.open(f"{origin}/graphql") as page:
        answer = json.loads(await page.evaluate(RUN))

    assert answer["data"]["album"]["tracks"]
    assert page.origins == {origin}
    assert page.complaints == []


@asynccontextmanager
async def serving(sources: Sources, settings: Settings) -> AsyncIterator[str]:
    """The application on a port of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(application(sources, settings), log_config=None, lifespan="off", ws="websockets-sansio")
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await task
