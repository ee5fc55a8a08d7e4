"""The identifier of the request under way: in the log with all that happens for it, and answered.

Knows neither HTTP servers nor metrics. A client's own identifier is taken over where it is short
and plain; otherwise one is made that is unique to this process.
"""

import re
import secrets
from collections.abc import MutableMapping
from contextvars import ContextVar
from itertools import count
from typing import Any

REQUEST_ID = "X-Request-Id"

_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,64}")
_current: ContextVar[str | None] = ContextVar("request_id", default=None)


class RequestIds:
    """Makes identifiers: random for the process, then counted, which costs no system call."""

    def __init__(self) -> None:
        self._prefix = secrets.token_hex(6)
        self._numbers = count(1)

    def begin(self, given: str | None) -> str:
        """The identifier of the request that begins in this task."""
        if given is not None and _PLAIN.fullmatch(given):
            request_id = given
        else:
            request_id = f"{self._prefix}-{next(self._numbers):x}"
        _current.set(request_id)
        return request_id


def add_request_id(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """A structlog processor: what is logged while a request is handled carries its identifier."""
    request_id = _current.get()
    if request_id is not None:
        event.setdefault("request_id", request_id)
    return event
