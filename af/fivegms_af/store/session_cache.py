"""Sessions in memory, the least recently used one out first. Pure: told of changes, never asks.

A value that was read before a change and arrives after it is not kept: whoever reads takes a ticket
first, and a change of the session makes it void.
"""

from collections import OrderedDict

from fivegms_af.provisioned import Session

CACHED_SESSIONS = 20_000


class SessionCache:
    """At most `limit` sessions by identifier, none of them older than the last change told."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept: OrderedDict[str, Session] = OrderedDict()
        self._tickets: dict[str, object] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, session_id: str) -> Session | None:
        """The session, if it is here."""
        session = self._kept.get(session_id)
        if session is not None:
            self._kept.move_to_end(session_id)
        return session

    def ticket(self, session_id: str) -> object:
        """To take before a session is read; of those taken for one session the last one counts."""
        ticket = object()
        self._tickets[session_id] = ticket
        return ticket

    def settle(self, session_id: str, ticket: object, session: Session | None) -> None:
        """Give a ticket back, with what was read; kept unless the session changed meanwhile."""
        if self._tickets.get(session_id) is not ticket:
            return
        del self._tickets[session_id]
        if session is None:
            return
        self._kept[session_id] = session
        if len(self._kept) > self._limit:
            self._kept.popitem(last=False)

    def drop(self, session_id: str | None) -> None:
        """A session changed; None for any of them."""
        if session_id is None:
            self._kept.clear()
            self._tickets.clear()
            return
        self._kept.pop(session_id, None)
        self._tickets.pop(session_id, None)
