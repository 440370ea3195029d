"""The channel on which processes tell each other that a session changed or ended.

Messages may be lost while it is down, so every listener is told when it is up again to forget what it knows, and
`heard` says whether it can be relied on now.
"""

from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress

from datasources.channels import Channels, Listener


class SessionNews:
    """Listeners are called with the key of a session that changed, or with None when any may have."""

    def __init__(self, channels: Channels) -> None:
        self.channel = channels.name("sessions")
        self._channels = channels
        # By the one session that they ask about; None holds those that ask about all.
        self._listeners: defaultdict[str | None, dict[object, Listener]] = defaultdict(dict)
        channels.subscribe(self.channel, self._tell)

    @property
    def heard(self) -> bool:
        return self._channels.is_heard(self.channel)

    def subscribe(self, listener: Listener, session_key: str | None = None) -> Callable[[], None]:
        """Have `listener` called, with news of one session or of all; returns what ends that."""
        key = object()
        self._listeners[session_key][key] = listener

        def unsubscribe() -> None:
            listeners = self._listeners.get(session_key, {})
            if listeners.pop(key, None) and not listeners:
                del self._listeners[session_key]

        return unsubscribe

    def _tell(self, session_key: str | None) -> None:
        asking = list(self._listeners) if session_key is None else [session_key, None]
        for listener in [each for asked in asking for each in self._listeners.get(asked, {}).values()]:
            with suppress(Exception):
                listener(session_key)
