"""What this client asks of a transport: GET a URL, see status and headers, then bytes as they come.

`http_fetcher` does it over aiohttp; tests do it in memory. What a status means to this client is
the table here, so that a transport has no rule in it.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

from fivegms_client.errors import AccessRefused, FetchInterrupted, NotAuthorised, NotFound

OK, PARTIAL, NOT_MODIFIED, UNAUTHORISED = 200, 206, 304, 401
_GONE = frozenset({404, 410})
_LATER = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Answer:
    """A response whose body is still arriving. Header names are lower case.

    `url` is where it came from in the end, after redirects. Iterating `body` raises
    FetchInterrupted when the connection breaks.
    """

    url: str
    status: int
    headers: Mapping[str, str]
    body: AsyncIterator[bytes] = field(repr=False)


class Fetcher(Protocol):
    """A transport."""

    def get(
        self, url: str, headers: Mapping[str, str] | None = None
    ) -> AbstractAsyncContextManager[Answer]:
        """GET `url`; entering raises FetchInterrupted when there is no answer."""
        ...


def check_status(answer: Answer, expected: frozenset[int]) -> None:
    """Raise the cause that a status other than `expected` stands for.

    FetchInterrupted where trying again may help, NotFound, NotAuthorised, or AccessRefused.
    """
    if answer.status in expected:
        return
    if answer.status in _LATER:
        raise FetchInterrupted(f"the server answered {answer.status}", _retry_after_s(answer))
    if answer.status == UNAUTHORISED:
        raise NotAuthorised(
            f"{answer.url} needs an access token, or takes none of this kind; set the option "
            "authorization"
        )
    if answer.status in _GONE:
        raise NotFound(f"nothing is at {answer.url} (the server answered {answer.status})")
    raise AccessRefused(f"{answer.url}: the server answered {answer.status}; see its log for why")


def _retry_after_s(answer: Answer) -> float | None:
    """The delay form of Retry-After (RFC 9110 10.2.3); its date form is left to our own policy."""
    value = answer.headers.get("retry-after", "").strip()
    return float(value) if value.isascii() and value.isdigit() and len(value) < 8 else None
