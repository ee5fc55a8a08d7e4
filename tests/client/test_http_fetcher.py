"""The transport over real sockets, and the whole client over it."""

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import numpy as np
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from fivegms_client.clock import Clock
from fivegms_client.device import measure_device
from fivegms_client.entry import ManifestUrl
from fivegms_client.errors import (
    AccessRefused,
    BadAnswer,
    FetchInterrupted,
    SegmentCorrupt,
    SegmentMissing,
    ServerUnreachable,
)
from fivegms_client.http_fetcher import HttpFetcher
from fivegms_client.model_access import ModelAccess
from fivegms_client.options import AccessOptions
from fivegms_client.retry import RetryPolicy
from support.onnx_graphs import perceptron
from support.published_model import publish

Spoiler = Callable[[web.Request, bytes], Awaitable[web.StreamResponse]]

MODEL = perceptron(hidden=256)
PUBLISHED = publish(MODEL)
FP32 = PUBLISHED.variant("fp32")
LARGEST = max(FP32.segments, key=lambda part: part.size_bytes)


class Delivery:
    """An AS that answers ranges, and spoils requests to order."""

    def __init__(self) -> None:
        self.files = dict(PUBLISHED.files)
        self.spoilers: defaultdict[str, deque[Spoiler]] = defaultdict(deque)
        self.ranges: list[str] = []
        app = web.Application()
        app.router.add_get("/{path:.+}", self._answer)
        self.server = TestServer(app)

    def url(self, path: str) -> str:
        return str(self.server.make_url("/" + path))

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        path = request.match_info["path"]
        if path not in self.files:
            raise web.HTTPNotFound
        data = self.files[path]
        if self.spoilers[path]:
            return await self.spoilers[path].popleft()(request, data)
        return self._ranged(request, data)

    def _ranged(self, request: web.Request, data: bytes) -> web.Response:
        first = request.http_range.start or 0
        if not first:
            return web.Response(body=data)
        self.ranges.append(request.headers["Range"])
        content_range = f"bytes {first}-{len(data) - 1}/{len(data)}"
        return web.Response(status=206, body=data[first:], headers={"Content-Range": content_range})


async def cut_in_the_middle(request: web.Request, data: bytes) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": str(len(data))})
    await response.prepare(request)
    await response.write(data[: len(data) // 2])
    assert request.transport is not None
    request.transport.close()
    return response


async def busy(request: web.Request, data: bytes) -> web.StreamResponse:
    return web.Response(status=503, headers={"Retry-After": "1"})


async def wrong_digest(request: web.Request, data: bytes) -> web.StreamResponse:
    return web.Response(body=bytes(len(data)))


async def wrong_length(request: web.Request, data: bytes) -> web.StreamResponse:
    return web.Response(body=data + b"\0")


async def compressed(request: web.Request, data: bytes) -> web.StreamResponse:
    return web.Response(body=data, headers={"Content-Encoding": "gzip"})


async def silent(request: web.Request, data: bytes) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": str(len(data))})
    await response.prepare(request)
    await response.write(data[:10])
    await asyncio.Event().wait()
    return response


@pytest.fixture
async def delivery() -> AsyncIterator[Delivery]:
    one = Delivery()
    await one.server.start_server()
    yield one
    await one.server.close()


@asynccontextmanager
async def ue(
    sleep: Callable[[float], Awaitable[None]] | None = None, **policy: float
) -> AsyncIterator[ModelAccess]:
    async def at_once(duration_s: float) -> None:
        await asyncio.sleep(0)

    options = AccessOptions(device=measure_device(), retry=RetryPolicy(**policy))  # type: ignore[arg-type]
    clock = Clock(sleep=sleep or at_once)
    async with HttpFetcher(silence_timeout_s=0.2) as fetcher:
        yield ModelAccess(fetcher, options, clock=clock)


@pytest.mark.requirement("R088")
async def test_a_model_comes_over_http(delivery: Delivery) -> None:
    async with ue() as access:
        model = await access.open(ManifestUrl(delivery.url("model.mpd")))
    x = np.ones((1, 16), np.float32)
    assert model.infer({"x": x})["y"].shape == (1, 4)
    assert model.bytes_fetched == FP32.size_bytes
    assert model.timings.first_byte_ms is not None


async def test_a_connection_cut_in_the_middle_resumes_with_a_range(delivery: Delivery) -> None:
    delivery.spoilers[LARGEST.url].append(cut_in_the_middle)
    async with ue() as access:
        model = await access.open(ManifestUrl(delivery.url("model.mpd")))
    half = LARGEST.size_bytes // 2
    assert delivery.ranges == [f"bytes={half}-{LARGEST.size_bytes - 1}"]
    assert model.bytes_fetched == FP32.size_bytes


@pytest.mark.parametrize("spoiler", [busy, silent, wrong_digest, wrong_length])
async def test_a_passing_fault_is_survived(delivery: Delivery, spoiler: Spoiler) -> None:
    delivery.spoilers["model.mpd"].append(busy)
    delivery.spoilers[LARGEST.url].append(spoiler)
    async with ue() as access:
        await access.open(ManifestUrl(delivery.url("model.mpd")))


@pytest.mark.parametrize("spoiler", [wrong_digest, wrong_length])
async def test_a_lasting_fault_is_named(delivery: Delivery, spoiler: Spoiler) -> None:
    delivery.spoilers[LARGEST.url].extend([spoiler] * 3)
    async with ue() as access:
        with pytest.raises(SegmentCorrupt, match=LARGEST.url):
            await access.open(ManifestUrl(delivery.url("model.mpd")))


async def test_a_missing_segment_is_named(delivery: Delivery) -> None:
    del delivery.files[LARGEST.url]
    async with ue() as access:
        with pytest.raises(SegmentMissing, match=LARGEST.url):
            await access.open(ManifestUrl(delivery.url("model.mpd")))


async def test_a_recoded_answer_is_refused(delivery: Delivery) -> None:
    delivery.spoilers["model.mpd"].append(compressed)
    async with ue() as access:
        with pytest.raises(BadAnswer, match="came as gzip"):
            await access.open(ManifestUrl(delivery.url("model.mpd")))


async def test_a_silent_server_counts_as_broken(delivery: Delivery) -> None:
    delivery.spoilers["model.mpd"].append(silent)
    url = delivery.url("model.mpd")
    async with HttpFetcher(silence_timeout_s=0.05) as fetcher, fetcher.get(url) as answer:
        with pytest.raises(FetchInterrupted):
            [chunk async for chunk in answer.body]


async def test_the_address_after_a_redirect_is_the_base_of_segments(delivery: Delivery) -> None:
    async def moved(request: web.Request, data: bytes) -> web.StreamResponse:
        raise web.HTTPFound("/deep/folder/model.mpd")

    delivery.files |= {f"deep/folder/{name}": data for name, data in PUBLISHED.files.items()}
    delivery.spoilers["model.mpd"].append(moved)
    for part in FP32.parts():
        del delivery.files[part.url]
    async with ue() as access:
        await access.open(ManifestUrl(delivery.url("model.mpd")))


async def test_redirects_without_end_are_refused(delivery: Delivery) -> None:
    async def around(request: web.Request, data: bytes) -> web.StreamResponse:
        raise web.HTTPFound("/model.mpd")

    delivery.spoilers["model.mpd"].extend([around] * 20)
    async with ue() as access:
        with pytest.raises(AccessRefused, match="cannot be fetched"):
            await access.open(ManifestUrl(delivery.url("model.mpd")))


async def test_an_impossible_address_is_refused_at_once() -> None:
    async with ue() as access:
        with pytest.raises(AccessRefused, match="cannot be fetched"):
            await access.open(ManifestUrl("http://[nonsense/model.mpd"))


async def test_nobody_there_is_named_after_the_bound(unused_tcp_port: int) -> None:
    url = f"http://127.0.0.1:{unused_tcp_port}/model.mpd"
    async with ue(give_up_after_s=0.01) as access:
        with pytest.raises(ServerUnreachable, match=f"{url} .*Connection refused"):
            await access.open(ManifestUrl(url))


async def test_an_as_that_starts_late_is_waited_for(unused_tcp_port: int) -> None:
    delivery, port = Delivery(), unused_tcp_port
    delivery.server = TestServer(delivery.server.app, port=port)
    waits = 0

    async def start_at_the_third_wait(duration_s: float) -> None:
        nonlocal waits
        waits += 1
        if waits == 3:
            await delivery.server.start_server()

    async with ue(start_at_the_third_wait) as access:
        await access.open(ManifestUrl(f"http://127.0.0.1:{port}/model.mpd"))
    await delivery.server.close()
    assert waits == 3


async def test_a_closed_fetcher_is_a_programming_error() -> None:
    with pytest.raises(RuntimeError, match="context manager"):
        async with HttpFetcher().get("http://127.0.0.1/"):
            pass
