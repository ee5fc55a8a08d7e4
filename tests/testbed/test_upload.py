"""An upload over M2 survives broken connections and says when it cannot."""

import base64
import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from pytest_aiohttp import AiohttpServer

from fivegms_testbed.upload import Upload, UploadFailed, UploadProgress

CONTENT = bytes(range(256)) * 4096


class FlakyIngest:
    """Takes `takes[n]` bytes of the n-th request and breaks the connection; then takes all."""

    def __init__(self, *takes: int) -> None:
        self.takes = list(takes)
        self.received = bytearray()
        self.digests: set[str | None] = set()

    def app(self) -> web.Application:
        app = web.Application(client_max_size=2**30)
        app.router.add_route("*", "/m2d/1/model.onnx", self._handle)
        return app

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        if request.method == "HEAD":
            return web.Response(headers={"Upload-Offset": str(len(self.received))})
        self.digests.add(request.headers.get("Repr-Digest"))
        offset = int(request.headers.get("Upload-Offset", "0"))
        assert offset in (0, len(self.received))
        del self.received[offset:]
        take = self.takes.pop(0) if self.takes else None
        if take is None:
            self.received += await request.read()
            return web.Response(status=201)
        self.received += await request.content.readexactly(take) if take else b""
        assert request.transport is not None
        request.transport.abort()
        return web.Response()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "model.onnx"
    path.write_bytes(CONTENT)
    return path


async def _no_pause(_seconds: float) -> None: ...


async def _send(url: str, file: Path, seen: list[UploadProgress] | None = None) -> None:
    progress = [] if seen is None else seen
    async with aiohttp.ClientSession() as http:
        await Upload(http, url, file, sleep=_no_pause).send(progress.append)


@pytest.mark.parametrize("takes", [(), (0,), (100_000,), (300_000, 300_000, 0)])
async def test_every_byte_arrives_once(
    aiohttp_server: AiohttpServer, file: Path, takes: tuple[int, ...]
) -> None:
    ingest = FlakyIngest(*takes)
    server = await aiohttp_server(ingest.app())
    await _send(str(server.make_url("/m2d/1/model.onnx")), file)
    assert bytes(ingest.received) == CONTENT


async def test_the_digest_goes_along_and_progress_ends_at_the_total(
    aiohttp_server: AiohttpServer, file: Path
) -> None:
    ingest = FlakyIngest()
    server = await aiohttp_server(ingest.app())
    seen: list[UploadProgress] = []
    await _send(str(server.make_url("/m2d/1/model.onnx")), file, seen)
    digest = base64.b64encode(hashlib.sha256(CONTENT).digest()).decode()
    assert ingest.digests == {f"sha-256=:{digest}:"}
    assert seen[-1] == UploadProgress(len(CONTENT), len(CONTENT))


async def test_an_as_that_stays_away_is_said(file: Path, unused_tcp_port: int) -> None:
    with pytest.raises(UploadFailed, match="within 75 s"):
        await _send(f"http://127.0.0.1:{unused_tcp_port}/m2d/1/model.onnx", file)


@pytest.mark.parametrize("status", [404, 409, 503])
async def test_an_as_that_restarts_is_waited_for(
    aiohttp_server: AiohttpServer, file: Path, status: int
) -> None:
    """It knows the session again only when its AF has told it; before a break, 404 is final."""
    ingest = FlakyIngest(100_000)
    forgetful = 0

    @web.middleware
    async def restarting(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        nonlocal forgetful
        if ingest.received and forgetful < 5:
            forgetful += 1
            await request.read()
            return web.Response(status=status)
        return await handler(request)

    app = ingest.app()
    app.middlewares.append(restarting)
    server = await aiohttp_server(app)
    seen: list[UploadProgress] = []
    await _send(str(server.make_url("/m2d/1/model.onnx")), file, seen)
    assert bytes(ingest.received) == CONTENT
    assert any(str(status) in (progress.waiting_for or "") for progress in seen)
    assert seen[-1].waiting_for is None


async def test_a_refusal_is_not_tried_again(aiohttp_server: AiohttpServer, file: Path) -> None:
    async def refuse(request: web.Request) -> web.Response:
        await request.read()
        problem = {"title": "too large", "detail": "at most 1 byte"}
        return web.json_response(problem, status=413, content_type="application/problem+json")

    app = web.Application(client_max_size=2**30)
    app.router.add_put("/m2d/1/model.onnx", refuse)
    server = await aiohttp_server(app)
    with pytest.raises(UploadFailed, match="at most 1 byte"):
        await _send(str(server.make_url("/m2d/1/model.onnx")), file)
