"""GraphiQL at /graphql: a page for browsers, the graph for everybody else."""

import hashlib
import json
import re

import pytest

from datasources.sources import Sources
from ingest.tags import Tags
from schema.explorer import CONTENT_SECURITY_POLICY
from tests.fixtures.client import Client
from tests.fixtures.music import fresh, publish_album

BROWSER = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


async def test_a_browser_gets_the_page(client: Client) -> None:
    page = await client.http.get("/graphql", headers=BROWSER)

    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert "script-src 'self';" in CONTENT_SECURITY_POLICY
    assert page.headers["cache-control"] == "no-cache"


async def test_the_page_needs_nothing_from_elsewhere(client: Client) -> None:
    page = (await client.http.get("/graphql", headers=BROWSER)).text

    addresses = re.findall(r'(?:src|href)="([^"]+)"', page)
    assets = [address for address in addresses if not address.startswith("data:")]
    assert len(assets) == 2
    for address in assets:
        path, _, version = address.partition("?v=")
        asset = await client.http.get(address)
        assert path.startswith("/graphiql/")
        assert asset.status_code == 200
        assert hashlib.sha256(asset.content).hexdigest().startswith(version)
        assert len(version) == 12


async def test_the_page_opens_with_a_query_that_has_an_answer(client: Client, sources: Sources) -> None:
    await publish_album(sources, Tags(title="Song", artist=fresh("Artist"), album=fresh("Album")))
    page = (await client.http.get("/graphql", headers=BROWSER)).text

    values = re.search(r'<script type="application/json" id="segue">(.*?)</script>', page)
    assert values
    answer = await client.ask(json.loads(values[1])["query"])

    assert answer.data["album"]["tracks"]


@pytest.mark.parametrize("accept", ["application/json", "application/graphql-response+json"])
async def test_other_callers_get_no_page(client: Client, accept: str) -> None:
    answer = await client.http.get("/graphql", headers={"accept": accept})

    assert answer.status_code == 400
    assert "<html" not in answer.text


@pytest.mark.parametrize("accept", ["application/json", BROWSER["accept"]])
async def test_a_query_in_the_address_is_answered_even_in_a_browser(client: Client, accept: str) -> None:
    answer = await client.http.get("/graphql", params={"query": "{ viewer { username } }"}, headers={"accept": accept})

    assert answer.headers["content-type"].startswith("application/json")
    assert answer.json() == {"data": {"viewer": None}}


async def test_the_address_changes_nothing(client: Client) -> None:
    answer = await client.http.get(
        "/graphql", params={"query": "mutation { logout }"}, headers={"accept": "application/json"}
    )

    assert answer.status_code == 400
    assert "set-cookie" not in answer.headers
