"""What libraries no longer need to remember."""

from datetime import UTC, datetime

import structlog

from datasources import retention
from datasources.sources import Sources

log = structlog.get_logger("segue.jobs")


async def trim(sources: Sources) -> None:
    """Remove the history that is older than it is kept."""
    before = datetime.now(UTC) - retention.HISTORY_KEPT
    changes = await retention.trim_changes(sources, before)
    mutations = await retention.forget_mutations(sources, before)
    entries = await retention.forget_removed_entries(sources, before)
    log.info("library.trimmed", changes=changes, mutations=mutations, removed_entries=entries)
