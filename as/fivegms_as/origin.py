"""Content origins over HTTP: one GET, with everything that a stranger's server might do in bounds.

An origin is named by a provider, so it could name what only this machine can reach. Where a
connection really goes is checked when its socket is made: names that resolve to private places,
odd spellings of addresses and redirects all end there.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from ipaddress import IPv6Address
from types import TracebackType
from typing import Any, Self

import aiohttp
from yarl import URL

from fivegms_as.admission import Address, read_address
from fivegms_as.errors import OriginRefused, OriginTimedOut, OriginUnavailable
from fivegms_as.problems import SERVER

MAX_REDIRECTS = 5
MAX_CONNECTIONS = 64
MAX_CONNECTIONS_PER_ORIGIN = 16
"""So that a slow origin of one provider does not keep the others waiting."""

_CONNECT_TIMEOUT_S = 10
_BLOCK_BYTES = 1024 * 1024
_REDIRECTS = {
    HTTPStatus.MOVED_PERMANENTLY,
    HTTPStatus.FOUND,
    HTTPStatus.SEE_OTHER,
    HTTPStatus.TEMPORARY_REDIRECT,
    HTTPStatus.PERMANENT_REDIRECT,
}


@dataclass(frozen=True, slots=True)
class OriginAnswer:
    """What an origin answered: 200 with a body, 304, 404 or 410."""

    status: int
    fields: Mapping[str, str]
    content: aiohttp.StreamReader

    async def blocks(self, max_bytes: int) -> AsyncIterator[bytes]:
        """The body in blocks. Raises OriginRefused when it is longer than `max_bytes`."""
        size_bytes = 0
        async for block in self.content.iter_chunked(_BLOCK_BYTES):
            size_bytes += len(block)
            if size_bytes > max_bytes:
                raise OriginRefused(f"the origin sends more than {max_bytes} bytes")
            yield block


class Origins:
    """A client of all origins while its context lasts; a GET may take `timeout_s` in all."""

    def __init__(self, *, allow_private: bool, timeout_s: float) -> None:
        self._allow_private = allow_private
        self._timeout_s = timeout_s
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(
            limit=MAX_CONNECTIONS,
            limit_per_host=MAX_CONNECTIONS_PER_ORIGIN,
            socket_factory=self._socket,
        )
        self._http = aiohttp.ClientSession(
            connector=connector,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_TIMEOUT_S),
            headers={"User-Agent": SERVER, "Accept-Encoding": "identity"},
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._http is not None:
            await self._http.close()

    @asynccontextmanager
    async def get(self, url: str, etag: str | None) -> AsyncIterator[OriginAnswer]:
        """What is at a URL, or 304 where its entity tag still is `etag`.

        The time runs until the context is left. Raises OriginRefused, OriginUnavailable,
        OriginTimedOut.
        """
        fields = {"If-None-Match": etag} if etag else {}
        try:
            async with (
                asyncio.timeout(self._timeout_s),
                self._followed(_url(url), fields) as answer,
            ):
                yield _checked(answer)
        except TimeoutError as error:
            raise OriginTimedOut("the origin did not answer in time") from error
        except aiohttp.InvalidURL as error:
            raise OriginRefused(f"the origin has no URL: {error}") from error
        except aiohttp.ClientError as error:
            raise _unreachable(error) from error

    @asynccontextmanager
    async def _followed(
        self, url: URL, fields: Mapping[str, str]
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """The answer behind redirects, which may not lead to another origin."""
        if self._http is None:
            raise RuntimeError("origins are asked inside of their context")
        for _ in range(MAX_REDIRECTS):
            async with self._http.get(url, headers=fields, allow_redirects=False) as answer:
                if answer.status not in _REDIRECTS:
                    yield answer
                    return
                target = url.join(_url(answer.headers.get("Location", "")))
            if target.origin() != url.origin():
                raise OriginRefused("the origin redirects to another one")
            url = target
        raise OriginRefused(f"the origin redirects more than {MAX_REDIRECTS} times")

    def _socket(self, info: tuple[Any, ...]) -> socket.socket:
        """A socket for an address that a name was resolved to, if it may be reached."""
        family, kind, protocol, _, endpoint = info
        if not self._allow_private and not is_public(read_address(endpoint[0].partition("%")[0])):
            raise PrivateOrigin(f"{endpoint[0]} is no public address")
        return socket.socket(family, kind, protocol)


class PrivateOrigin(OSError):
    """An origin at an address that is not everybody's to reach."""


def is_public(address: Address) -> bool:
    """Whether anyone on the Internet could reach the address, embedded addresses included.

    >>> is_public(read_address("127.0.0.1")), is_public(read_address("2002:7f00:1::"))
    (False, False)
    """
    if isinstance(address, IPv6Address):
        inner = address.sixtofour or (address.teredo or (None, None))[1] or _translated(address)
        if inner is not None:
            return is_public(inner)
    return address.is_global and not address.is_multicast


def _translated(address: IPv6Address) -> Address | None:
    """The IPv4 address in an address of the well-known NAT64 prefix (RFC 6052 2.1)."""
    packed = address.packed
    if packed[:12] == bytes.fromhex("0064ff9b0000000000000000"):
        return read_address(".".join(str(octet) for octet in packed[12:]))
    return None


def _url(text: str) -> URL:
    try:
        return URL(text)
    except ValueError as error:
        raise OriginRefused(f"the origin has no URL: {error}") from error


def _checked(answer: aiohttp.ClientResponse) -> OriginAnswer:
    """Raises OriginUnavailable for what may pass, OriginRefused for what will not."""
    if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR or answer.status in _PASSING:
        raise OriginUnavailable(f"the origin answers {answer.status}")
    if answer.status not in _USABLE:
        raise OriginRefused(f"the origin answers {answer.status}")
    if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise OriginRefused("the origin sends a content coding that was not asked for")
    return OriginAnswer(answer.status, answer.headers, answer.content)


_PASSING = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}
_USABLE = {HTTPStatus.OK, HTTPStatus.NOT_MODIFIED, HTTPStatus.NOT_FOUND, HTTPStatus.GONE}


def _unreachable(error: aiohttp.ClientError) -> OriginRefused | OriginUnavailable:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, PrivateOrigin):
            return OriginRefused(f"the origin may not be pulled from: {cause}")
        cause = getattr(cause, "os_error", None) or cause.__cause__
    return OriginUnavailable(f"the origin does not answer: {error}")
