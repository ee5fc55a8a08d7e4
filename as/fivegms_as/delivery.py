"""M4d: content goes out (TS 26.512 10, ISO/IEC 23009-1 Annex on HTTP).

    GET, HEAD   /m4d/provisioning-session-{session}/{path}
    OPTIONS     the CORS preflight

A plain GET of a small object is the hot path: two look-ups, one response whose fields were made
beforehand. Large objects and single ranges leave by sendfile(2); several ranges are copied through
threads. What is distributed is what the session's templates prepared, and what was ingested where a
distribution has no template.
"""

import asyncio
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import BinaryIO

import structlog
from aiohttp import hdrs, web
from multidict import CIMultiDict

from fivegms_api.http_validators import http_date
from fivegms_as.conditions import CONDITIONS, not_modified, range_applies
from fivegms_as.digest_fields import write_repr_digest
from fivegms_as.errors import UnknownContent
from fivegms_as.media_types import cache_control
from fivegms_as.namespace import StoredObject
from fivegms_as.problems import SERVER
from fivegms_as.ranges import ByteRange, MultipartRanges, read_range
from fivegms_as.sessions import Sessions
from fivegms_as.small_objects import ReadyObject, SmallObjects
from fivegms_as.store import ContentStore

DELIVERY_PATH = "/m4d/provisioning-session-{session}/{path:.+}"
SMALL_OBJECT_BYTES = 256 * 1024
_COPY_BYTES = 256 * 1024
# By turns, as nginx does: else one reader fills the kernel's buffers while others wait.
_SENDFILE_BYTES = 2 * 1024 * 1024
_SPECIAL = (hdrs.RANGE, *CONDITIONS)
_CROSS_ORIGIN = {
    hdrs.ACCESS_CONTROL_ALLOW_ORIGIN: "*",
    hdrs.ACCESS_CONTROL_EXPOSE_HEADERS: (
        "Accept-Ranges, Content-Length, Content-Range, Date, ETag, Last-Modified, Repr-Digest"
    ),
    "Cross-Origin-Resource-Policy": "cross-origin",
}
_PREFLIGHT = {
    **_CROSS_ORIGIN,
    hdrs.ALLOW: "GET, HEAD, OPTIONS",
    hdrs.ACCESS_CONTROL_ALLOW_METHODS: "GET, HEAD, OPTIONS",
    hdrs.ACCESS_CONTROL_ALLOW_HEADERS: "Range, If-Range, If-None-Match, If-Modified-Since",
    hdrs.ACCESS_CONTROL_MAX_AGE: "86400",
}

_log = structlog.get_logger("fivegms_as.delivery")


@dataclass(slots=True)
class DeliveryCounters:
    """What M4d did since the server started; what failed or was broken off is not counted."""

    requests: int = 0
    body_bytes: int = 0


class Delivery:
    """The M4d handlers."""

    def __init__(self, store: ContentStore, sessions: Sessions, *, memory_cache_bytes: int) -> None:
        self._store = store
        self._sessions = sessions
        self._small = SmallObjects(memory_cache_bytes)
        self.counters = DeliveryCounters()

    def routes(self) -> list[web.RouteDef]:
        """The table of M4d."""
        return [
            web.get(DELIVERY_PATH, self.get),
            web.options(DELIVERY_PATH, self.options),
        ]

    async def get(self, request: web.Request) -> web.StreamResponse:
        """Answer GET and HEAD."""
        session, path = request.match_info["session"], request.match_info["path"]
        stored = self._distributed(session, path)
        try:
            return await self._deliver(request, session, stored)
        except UnknownContent:  # its bytes went: was it replaced since it was looked up?
            current = self._distributed(session, path)
            if current is stored:
                raise
            return await self._deliver(request, session, current)

    async def _deliver(
        self, request: web.Request, session: str, stored: StoredObject
    ) -> web.StreamResponse:
        for name in _SPECIAL:
            if name in request.headers:
                return await self._special(request, session, stored)
        if stored.size_bytes > SMALL_OBJECT_BYTES:
            return await self._send(request, stored, None)
        ready = self._small.get(session, stored) or await self._load(session, stored)
        self._count(request, stored.size_bytes)
        return web.Response(body=ready.body, headers=ready.fields)

    async def options(self, _request: web.Request) -> web.Response:
        """Answer a preflight: every origin may read."""
        return web.Response(status=HTTPStatus.NO_CONTENT, headers=_PREFLIGHT)

    def _distributed(self, session_id: str, path: str) -> StoredObject:
        stored = self._store.find(session_id, path)
        session = self._sessions.get(session_id)
        if stored is None or session is None or session.hosting is None:
            raise UnknownContent(path)
        if not (stored.prepared or session.hosting.distributes_ingested):
            raise UnknownContent(path)
        return stored

    async def _load(self, session: str, stored: StoredObject) -> ReadyObject:
        body = await asyncio.to_thread(self._read, stored)
        fields = _fields(stored)
        fields[hdrs.CONTENT_LENGTH] = str(stored.size_bytes)
        ready = ReadyObject(stored, body, fields)
        self._small.put(session, ready)
        return ready

    def _read(self, stored: StoredObject) -> bytes:
        with self._store.open(stored) as file:
            return file.read()

    async def _special(
        self, request: web.Request, session: str, stored: StoredObject
    ) -> web.StreamResponse:
        """Conditions first, then ranges (RFC 9110 13.2.2)."""
        headers = request.headers
        if not_modified(headers, stored.etag, stored.modified):
            self._count(request, 0)
            return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=_unbodied(stored))
        ranges = None
        if (
            hdrs.RANGE in headers
            and request.method == hdrs.METH_GET
            and range_applies(headers, stored.etag, stored.modified)
        ):
            ranges = read_range(headers[hdrs.RANGE], stored.size_bytes)
        return await self._send(request, stored, ranges)

    async def _send(
        self, request: web.Request, stored: StoredObject, ranges: tuple[ByteRange, ...] | None
    ) -> web.StreamResponse:
        """Send an object or ranges of it from its file."""
        if ranges is not None and len(ranges) > 1:
            return await self._send_multipart(request, stored, ranges)
        part = ranges[0] if ranges else ByteRange(0, stored.size_bytes - 1)
        response = web.StreamResponse(headers=_fields(stored))
        if ranges:
            response.set_status(HTTPStatus.PARTIAL_CONTENT)
            response.headers[hdrs.CONTENT_RANGE] = part.content_range(stored.size_bytes)
        response.content_length = part.size_bytes
        # Opening is one look-up in a warm directory cache: cheaper than a turn through a thread.
        with self._store.open(stored) as file, _broken_off(request):
            await response.prepare(request)
            if request.method != hdrs.METH_HEAD:
                await _send_part(request, file, part)
            await response.write_eof()
            self._count(request, part.size_bytes)
        return response

    async def _send_multipart(
        self, request: web.Request, stored: StoredObject, ranges: tuple[ByteRange, ...]
    ) -> web.StreamResponse:
        body = MultipartRanges(
            ranges, stored.content_type, stored.size_bytes, secrets.token_hex(16)
        )
        response = web.StreamResponse(status=HTTPStatus.PARTIAL_CONTENT, headers=_fields(stored))
        response.headers[hdrs.CONTENT_TYPE] = body.content_type
        response.content_length = body.size_bytes
        with self._store.open(stored) as file, _broken_off(request):
            await response.prepare(request)
            for header, part in body.parts():
                await response.write(header)
                await _copy_part(response, file, part)
            await response.write_eof(body.trailer)
            self._count(request, body.size_bytes)
        return response

    def _count(self, request: web.Request, size_bytes: int) -> None:
        self.counters.requests += 1
        if request.method != hdrs.METH_HEAD:
            self.counters.body_bytes += size_bytes


@contextmanager
def _broken_off(request: web.Request) -> Iterator[None]:
    """End the connection when a body that has begun cannot go on: there is no other answer."""
    try:
        yield
    except OSError as error:
        if not isinstance(error, ConnectionError):
            _log.exception("content cannot be read", path=request.path)
        if request.transport is not None:
            request.transport.abort()


async def _send_part(request: web.Request, file: BinaryIO, part: ByteRange) -> None:
    """Hand a part of a file to the kernel (asyncio copies a stream that is no file)."""
    loop = asyncio.get_running_loop()
    for first in range(part.first, part.last + 1, _SENDFILE_BYTES):
        transport = request.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the client went away")
        size_bytes = min(_SENDFILE_BYTES, part.last + 1 - first)
        if await loop.sendfile(transport, file, first, size_bytes) != size_bytes:
            raise OSError("the file ends early")


async def _copy_part(response: web.StreamResponse, file: BinaryIO, part: ByteRange) -> None:
    file.seek(part.first)
    rest = part.size_bytes
    while rest:
        block = await asyncio.to_thread(file.read, min(rest, _COPY_BYTES))
        if not block:
            raise OSError("the file ends early")
        await response.write(block)
        rest -= len(block)


def _unbodied(stored: StoredObject) -> CIMultiDict[str]:
    """The fields of a 304 (RFC 9110 15.4.5)."""
    fields = _fields(stored)
    del fields[hdrs.CONTENT_TYPE]
    return fields


def _fields(stored: StoredObject) -> CIMultiDict[str]:
    """What every answer with this object says of it."""
    return CIMultiDict(
        {
            hdrs.CONTENT_TYPE: stored.content_type,
            hdrs.ETAG: stored.etag,
            hdrs.LAST_MODIFIED: http_date(stored.modified),
            hdrs.CACHE_CONTROL: cache_control(stored.path, stored.sha256),
            hdrs.ACCEPT_RANGES: "bytes",
            "Repr-Digest": write_repr_digest(stored.sha256),
            hdrs.SERVER: SERVER,
            **_CROSS_ORIGIN,
        }
    )
