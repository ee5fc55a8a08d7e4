"""What happens, as it happens, as messages for viewers (server-sent events, WHATWG HTML 9.2).

What waits for a viewer is a set, not a queue: a session that changes a hundred times while the
viewer reads slowly is told once. One that lags by too many sessions is told that any may have
changed.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager

from fivegms_af.clock import until_set
from fivegms_af.errors import TooManyViewers
from fivegms_api.operations import OperatorEvent, OperatorEventKind

HEARTBEAT_S = 15.0
MAX_VIEWERS = 64
MAX_WAITING = 1_000

_News = tuple[OperatorEventKind, str | None]
_HEARTBEAT = b": still here\n\n"


class EventFeed:
    """Tells every viewer of every change. Lives on one event loop."""

    def __init__(self) -> None:
        self._viewers: set[_Viewer] = set()
        self._closed = False

    def session_changed(self, session_id: str | None) -> None:
        """A session or something below it changed; None: any may have."""
        self._tell((OperatorEventKind.SESSION_CHANGED, session_id))

    def report_received(self, session_id: str) -> None:
        """A UE's report was kept."""
        self._tell((OperatorEventKind.REPORT_RECEIVED, session_id))

    def alarm_changed(self, session_id: str) -> None:
        """A QoS alarm of the session was raised or cleared."""
        self._tell((OperatorEventKind.ALARM_CHANGED, session_id))

    def close(self) -> None:
        """End every stream: a listener that stops waits for them."""
        self._closed = True
        for viewer in self._viewers:
            viewer.awake.set()

    async def news(self, heartbeat_s: float = HEARTBEAT_S) -> AsyncGenerator[bytes, None]:
        """What to send to a new viewer until the feed is closed. Raises TooManyViewers."""
        with self._viewer() as viewer:
            while not self._closed:
                yield viewer.take() or _HEARTBEAT
                await until_set(viewer.awake, heartbeat_s)

    @contextmanager
    def _viewer(self) -> Iterator["_Viewer"]:
        if len(self._viewers) >= MAX_VIEWERS:
            raise TooManyViewers(MAX_VIEWERS)
        viewer = _Viewer()
        self._viewers.add(viewer)
        try:
            yield viewer
        finally:
            self._viewers.discard(viewer)

    def _tell(self, news: _News) -> None:
        for viewer in self._viewers:
            viewer.tell(news)


class _Viewer:
    """What one viewer has not been sent yet, each once, in order."""

    def __init__(self) -> None:
        self.awake = asyncio.Event()
        self._waiting: dict[_News, None] = {}

    def tell(self, news: _News) -> None:
        self._waiting[news] = None
        if len(self._waiting) > MAX_WAITING:
            self._waiting = {(kind, None): None for kind in OperatorEventKind}
        self.awake.set()

    def take(self) -> bytes:
        self.awake.clear()
        waiting, self._waiting = self._waiting, {}
        return b"".join(_message(kind, session_id) for kind, session_id in waiting)


def _message(kind: OperatorEventKind, session_id: str | None) -> bytes:
    data = OperatorEvent(provisioning_session_id=session_id).to_json()
    return b"event: %s\ndata: %s\n\n" % (kind.value.encode(), data)
