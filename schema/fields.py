"""How a field is answered, declared where the field is.

`one` and `many` name a batch and the key on the parent, so that whoever executes the graph can see the relation and
load a whole level with one statement. `pure` is a function of the parent alone. A field with none of them is the
parent's attribute of that name. What takes arguments or asks who is there is an ordinary resolver, and `guarded`
where it needs a permission or costs something.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import strawberry
from strawberry.extensions import FieldExtension

from datasources.catalog import Batch, OfListener
from domain.accounts import Permission
from domain.limits import LimitClass
from resolvers.context import Info


@dataclass(frozen=True, slots=True)
class Relation:
    """What a declared field loads: `batch` for the key in attribute `key` of the parent."""

    batch: Batch
    key: str
    many: bool
    of_listener: bool = False
    """Whether the answer depends on who asks: the batch's keys are OfListener."""


class Guard(FieldExtension):
    """What a field asks for before it runs: a permission, and a use of a budget. Declared beside the field."""

    def __init__(self, *, needs: Permission | None = None, costs: LimitClass | None = None) -> None:
        self.needs = needs
        self.costs = costs

    async def resolve_async(self, next_: Callable[..., Awaitable[Any]], source: Any, info: Info, **given: Any) -> Any:
        if self.needs:
            await info.context.allowed(self.needs)
        if self.costs:
            await info.context.charge(self.costs)
        return await next_(source, info, **given)


def guarded(
    resolver: Callable[..., Any],
    *,
    needs: Permission | None = None,
    costs: LimitClass | None = None,
    description: str | None = None,
) -> Any:
    """A field that is answered by `resolver`, for whoever may ask and has some of the budget left."""
    return strawberry.field(resolver=resolver, description=description, extensions=[Guard(needs=needs, costs=costs)])


def one(batch: Batch, *, key: str, description: str | None = None) -> Any:
    """The row that `batch` has for the parent's `key`; null when the key is, or when there is none."""
    key_of = attrgetter(key)

    async def resolve(root: Any, info: Info) -> Any:
        value = key_of(root)
        return None if value is None else await info.context.load(batch, value)

    return declared(resolve, Relation(batch, key, many=False), description)


def many(
    batch: Batch, *, key: str = "id", each: Callable[[Any], Any] | None = None, description: str | None = None
) -> Any:
    """The rows that `batch` has for the parent's `key`, or what `each` makes of them."""
    key_of = attrgetter(key)

    async def resolve(root: Any, info: Info) -> Any:
        rows = await info.context.load(batch, key_of(root))
        return rows if each is None else [each(row) for row in rows]

    return declared(resolve, Relation(batch, key, many=True), description)


def of_listener(batch: Batch, *, key: str = "id", description: str | None = None) -> Any:
    """What `batch` has for the parent's `key` as whoever asks has it. Its keys are OfListener."""
    key_of = attrgetter(key)

    async def resolve(root: Any, info: Info) -> Any:
        return await info.context.load(batch, OfListener(await info.context.listener(), key_of(root)))

    return declared(resolve, Relation(batch, key, many=False, of_listener=True), description)


def pure(function: Callable[[Any], Any], *, description: str | None = None) -> Any:
    """What `function` makes of the parent. It awaits nothing."""

    def resolve(root: Any) -> Any:
        return function(root)

    return strawberry.field(resolver=untyped(resolve), description=description, metadata={"pure": function})


def declared(resolve: Callable[..., Any], relation: Relation, description: str | None) -> Any:
    return strawberry.field(resolver=untyped(resolve), description=description, metadata={"relation": relation})


def untyped(resolve: Callable[..., Any]) -> Callable[..., Any]:
    """The class annotation is the field's type; a resolver that says Any would get in its way."""
    resolve.__annotations__.pop("return", None)
    return resolve
