"""M2: content comes in by HTTP PUT, whole or in resumable parts (TS 26.512 8.2, DASH-IF ingest).

    PUT     /m2d/{session}/{path}    the whole content; what a broken connection brought is kept
    HEAD                             how far a broken upload got: Upload-Offset
    PATCH                            the rest: application/partial-upload at that Upload-Offset
    DELETE                           take it away again

Resumption is in the manner of draft-ietf-httpbis-resumable-upload, with the content's own URL in
the place of an upload resource. Bytes are hashed while they go to disk, both off the event loop;
a path changes only when the last byte is there and the announced `Repr-Digest` holds.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus

import structlog
from aiohttp import StreamReader, hdrs, web

from fivegms_api.media_type import is_media_type
from fivegms_as.digest_fields import read_repr_digest, write_repr_digest
from fivegms_as.errors import (
    DigestMismatch,
    EmptyUpload,
    NoPartialUpload,
    PreparedContent,
    PullIngestConfigured,
    UnknownContent,
    UnknownProvisioningSession,
    UploadFieldInvalid,
    UploadIncomplete,
    UploadInProgress,
    UploadInterrupted,
    UploadOffsetMismatch,
    UploadTooLarge,
    UploadTypeUnsupported,
    UploadWithdrawn,
)
from fivegms_as.media_types import media_type
from fivegms_as.names import content_path
from fivegms_as.sessions import Sessions
from fivegms_as.store import Addition, ContentStore, Draft, UploadTerms

INGEST_PATH = "/m2d/{session}/{path:.+}"
PARTIAL_UPLOAD = "application/partial-upload"
REPR_DIGEST = "Repr-Digest"
UPLOAD_OFFSET = "Upload-Offset"
UPLOAD_COMPLETE = "Upload-Complete"
_BLOCK_BYTES = 1024 * 1024
_MAX_OFFSET_DIGITS = 19

_log = structlog.get_logger("fivegms_as.ingest")


@dataclass(frozen=True, slots=True)
class _Target:
    session: str
    path: str


@dataclass(frozen=True, slots=True)
class _Transfer:
    """An upload under way: its connection, and when it has let go of the draft."""

    connection: asyncio.Transport | None
    ended: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True)
class IngestCounters:
    """What M2 took in since the server started: whole objects, and the bytes that they have."""

    objects: int = 0
    body_bytes: int = 0


class Ingest:
    """The M2 handlers. `on_change` is told the session whenever its content changed."""

    def __init__(
        self,
        store: ContentStore,
        sessions: Sessions,
        *,
        max_upload_bytes: int,
        clock: Callable[[], datetime],
        on_change: Callable[[str], None],
        counters: IngestCounters | None = None,
    ) -> None:
        self._store = store
        self._sessions = sessions
        self._max_bytes = max_upload_bytes
        self._clock = clock
        self._on_change = on_change
        self._counters = counters or IngestCounters()
        self._transfers: dict[_Target, _Transfer] = {}

    def routes(self) -> list[web.RouteDef]:
        """The table of M2."""
        return [
            web.put(INGEST_PATH, self.put),
            web.head(INGEST_PATH, self.head),
            web.patch(INGEST_PATH, self.patch),
            web.delete(INGEST_PATH, self.delete),
        ]

    async def put(self, request: web.Request) -> web.Response:
        """Take in the whole content: 201 when the path is new, 204 when it is replaced."""
        target = self._target(request)
        self._check_length(request, 0)
        terms = _terms(request, target.path)
        async with self._transfer(target, request):
            draft = await asyncio.to_thread(self._store.begin, target.session, target.path, terms)
            return await self._receive(request, target, draft, terms.sha256)

    async def patch(self, request: web.Request) -> web.Response:
        """Continue a broken upload; answers as PUT does when `Upload-Complete: ?1` came true."""
        target = self._target(request)
        if request.content_type != PARTIAL_UPLOAD:
            raise UploadTypeUnsupported(f"PATCH takes {PARTIAL_UPLOAD}")
        offset = _upload_offset(request)
        digest = _announced_digest(request)
        self._check_length(request, offset)
        await self._take_over(target)
        async with self._transfer(target, request):
            draft = await self._resume(target, offset)
            return await self._receive(request, target, draft, digest or draft.terms.sha256)

    async def head(self, request: web.Request) -> web.Response:
        """How far an upload got. Who asks takes over from a connection that still seems open."""
        target = self._target(request)
        await self._take_over(target)
        partial = await self._partial_bytes(target)
        if partial is not None:
            return _unfinished(partial)
        stored = self._store.find(target.session, target.path)
        if stored is None:
            raise UnknownContent(target.path)
        return _finished(HTTPStatus.NO_CONTENT, stored.sha256)

    async def delete(self, request: web.Request) -> web.Response:
        """Remove content and what is there of an upload to its path."""
        target = self._target(request)
        await self._take_over(target)
        async with self._transfer(target, request):
            stored = self._store.find(target.session, target.path)
            had_part = await asyncio.to_thread(self._store.abandon, target.session, target.path)
            if stored is not None:
                await self._publish(target, [], [target.path])
            elif not had_part:
                raise UnknownContent(target.path)
        return web.Response(status=HTTPStatus.NO_CONTENT)

    async def _partial_bytes(self, target: _Target) -> int | None:
        return await asyncio.to_thread(self._store.partial_bytes, target.session, target.path)

    async def _resume(self, target: _Target, offset: int) -> Draft:
        """The draft that ends at `offset`; what it holds is read only once that is known."""
        kept = await self._partial_bytes(target)
        if kept is not None and kept != offset:
            raise UploadOffsetMismatch(kept)
        draft = await asyncio.to_thread(self._store.resume, target.session, target.path)
        if draft is None:
            raise NoPartialUpload(f"no upload to {target.path} is waiting to be continued")
        return draft

    def _target(self, request: web.Request) -> _Target:
        session = self._sessions.get(request.match_info["session"])
        if session is None or session.hosting is None:
            raise UnknownProvisioningSession(request.match_info["session"])
        if session.hosting.pulled:
            raise PullIngestConfigured("the Content Hosting Configuration has pull ingest")
        path = content_path(request.match_info["path"])
        target = _Target(session.id, path)
        self._refuse_prepared(target)
        return target

    def _refuse_prepared(self, target: _Target) -> None:
        stored = self._store.find(target.session, target.path)
        if stored is not None and stored.prepared:
            raise PreparedContent(f"{target.path} is made by a Content Preparation Template")

    def _check_length(self, request: web.Request, offset: int) -> None:
        length = request.content_length
        if length == 0 and offset == 0:
            raise EmptyUpload("an upload needs at least one byte")
        if offset + (length or 0) > self._max_bytes:
            raise UploadTooLarge(self._max_bytes)

    @asynccontextmanager
    async def _transfer(self, target: _Target, request: web.Request) -> AsyncIterator[None]:
        """Hold the path against other uploads. Raises UploadInProgress."""
        if target in self._transfers:
            raise UploadInProgress(f"another upload to {target.path} is in progress")
        transfer = self._transfers[target] = _Transfer(request.transport)
        try:
            yield
        finally:
            del self._transfers[target]
            transfer.ended.set()

    async def _take_over(self, target: _Target) -> None:
        """Break an upload off: who resumes knows that its earlier connection is dead."""
        transfer = self._transfers.get(target)
        if transfer is None:
            return
        if transfer.connection is not None:
            transfer.connection.abort()
        await transfer.ended.wait()

    async def _receive(
        self, request: web.Request, target: _Target, draft: Draft, sha256: str | None
    ) -> web.Response:
        try:
            await self._fill(draft, request.content)
        except (ConnectionError, web.RequestPayloadError, asyncio.CancelledError) as error:
            await asyncio.to_thread(draft.suspend)
            _log.info("upload interrupted", path=target.path, kept_bytes=draft.size_bytes)
            if isinstance(error, asyncio.CancelledError):
                raise
            raise UploadInterrupted(f"{draft.size_bytes} bytes came and are kept") from error
        except BaseException:
            await asyncio.to_thread(draft.discard)
            raise
        if not _is_last_part(request):
            await asyncio.to_thread(draft.suspend)
            return _unfinished(draft.size_bytes)
        return await self._complete(target, draft, sha256)

    async def _fill(self, draft: Draft, content: StreamReader) -> None:
        block = bytearray()
        try:
            async for chunk in content.iter_any():
                if draft.size_bytes + len(block) + len(chunk) > self._max_bytes:
                    raise UploadTooLarge(self._max_bytes)
                block += chunk
                if len(block) >= _BLOCK_BYTES:
                    full, block = block, bytearray()
                    await asyncio.to_thread(draft.append, full)
        finally:
            if block:  # also when the connection broke: what came is kept
                await asyncio.to_thread(draft.append, block)

    async def _complete(self, target: _Target, draft: Draft, sha256: str | None) -> web.Response:
        try:
            found = _checked(draft, sha256)
            self._refuse_prepared(target)  # a preparation may have come first
        except BaseException:
            await asyncio.to_thread(draft.discard)
            raise
        is_new = self._store.find(target.session, target.path) is None
        addition = Addition(target.path, draft, draft.terms.content_type)
        try:
            await self._publish(target, [addition], [])
        except UnknownProvisioningSession:  # it was there when the upload began
            raise UploadWithdrawn from None
        self._counters.objects += 1
        self._counters.body_bytes += draft.size_bytes
        return _finished(HTTPStatus.CREATED if is_new else HTTPStatus.NO_CONTENT, found)

    async def _publish(
        self, target: _Target, additions: list[Addition], removals: list[str]
    ) -> None:
        await asyncio.to_thread(
            self._store.publish, target.session, additions, removals, self._clock()
        )
        self._on_change(target.session)


def _checked(draft: Draft, sha256: str | None) -> str:
    """The digest of a complete draft. Raises EmptyUpload, UploadIncomplete, DigestMismatch."""
    if not draft.size_bytes:
        raise EmptyUpload("an upload needs at least one byte")
    announced = draft.terms.total_bytes
    if announced is not None and draft.size_bytes != announced:
        raise UploadIncomplete(f"{draft.size_bytes} bytes came, {announced} were announced")
    found = draft.sha256
    if sha256 is not None and found != sha256:
        raise DigestMismatch(f"the bytes that came have the SHA-256 {found}, not {sha256}")
    return found


def _terms(request: web.Request, path: str) -> UploadTerms:
    if request.headers.get(hdrs.CONTENT_ENCODING, "identity").lower() != "identity":
        raise UploadTypeUnsupported("M2 takes no content coding")
    if hdrs.CONTENT_RANGE in request.headers:
        raise UploadFieldInvalid(hdrs.CONTENT_RANGE, "PUT takes the whole content (RFC 9110 14.5)")
    declared = request.headers.get(hdrs.CONTENT_TYPE)
    if declared is not None and not is_media_type(declared):
        raise UploadFieldInvalid(hdrs.CONTENT_TYPE, "is no media type")
    return UploadTerms(
        content_type=media_type(path, declared),
        total_bytes=request.content_length if _is_last_part(request) else None,
        sha256=_announced_digest(request),
    )


def _announced_digest(request: web.Request) -> str | None:
    field_value = request.headers.get(REPR_DIGEST)
    return None if field_value is None else read_repr_digest(field_value)


def _upload_offset(request: web.Request) -> int:
    text = request.headers.get(UPLOAD_OFFSET, "")
    if not (text.isascii() and text.isdigit() and len(text) <= _MAX_OFFSET_DIGITS):
        raise UploadFieldInvalid(UPLOAD_OFFSET, "PATCH needs the offset at which its bytes begin")
    return int(text)


def _is_last_part(request: web.Request) -> bool:
    match request.headers.get(UPLOAD_COMPLETE, "?1"):
        case "?1":
            return True
        case "?0":
            return False
    raise UploadFieldInvalid(UPLOAD_COMPLETE, "is ?1 or ?0")


def _unfinished(offset: int) -> web.Response:
    fields = {UPLOAD_OFFSET: str(offset), UPLOAD_COMPLETE: "?0", hdrs.CACHE_CONTROL: "no-store"}
    return web.Response(status=HTTPStatus.NO_CONTENT, headers=fields)


def _finished(status: HTTPStatus, sha256: str) -> web.Response:
    fields = {
        hdrs.ETAG: f'"{sha256}"',
        REPR_DIGEST: write_repr_digest(sha256),
        UPLOAD_COMPLETE: "?1",
        hdrs.CACHE_CONTROL: "no-store",
    }
    return web.Response(status=status, headers=fields)
