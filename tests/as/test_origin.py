"""What an origin may be: nothing that only this machine could reach, nothing without an end."""

import asyncio
import socket

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from fivegms_as.admission import read_address
from fivegms_as.errors import OriginRefused, OriginTimedOut, OriginUnavailable
from fivegms_as.origin import MAX_REDIRECTS, Origins, is_public


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1::1", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1", False),
        ("fc00::1", False),
        ("ff0e::1", False),
        ("::ffff:127.0.0.1", False),
        ("2002:7f00:1::", False),
        ("2001:0:53aa:64c::80ff:fffe", False),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b::5db8:d822", True),
    ],
)
def test_which_addresses_are_everybodys(address, public):
    assert is_public(read_address(address)) is public


@pytest.fixture
async def server():
    app = web.Application()
    app.router.add_get("/slow", slow)
    app.router.add_get("/gzip", gzip)
    app.router.add_get("/cut", cut)
    app.router.add_get("/to/{target:.*}", redirect)
    app.router.add_get("/{path:.*}", answer)
    async with TestServer(app) as server:
        yield server


async def answer(request):
    return web.Response(text=request.path)


async def slow(_request):
    await asyncio.Event().wait()


async def gzip(_request):
    return web.Response(body=b"x", headers={"Content-Encoding": "gzip"})


async def cut(request):
    response = web.StreamResponse(headers={"Content-Length": "10"})
    await response.prepare(request)
    await response.write(b"half")
    request.transport.close()
    return response


async def redirect(request):
    return web.Response(status=302, headers={"Location": request.match_info["target"]})


async def read(url, *, allow_private=True, timeout_s=5.0, max_bytes=1000):
    async with (
        Origins(allow_private=allow_private, timeout_s=timeout_s) as origins,
        origins.get(url, None) as answer,
    ):
        return b"".join([block async for block in answer.blocks(max_bytes)])


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "127.1", "2130706433", "[::1]", "[::ffff:127.0.0.1]"]
)
async def test_an_origin_on_this_machine_is_refused_however_it_is_spelled(server, host):
    with pytest.raises(OriginRefused, match=r"no public address|no URL"):
        await read(f"http://{host}:{server.port}/secret", allow_private=False)


async def test_an_origin_on_this_machine_is_good_in_a_lab(server):
    assert await read(str(server.make_url("/a"))) == b"/a"


async def test_a_redirect_within_the_origin_is_followed(server):
    assert await read(str(server.make_url("/to//to//b"))) == b"/b"


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("http://other.example/", "to another one"),
        ("//other.example/", "to another one"),
        ("https://127.0.0.1/", "to another one"),
        ("ftp://127.0.0.1/", "to another one"),
        ("/to/" * (MAX_REDIRECTS + 1), "more than"),
        ("http://[", "no URL"),
    ],
)
async def test_a_redirect_elsewhere_is_refused(server, target, reason):
    url = f"http://127.0.0.1:{server.port}/to/{target}"
    with pytest.raises(OriginRefused, match=reason):
        await read(url)


async def test_a_body_has_a_limit(server):
    with pytest.raises(OriginRefused, match="more than 3 bytes"):
        await read(str(server.make_url("/abc")), max_bytes=3)


async def test_a_coding_that_was_not_asked_for_is_refused(server):
    with pytest.raises(OriginRefused, match="content coding"):
        await read(str(server.make_url("/gzip")))


async def test_a_fetch_has_an_end(server):
    with pytest.raises(OriginTimedOut):
        await read(str(server.make_url("/slow")), timeout_s=0.05)


async def test_half_an_answer_is_none(server):
    with pytest.raises(OriginUnavailable):
        await read(str(server.make_url("/cut")))


async def test_an_origin_that_is_not_there_is_unavailable():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/"
        with pytest.raises(OriginUnavailable):
            await read(url)
    with pytest.raises(OriginUnavailable):
        await read("http://no-such-host.invalid/")
