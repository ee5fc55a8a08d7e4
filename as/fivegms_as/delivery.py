"""M4d: content goes out (TS 26.512 10, ISO/IEC 23009-1 Annex on HTTP).

    GET, HEAD   /m4d/provisioning-session-{session}/{path}
                /m4d/distribution-{index}/provisioning-session-{session}/{path}
    OPTIONS     the CORS preflight

A plain GET of a small object is the hot path: two look-ups, one response whose fields were made
beforehand. Large objects and single ranges leave by sendfile(2); several ranges are copied through
threads. What a distribution asks for beyond that is looked at only where it asks.
"""

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from http import HTTPStatus

from aiohttp import hdrs, web
from multidict import CIMultiDict

from fivegms_api.http_validators import http_date
from fivegms_as.conditions import CONDITIONS, not_modified, range_applies
from fivegms_as.digest_fields import write_repr_digest
from fivegms_as.distribution import Distribution
from fivegms_as.errors import UnknownContent
from fivegms_as.gate import Gate
from fivegms_as.namespace import StoredObject
from fivegms_as.problems import SERVER, refusal
from fivegms_as.pull import Pull, Pulled
from fivegms_as.ranges import ByteRange, MultipartRanges, read_range
from fivegms_as.sending import broken_off, copy_part, send_part
from fivegms_as.sessions import Sessions
from fivegms_as.small_objects import ReadyObject, SmallObjects
from fivegms_as.store import ContentStore

DELIVERY_PATH = "/m4d/provisioning-session-{session}/{path:.+}"
FURTHER_DELIVERY_PATH = (
    "/m4d/distribution-{index:[1-9][0-9]{0,3}}/provisioning-session-{session}/{path:.+}"
)
SMALL_OBJECT_BYTES = 256 * 1024
_SPECIAL = (hdrs.RANGE, *CONDITIONS)
_CROSS_ORIGIN = {
    hdrs.ACCESS_CONTROL_ALLOW_ORIGIN: "*",
    hdrs.ACCESS_CONTROL_EXPOSE_HEADERS: (
        "Accept-Ranges, Age, Content-Length, Content-Range, Date, ETag, Last-Modified, Repr-Digest"
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


@dataclass(slots=True)
class DeliveryCounters:
    """What M4d did since the server started; what failed or was broken off is not counted."""

    requests: int = 0
    body_bytes: int = 0
    memory_hits: int = 0
    memory_misses: int = 0


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a request means: the path that it has, and the content that this stands for."""

    session: str
    distribution: Distribution
    path: str
    content_path: str
    pulled: Pulled | None = None


class Delivery:
    """The M4d handlers."""

    def __init__(
        self,
        store: ContentStore,
        sessions: Sessions,
        gate: Gate,
        pull: Pull,
        *,
        memory_cache_bytes: int,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._sessions = sessions
        self._gate = gate
        self._pull = pull
        self._small = SmallObjects(memory_cache_bytes)
        self._clock = clock
        self.counters = DeliveryCounters()

    @property
    def memory_bytes(self) -> int:
        """Of the small objects that are in memory."""
        return self._small.size_bytes

    def routes(self) -> list[web.RouteDef]:
        """The table of M4d."""
        return [
            web.get(DELIVERY_PATH, self.get),
            web.get(FURTHER_DELIVERY_PATH, self.get),
            web.options(DELIVERY_PATH, self.options),
            web.options(FURTHER_DELIVERY_PATH, self.options),
        ]

    async def get(self, request: web.Request) -> web.StreamResponse:
        """Answer GET and HEAD."""
        variables = request.match_info
        session, path = variables["session"], variables["path"]
        distribution = self._distribution(session, int(variables.get("index", 0)), path)
        if distribution.plain:
            return await self._serve(request, _Asked(session, distribution, path, path))
        try:
            return await self._serve(request, await self._admitted(request, distribution))
        except UnknownContent as error:
            ruled = distribution.ruled_cache_control(path, HTTPStatus.NOT_FOUND)
            if ruled is None:
                raise
            return refusal(request, error, {hdrs.CACHE_CONTROL: ruled})

    async def options(self, _request: web.Request) -> web.Response:
        """Answer a preflight: every origin may read."""
        return web.Response(status=HTTPStatus.NO_CONTENT, headers=_PREFLIGHT)

    def _distribution(self, session_id: str, index: int, path: str) -> Distribution:
        session = self._sessions.get(session_id)
        if session is None or session.hosting is None:
            raise UnknownContent(path)
        distributions = session.hosting.distributions
        if index >= len(distributions):
            raise UnknownContent(path)
        return distributions[index]

    async def _admitted(self, request: web.Request, distribution: Distribution) -> _Asked:
        """What a request for a distribution with settings of its own means, once it may ask."""
        session, path = request.match_info["session"], request.match_info["path"]
        self._gate.admit(request, distribution, path)
        content_path = distribution.content_path(path)
        if distribution.origin is None:
            return _Asked(session, distribution, path, content_path)
        rules = partial(distribution.directives, path)
        pulled = await self._pull.fresh(session, distribution.origin, content_path, rules)
        return _Asked(session, distribution, path, content_path, pulled)

    async def _serve(self, request: web.Request, asked: _Asked) -> web.StreamResponse:
        stored = self._carried(asked)
        try:
            return await self._deliver(request, asked, stored)
        except UnknownContent:  # its bytes went since it was looked up: replaced, or evicted?
            if asked.pulled is not None:
                asked = await self._admitted(request, asked.distribution)
            current = self._carried(asked)
            if current is stored:
                raise
            return await self._deliver(request, asked, current)

    def _carried(self, asked: _Asked) -> StoredObject:
        stored = self._store.find(asked.session, asked.content_path)
        if stored is None or not asked.distribution.carries(stored):
            raise UnknownContent(asked.path)
        return stored

    async def _deliver(
        self, request: web.Request, asked: _Asked, stored: StoredObject
    ) -> web.StreamResponse:
        for name in _SPECIAL:
            if name in request.headers:
                return await self._special(request, asked, stored)
        if stored.size_bytes > SMALL_OBJECT_BYTES:
            return await self._send(request, asked, stored, None)
        ready = self._small.get(asked.distribution, asked.path, stored)
        if ready is None:
            self.counters.memory_misses += 1
            ready = await self._load(asked, stored)
        else:
            self.counters.memory_hits += 1
        self._count(request, stored.size_bytes)
        fields = ready.fields if asked.pulled is None else self._fields(asked, stored)
        return web.Response(body=ready.body, headers=fields)

    async def _load(self, asked: _Asked, stored: StoredObject) -> ReadyObject:
        body = await asyncio.to_thread(self._read, stored)
        fields = self._fields(asked, stored)
        fields[hdrs.CONTENT_LENGTH] = str(stored.size_bytes)
        ready = ReadyObject(stored, body, fields)
        self._small.put(asked.distribution, asked.path, ready)
        return ready

    def _read(self, stored: StoredObject) -> bytes:
        with self._store.open(stored) as file:
            return file.read()

    async def _special(
        self, request: web.Request, asked: _Asked, stored: StoredObject
    ) -> web.StreamResponse:
        """Conditions first, then ranges (RFC 9110 13.2.2)."""
        headers = request.headers
        if not_modified(headers, stored.etag, stored.modified):
            self._count(request, 0)
            fields = self._fields(asked, stored)
            del fields[hdrs.CONTENT_TYPE]  # RFC 9110 15.4.5
            return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=fields)
        ranges = None
        if (
            hdrs.RANGE in headers
            and request.method == hdrs.METH_GET
            and range_applies(headers, stored.etag, stored.modified)
        ):
            ranges = read_range(headers[hdrs.RANGE], stored.size_bytes)
        return await self._send(request, asked, stored, ranges)

    async def _send(
        self,
        request: web.Request,
        asked: _Asked,
        stored: StoredObject,
        ranges: tuple[ByteRange, ...] | None,
    ) -> web.StreamResponse:
        """Send an object or ranges of it from its file."""
        fields = self._fields(asked, stored)
        if ranges is not None and len(ranges) > 1:
            return await self._send_multipart(request, stored, ranges, fields)
        part = ranges[0] if ranges else ByteRange(0, stored.size_bytes - 1)
        response = web.StreamResponse(headers=fields)
        if ranges:
            response.set_status(HTTPStatus.PARTIAL_CONTENT)
            response.headers[hdrs.CONTENT_RANGE] = part.content_range(stored.size_bytes)
        response.content_length = part.size_bytes
        # Opening is one look-up in a warm directory cache: cheaper than a turn through a thread.
        with self._store.open(stored) as file, broken_off(request):
            await response.prepare(request)
            if request.method != hdrs.METH_HEAD:
                await send_part(request, file, part)
            await response.write_eof()
            self._count(request, part.size_bytes)
        return response

    async def _send_multipart(
        self,
        request: web.Request,
        stored: StoredObject,
        ranges: tuple[ByteRange, ...],
        fields: CIMultiDict[str],
    ) -> web.StreamResponse:
        body = MultipartRanges(
            ranges, stored.content_type, stored.size_bytes, secrets.token_hex(16)
        )
        response = web.StreamResponse(status=HTTPStatus.PARTIAL_CONTENT, headers=fields)
        response.headers[hdrs.CONTENT_TYPE] = body.content_type
        response.content_length = body.size_bytes
        with self._store.open(stored) as file, broken_off(request):
            await response.prepare(request)
            for header, part in body.parts():
                await response.write(header)
                await copy_part(response, file, part)
            await response.write_eof(body.trailer)
            self._count(request, body.size_bytes)
        return response

    def _fields(self, asked: _Asked, stored: StoredObject) -> CIMultiDict[str]:
        """What every answer with this object says of it."""
        fields = CIMultiDict(
            {
                hdrs.CONTENT_TYPE: stored.content_type,
                hdrs.ETAG: stored.etag,
                hdrs.LAST_MODIFIED: http_date(stored.modified),
                hdrs.CACHE_CONTROL: _cache_control(asked, stored),
                hdrs.ACCEPT_RANGES: "bytes",
                "Repr-Digest": write_repr_digest(stored.sha256),
                hdrs.SERVER: SERVER,
                **_CROSS_ORIGIN,
            }
        )
        if asked.pulled is not None:
            fields[hdrs.AGE] = str(asked.pulled.age_s(self._clock()))
        return fields

    def _count(self, request: web.Request, size_bytes: int) -> None:
        self.counters.requests += 1
        if request.method != hdrs.METH_HEAD:
            self.counters.body_bytes += size_bytes


def _cache_control(asked: _Asked, stored: StoredObject) -> str:
    """The provider's rule, or else the origin's own word, or else what the path says."""
    distribution = asked.distribution
    said = asked.pulled.cache_control if asked.pulled is not None else None
    if said is not None and not distribution.restricted:
        return distribution.ruled_cache_control(asked.path, HTTPStatus.OK) or said
    return distribution.cache_control(asked.path, stored)
