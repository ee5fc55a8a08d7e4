"""A server in memory for the client's transport: files by URL, and faults to order.

Each fault of a URL spoils one request, the first one first; without faults left, the file is
served, ranges included. Every request is on record.
"""

from collections import defaultdict, deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from fivegms_client.errors import FetchInterrupted
from fivegms_client.fetching import Answer

CHUNK = 512


@dataclass(frozen=True)
class Down:
    """No connection."""


@dataclass(frozen=True)
class Status:
    """Another status than 200."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Cut:
    """The connection breaks after so many bytes of the body."""

    after: int


@dataclass(frozen=True)
class Body:
    """Other bytes than the file's, complete and in good order."""

    data: bytes


@dataclass(frozen=True)
class NoRange:
    """The range that was asked for is ignored."""


@dataclass(frozen=True)
class WrongRange:
    """Another range than the one that was asked for."""


Fault = Down | Status | Cut | Body | NoRange | WrongRange


@dataclass(frozen=True)
class Request:
    """What was asked for."""

    url: str
    headers: Mapping[str, str]


class MemoryServer:
    """A `Fetcher` over `files`, by absolute URL."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = dict(files)
        self.headers: dict[str, dict[str, str]] = {}
        self.faults: defaultdict[str, deque[Fault]] = defaultdict(deque)
        self.down = False
        self.requests: list[Request] = []
        self.bytes_sent = 0

    def spoil(self, url: str, *faults: Fault) -> None:
        """The next requests for `url` meet these faults."""
        self.faults[url].extend(faults)

    def asked(self, url: str) -> list[Request]:
        """The requests for `url`."""
        return [request for request in self.requests if request.url == url]

    @asynccontextmanager
    async def get(
        self, url: str, headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[Answer]:
        """See `Fetcher.get`."""
        request = Request(url, dict(headers or {}))
        self.requests.append(request)
        fault = self.faults[url].popleft() if self.faults[url] else None
        if self.down or isinstance(fault, Down):
            raise FetchInterrupted("nobody listens")
        yield self._answer(request, fault)

    def _answer(self, request: Request, fault: Fault | None) -> Answer:
        url = request.url
        if isinstance(fault, Status):
            return Answer(url, fault.status, fault.headers, self._send(b"", None))
        if isinstance(fault, Body):
            return Answer(url, 200, {}, self._send(fault.data, None))
        if url not in self.files:
            return Answer(url, 404, {}, self._send(b"", None))
        etag = self.headers.get(url, {}).get("etag")
        if etag is not None and request.headers.get("If-None-Match") == etag:
            return Answer(url, 304, self.headers[url], self._send(b"", None))
        first, ranged = _first(request.headers), "Range" in request.headers
        if isinstance(fault, NoRange):
            first, ranged = 0, False
        if isinstance(fault, WrongRange):
            first += 1
        data = self.files[url][first:]
        own = {"content-range": f"bytes {first}-{first + len(data) - 1}/*"} if ranged else {}
        cut = fault.after if isinstance(fault, Cut) else None
        answer_headers = {**self.headers.get(url, {}), **own}
        return Answer(url, 206 if ranged else 200, answer_headers, self._send(data, cut))

    async def _send(self, data: bytes, cut: int | None) -> AsyncIterator[bytes]:
        whole = data if cut is None else data[:cut]
        for start in range(0, len(whole), CHUNK):
            chunk = whole[start : start + CHUNK]
            self.bytes_sent += len(chunk)
            yield chunk
        if cut is not None:
            raise FetchInterrupted("the connection broke")


def _first(headers: Mapping[str, str]) -> int:
    spelled = headers.get("Range", "bytes=0-").removeprefix("bytes=")
    return int(spelled.partition("-")[0])
