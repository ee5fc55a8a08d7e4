"""Sending one file over M2 so that a broken connection costs only what was in flight.

The manner is that of draft-ietf-httpbis-resumable-upload: a PUT that breaks leaves a partial upload
at the AS; HEAD tells its `Upload-Offset`; PATCH appends from there. The SHA-256 goes along in
`Repr-Digest` (RFC 9530), so the AS refuses what was damaged on the way.
"""

import asyncio
import base64
import hashlib
import mimetypes
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import aiohttp

from fivegms_testbed.errors import ProviderError

_CHUNK = 256 * 1024
DEFAULT_PATIENCE_S = 75.0
"""Longer than the minute in which an AF notices that its AS has restarted."""

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 5.0
_COMING_BACK = frozenset(
    {HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.SERVICE_UNAVAILABLE}
)
"""What an AS may answer after a broken connection: the AF has yet to tell it of the session again,
or it still holds on to what broke."""


class UploadFailed(ProviderError):
    """The file did not arrive; the message says what the AS answered or how often it was tried."""


class UploadRefused(UploadFailed):
    """The AS answered with an error."""

    def __init__(self, message: str, status: int) -> None:
        self.status = status
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class UploadProgress:
    """Bytes that left this side, out of all; `waiting_for` says why none do, while none do."""

    sent_bytes: int
    total_bytes: int
    waiting_for: str | None = None


OnProgress = Callable[[UploadProgress], None]
Sleep = Callable[[float], Awaitable[None]]


class Upload:
    """One file on its way to one M2 URL; `patience_s` bounds the pauses between attempts.

    With `resume`, it begins where an earlier one ended, and sends nothing that is there already.
    """

    def __init__(
        self,
        http: aiohttp.ClientSession,
        url: str,
        file: Path,
        *,
        patience_s: float = DEFAULT_PATIENCE_S,
        resume: bool = False,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._http = http
        self._url = url
        self._file = file
        self._patience_s = patience_s
        self._resume = resume
        self._sleep = sleep

    async def send(self, on_progress: OnProgress) -> None:
        """Send the file, resuming after a broken connection. Raises UploadFailed, OSError."""
        size = self._file.stat().st_size
        digest = await asyncio.to_thread(_digest, self._file)
        offset: int | None = 0
        failure: Exception | None = None
        for pause_s in (0.0, *_pauses(self._patience_s)):
            try:
                if failure is not None:
                    on_progress(UploadProgress(offset or 0, size, str(failure)))
                    await self._sleep(pause_s)
                if failure is not None or self._resume:
                    offset = await self._offset(size, digest)
                if offset is not None:
                    await self._send_from(offset, size, digest, on_progress)
            except (aiohttp.ClientConnectionError, TimeoutError) as error:
                failure = error
            except UploadRefused as refusal:
                if failure is None or refusal.status not in _COMING_BACK:
                    raise
                failure = refusal
            else:
                on_progress(UploadProgress(size, size))
                return
        raise UploadFailed(
            f"{self._file.name} did not reach {self._url} within {self._patience_s:g} s: "
            f"{failure}; see that the AS is up, and publish again"
        )

    async def _offset(self, size: int, digest: str) -> int | None:
        """How much the AS has of a broken upload; 0 where it kept nothing, None if it has all."""
        async with self._http.head(self._url) as answer:
            if answer.headers.get("Repr-Digest") == digest:
                return None
            offset = int(answer.headers.get("Upload-Offset", "0"))
        return offset if offset <= size else 0

    async def _send_from(
        self, offset: int, size: int, digest: str, on_progress: OnProgress
    ) -> None:
        headers = {
            "Repr-Digest": digest,
            "Content-Length": str(size - offset),
            "Content-Type": mimetypes.guess_type(self._file.name)[0] or "application/octet-stream",
        }
        method = "PUT"
        if offset:
            method = "PATCH"
            headers |= {
                "Content-Type": "application/partial-upload",
                "Upload-Offset": str(offset),
                "Upload-Complete": "?1",
            }
        body = self._chunks(offset, size, on_progress)
        async with self._http.request(method, self._url, data=body, headers=headers) as answer:
            if answer.status >= HTTPStatus.BAD_REQUEST:
                raise UploadRefused(await _refusal(self._file.name, answer), answer.status)

    async def _chunks(
        self, offset: int, size: int, on_progress: OnProgress
    ) -> AsyncIterator[bytes]:
        with self._file.open("rb") as file:
            file.seek(offset)
            while chunk := file.read(_CHUNK):
                yield chunk
                offset += len(chunk)
                on_progress(UploadProgress(offset, size))


def _pauses(patience_s: float) -> Iterator[float]:
    """The pauses before further attempts, growing, together at most `patience_s`."""
    pause_s, waited_s = _FIRST_PAUSE_S, 0.0
    while waited_s + pause_s <= patience_s:
        yield pause_s
        waited_s += pause_s
        pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)


def _digest(file: Path) -> str:
    with file.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").digest()
    return f"sha-256=:{base64.b64encode(digest).decode()}:"


async def _refusal(name: str, answer: aiohttp.ClientResponse) -> str:
    detail = ""
    if answer.content_type.endswith("json"):
        problem = await answer.json(content_type=None)
        detail = str(problem.get("detail") or problem.get("title") or "")
    return f"the AS refused {name} with {answer.status}: {detail or answer.reason}"
