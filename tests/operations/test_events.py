"""A subscription needs no more memory after many events than after a few."""

import gc
from collections.abc import AsyncGenerator
from typing import Any

import strawberry
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from schema import graph
from schema.events import Events

EVENTS = 500


@strawberry.type
class Event:
    number: int


@strawberry.type
class Query:
    events: int = EVENTS


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def counted(self) -> AsyncGenerator[list[Event], None]:
        for number in range(EVENTS):
            yield [Event(number=number)]


async def objects_kept(execution: type[Any]) -> int:
    """How many objects the last hundreds of events have left behind while the subscription goes on."""
    schema = strawberry.Schema(Query, subscription=Subscription, execution_context_class=execution)
    events: Any = await schema.subscribe("subscription { counted { number } }")
    before = 0
    for number in range(EVENTS - 10):
        assert (await anext(events)).data == {"counted": [{"number": number}]}
        if number == EVENTS // 10:
            gc.collect()
            before = len(gc.get_objects())
    gc.collect()
    kept = len(gc.get_objects()) - before
    await events.aclose()
    return kept


async def test_events_leave_nothing_behind() -> None:
    assert await objects_kept(Events) < EVENTS / 2
    assert graph.execution_context_class is Events


async def test_graphql_core_would_keep_something_of_each() -> None:
    """The control. When it fails, `schema/events.py` can go."""
    assert await objects_kept(StrawberryGraphQLCoreExecutionContext) > EVENTS / 2
