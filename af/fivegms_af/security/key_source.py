"""Where the keys of an issuer come from: our own key, or a JWK Set that is fetched and kept.

Knows when to fetch, not how: a fetch is any function that gives bytes. Time is in seconds, given by
whoever asks. Keys are fetched anew every ten minutes, and within a minute of the first token whose
key is not known; meanwhile, and for a day when the issuer does not answer, those at hand are used.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol

import aiohttp
import structlog

from fivegms_af.security.errors import KeysUnavailable, TokenUntrusted
from fivegms_af.security.jwks import MAX_BYTES, KeySet, VerificationKey, read_key_set

RENEW_S = 600.0
RENEW_FOR_UNKNOWN_S = 60.0
RETRY_S = 5.0
USABLE_S = 24 * 3600.0
FETCH_TIMEOUT_S = 5.0

Fetch = Callable[[], Awaitable[bytes]]
"""Gives a JWK Set; raises OSError where it cannot be had."""

log = structlog.get_logger()


class KeySource(Protocol):
    """An issuer's keys. `generation` changes whenever keys do."""

    @property
    def generation(self) -> int:
        """What a token verified by an earlier generation has to be verified by again."""
        ...

    def keep_fresh(self, now: float) -> None:
        """Have the keys fetched anew where that is due, without waiting; let go of stale ones."""
        ...

    async def find(self, kid: str | None, now: float) -> VerificationKey:
        """The key of that identifier. Raises TokenUntrusted, KeysUnavailable."""
        ...


class FixedKeys:
    """Keys that do not change while the AF runs: those of the embedded authorisation server."""

    generation = 0

    def __init__(self, keys: KeySet) -> None:
        self._keys = keys

    def keep_fresh(self, now: float) -> None:
        """See KeySource."""

    async def find(self, kid: str | None, now: float) -> VerificationKey:
        """See KeySource."""
        return _known(self._keys, kid)


class FetchedKeys:
    """The JWK Set at `where`, as `fetch` gives it."""

    def __init__(self, where: str, fetch: Fetch) -> None:
        self.generation = 0
        self._where = where
        self._fetch = fetch
        self._keys: KeySet | None = None
        self._tried = self._fetched = float("-inf")
        self._fetching: asyncio.Task[None] | None = None

    async def find(self, kid: str | None, now: float) -> VerificationKey:
        """See KeySource. Waits for a fetch only where the key is not known yet."""
        self.keep_fresh(now)
        if self._keys is None or self._keys.find(kid) is None:
            self._renew_after(RENEW_FOR_UNKNOWN_S, now)
            if self._fetching is not None:
                await asyncio.shield(self._fetching)
        if self._keys is None:
            raise KeysUnavailable
        return _known(self._keys, kid)

    def keep_fresh(self, now: float) -> None:
        """See KeySource."""
        if self._keys is not None and now - self._fetched > USABLE_S:
            self._keys = None
            self.generation += 1
        self._renew_after(RENEW_S, now)

    async def load(self, now: float) -> None:
        """Fetch for the first time. Raises OSError, ValueError."""
        self._tried = now
        self._keep(read_key_set(await self._fetch()), now)

    async def close(self) -> None:
        """Let go of a fetch under way."""
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.gather(self._fetching, return_exceptions=True)

    def _renew_after(self, pause_s: float, now: float) -> None:
        """Start a fetch, so long after the last one; sooner where that failed."""
        failed = self._fetched < self._tried
        if self._fetching is None and now - self._tried >= (RETRY_S if failed else pause_s):
            self._fetching = asyncio.create_task(self._renew(now))

    async def _renew(self, now: float) -> None:
        try:
            await self.load(now)
        except (OSError, ValueError) as error:
            log.warning("keys of tokens cannot be had", source=self._where, reason=str(error))
        finally:
            self._fetching = None

    def _keep(self, keys: KeySet, now: float) -> None:
        self._fetched = now
        if keys != self._keys:
            self._keys = keys
            self.generation += 1


def from_file(file: Path) -> Fetch:
    """Read `file`; one that is too long is cut, which the reader refuses."""

    def read() -> bytes:
        with file.open("rb") as opened:
            return opened.read(MAX_BYTES + 1)

    async def fetch() -> bytes:
        return await asyncio.to_thread(read)

    return fetch


def from_url(url: str, http: aiohttp.ClientSession) -> Fetch:
    """GET `url`, without redirects; an answer that is too long is cut, which the reader refuses."""
    timeout = aiohttp.ClientTimeout(total=FETCH_TIMEOUT_S)

    async def fetch() -> bytes:
        try:
            async with http.get(url, timeout=timeout, allow_redirects=False) as answer:
                if answer.status != 200:
                    raise OSError(f"it answered {answer.status}")
                return await _bounded(answer)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise OSError(str(error) or type(error).__name__) from error

    return fetch


async def _bounded(answer: aiohttp.ClientResponse) -> bytes:
    content = bytearray()
    async for chunk in answer.content.iter_any():
        content += chunk
        if len(content) > MAX_BYTES:
            break
    return bytes(content)


def _known(keys: KeySet, kid: str | None) -> VerificationKey:
    key = keys.find(kid)
    if key is None:
        raise TokenUntrusted("the token's key is none of its issuer's")
    return key
