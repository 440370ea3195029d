"""`genres`: all of them, each once, in alphabetical order."""

from datasources.sources import Sources
from domain.metadata import fold
from ingest.tags import Tags
from tests.fixtures.client import Client
from tests.fixtures.music import fresh, publish_album


async def test_every_genre_once_in_alphabetical_order(client: Client, sources: Sources) -> None:
    folk, jazz, soul = fresh("folk"), fresh("Jazz"), fresh("soul")
    await publish_album(
        sources,
        Tags(title="One", artist=fresh("Artist"), album=fresh("Album"), genres=(soul, folk, jazz)),
    )
    await publish_album(
        sources,
        # The first spelling stays.
        Tags(title="Two", artist=fresh("Artist"), album=fresh("Album"), genres=(jazz.upper(),)),
    )

    answer = await client.ask("{ genres { id name } }")

    names = [genre["name"] for genre in answer.data["genres"]]
    assert [name for name in names if name.lower() in {folk, jazz.lower(), soul}] == [folk, jazz, soul]
    assert names == sorted(names, key=fold)
    assert len({genre["id"] for genre in answer.data["genres"]}) == len(names)
    assert len(answer.statements) == 1
