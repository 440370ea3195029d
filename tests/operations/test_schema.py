"""The printed schema is the one that is served."""

from pathlib import Path

from schema import graph

PRINTED = Path(__file__).parents[2] / "schema" / "schema.graphql"


def test_the_printed_schema_is_up_to_date() -> None:
    assert PRINTED.read_text() == graph.as_str() + "\n", "the graph has changed: run `make schema`"
