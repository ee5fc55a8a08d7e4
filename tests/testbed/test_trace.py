"""Every HTTP call is in the trace, on both sides, and names its reference point."""

import aiohttp
import pytest
from aiohttp import web
from pytest_aiohttp import AiohttpServer
from yarl import URL

from fivegms_client.errors import FetchInterrupted
from fivegms_client.http_fetcher import HttpFetcher
from fivegms_testbed.trace import Trace, TracingFetcher, reference_point


async def _answer(_request: web.Request) -> web.Response:
    return web.Response(text="content")


def _app() -> web.Application:
    app = web.Application()
    app.router.add_get("/m4d/{tail:.*}", _answer)
    return app


@pytest.mark.parametrize(
    ("path", "point"),
    [
        ("/3gpp-m1/v2/provisioning-sessions", "M1"),
        ("/m2d/1/model.onnx", "M2"),
        ("/3gpp-m3/v1/content-hosting-configurations", "M3"),
        ("/fivegms-m3/v1/ai-models", "M3"),
        ("/m4d/provisioning-session-1/model.mpd", "M4"),
        ("/3gpp-m5/v2/service-access-information/1", "M5"),
        ("/fivegms-m5-ai/v1/models", "M5"),
        ("/elsewhere", "-"),
    ],
)
def test_a_path_names_its_reference_point(path: str, point: str) -> None:
    assert reference_point(URL("http://host") / path.lstrip("/")) == point


async def test_calls_of_an_aiohttp_session_are_recorded(aiohttp_server: AiohttpServer) -> None:
    server = await aiohttp_server(_app())
    trace = Trace()
    async with aiohttp.ClientSession(trace_configs=[trace.config()]) as http:
        for path in ("/m4d/model.mpd", "/missing"):
            async with http.get(server.make_url(path)):
                pass
    assert [(call.reference_point, call.status) for call in trace.calls] == [
        ("M4", 200),
        ("-", 404),
    ]
    assert all(call.duration_ms >= 0 for call in trace.calls)


async def test_calls_of_the_ue_are_recorded_with_their_bodies(
    aiohttp_server: AiohttpServer,
) -> None:
    server = await aiohttp_server(_app())
    trace = Trace()
    async with HttpFetcher() as inner:
        fetcher = TracingFetcher(inner, trace)
        async with fetcher.get(str(server.make_url("/m4d/model.mpd"))) as answer:
            assert b"".join([chunk async for chunk in answer.body]) == b"content"
    (call,) = trace.calls
    assert (call.method, call.reference_point, call.status) == ("GET", "M4", 200)


async def test_a_call_without_an_answer_has_status_zero(unused_tcp_port: int) -> None:
    trace = Trace()
    async with HttpFetcher() as inner:
        fetcher = TracingFetcher(inner, trace)
        with pytest.raises(FetchInterrupted):
            async with fetcher.get(f"http://127.0.0.1:{unused_tcp_port}/m4d/x"):
                pass
    assert [call.status for call in trace.calls] == [0]
