"""Executing the events of a subscription."""

from typing import Any

from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext


class Events(StrawberryGraphQLCoreExecutionContext):
    """graphql-core 3.3.2 copies an executor for each event, and lets the copies share a memo whose keys are lists that
    are new with each: it is never of use, and grows by some 4 kB an event until the stream ends."""

    def build_per_event_executor(self, payload: Any) -> Any:
        executor = super().build_per_event_executor(payload)
        executor._relevant_sub_fields = {}
        return executor
