"""Loaders gather the keys that one operation asks for and hand them to a batch together."""

import asyncio
from collections.abc import Awaitable
from functools import partial
from typing import Any

from aiodataloader import DataLoader

from datasources.catalog import Batch
from datasources.sources import Sources


class Loaders:
    """The loaders of one operation, or of one event of a subscription: what they remember must not outlive it."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._loaders: dict[Batch, DataLoader[Any, Any]] = {}

    def load(self, batch: Batch, key: Any) -> Awaitable[Any]:
        """What `batch` gives for `key`.

        Shielded: graphql-core cancels the siblings of a failed non-null field, and a future that several fields
        share would be cancelled with one of them.
        """
        loader = self._loaders.get(batch)
        if loader is None:
            loader = self._loaders[batch] = DataLoader(partial(batch, self._sources))  # type: ignore[arg-type]
        return asyncio.shield(loader.load(key))
