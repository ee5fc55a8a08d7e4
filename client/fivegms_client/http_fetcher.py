"""The transport over HTTP, by aiohttp: its errors become this package's causes, nothing else.

No retry, no digest and no 3GPP rule lives here.
"""

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Self

import aiohttp

from fivegms_client.errors import AccessRefused, BadAnswer, FetchInterrupted
from fivegms_client.fetching import Answer

CONNECT_TIMEOUT_S = 5.0
SILENCE_TIMEOUT_S = 15.0
"""How long a connection may be silent before it counts as broken."""

_CHUNK_BYTES = 64 * 1024
_MAX_REDIRECTS = 5
_HOPELESS = (
    aiohttp.InvalidURL,
    aiohttp.TooManyRedirects,
    aiohttp.ClientConnectorCertificateError,
)


class HttpFetcher:
    """An aiohttp session. Use it as an async context manager, in one event loop."""

    def __init__(
        self,
        *,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
        silence_timeout_s: float = SILENCE_TIMEOUT_S,
    ) -> None:
        self._timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=connect_timeout_s, sock_read=silence_timeout_s
        )
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        # Bytes are checked against digests of what was stored, so no transport may recode them.
        self._session = aiohttp.ClientSession(
            timeout=self._timeout,
            auto_decompress=False,
            headers={"Accept-Encoding": "identity", "User-Agent": "fivegms-client"},
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    @asynccontextmanager
    async def get(
        self, url: str, headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[Answer]:
        """GET `url`. Raises FetchInterrupted, AccessRefused, BadAnswer."""
        if self._session is None:
            raise RuntimeError("HttpFetcher is used as an async context manager")
        try:
            response = await self._session.get(url, headers=headers, max_redirects=_MAX_REDIRECTS)
        except _HOPELESS as error:
            raise AccessRefused(f"{url} cannot be fetched: {_say(error)}") from error
        except (aiohttp.ClientError, OSError) as error:
            raise FetchInterrupted(_say(error)) from error
        async with response:
            yield _answer(response)


def _answer(response: aiohttp.ClientResponse) -> Answer:
    encoding = response.headers.get("Content-Encoding", "identity")
    if encoding != "identity":
        raise BadAnswer(f"{response.url} came as {encoding}, which was not asked for")
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(str(response.url), response.status, headers, _body(response))


async def _body(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    try:
        async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
            yield chunk
    except (aiohttp.ClientError, OSError) as error:
        raise FetchInterrupted(_say(error)) from error


def _say(error: BaseException) -> str:
    if isinstance(error, aiohttp.ClientConnectorError) and error.errno and error.errno > 0:
        return f"no connection to {error.host}:{error.port}, {os.strerror(error.errno)}"
    return str(error) or type(error).__name__
