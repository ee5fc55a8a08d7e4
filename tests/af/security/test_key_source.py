"""When keys are fetched, and what holds while they cannot be."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from fivegms_af.security.errors import KeysUnavailable, TokenUntrusted
from fivegms_af.security.jwks import MAX_BYTES
from fivegms_af.security.key_source import (
    RENEW_FOR_UNKNOWN_S,
    RENEW_S,
    RETRY_S,
    USABLE_S,
    FetchedKeys,
    from_file,
    from_url,
)
from support.tokens import Key, jwks

OLD, NEW = Key.make("old"), Key.make("new")


class Published:
    """A JWK Set that can be down; counts how often it was asked for."""

    def __init__(self, body: bytes | Exception) -> None:
        self.body = body
        self.fetches = 0

    async def fetch(self) -> bytes:
        self.fetches += 1
        await asyncio.sleep(0)
        if isinstance(self.body, Exception):
            raise self.body
        return self.body


@pytest.fixture
def published() -> Published:
    return Published(jwks(OLD))


@pytest.fixture
def keys(published: Published) -> FetchedKeys:
    return FetchedKeys("somewhere", published.fetch)


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_keys_are_fetched_once(keys: FetchedKeys, published: Published) -> None:
    found = await asyncio.gather(*(keys.find("old", 0.0) for _ in range(10)))
    assert {key.algorithms for key in found} == {("ES256",)}
    await keys.find("old", RENEW_S - 1)
    assert published.fetches == 1


async def test_a_new_key_is_found_when_its_first_token_comes(
    keys: FetchedKeys, published: Published
) -> None:
    await keys.find("old", 0.0)
    published.body = jwks(OLD, NEW)
    with pytest.raises(TokenUntrusted):
        await keys.find("new", RENEW_FOR_UNKNOWN_S - 1)
    generation = keys.generation
    await keys.find("new", RENEW_FOR_UNKNOWN_S)
    assert keys.generation == generation + 1


async def test_unknown_keys_cost_one_fetch_a_minute(
    keys: FetchedKeys, published: Published
) -> None:
    await keys.find("old", 0.0)
    for second in range(180):
        with pytest.raises(TokenUntrusted):
            await keys.find(f"made-up-{second}", float(second))
    assert published.fetches == 1 + 2


async def test_a_withdrawn_key_is_let_go_within_ten_minutes(
    keys: FetchedKeys, published: Published
) -> None:
    await keys.find("old", 0.0)
    published.body = jwks(NEW)
    await keys.find("old", RENEW_S)  # asks in the background
    await settle()
    with pytest.raises(TokenUntrusted):
        await keys.find("old", RENEW_S + 1)


@pytest.mark.parametrize("fault", [OSError("down"), b"{}"])
async def test_what_is_known_holds_for_a_day_of_failures(
    keys: FetchedKeys, published: Published, fault: Exception | bytes
) -> None:
    await keys.find("old", 0.0)
    published.body = fault
    await keys.find("old", RENEW_S)
    await settle()
    await keys.find("old", USABLE_S)
    with pytest.raises(KeysUnavailable):
        await keys.find("old", USABLE_S + 1)


async def test_nothing_is_known_until_the_issuer_answers(
    keys: FetchedKeys, published: Published
) -> None:
    published.body = OSError("down")
    with pytest.raises(KeysUnavailable):
        await keys.find("old", 0.0)
    published.body = jwks(OLD)
    with pytest.raises(KeysUnavailable):
        await keys.find("old", RETRY_S - 1)
    await keys.find("old", RETRY_S)
    assert published.fetches == 2


async def test_closing_lets_go_of_a_fetch() -> None:
    async def never() -> bytes:
        await asyncio.Event().wait()
        raise AssertionError

    keys = FetchedKeys("somewhere", never)
    asking = asyncio.create_task(keys.find("old", 0.0))
    await settle()
    await keys.close()
    with pytest.raises(asyncio.CancelledError):
        await asking


async def test_a_file(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    fetch = from_file(file)
    with pytest.raises(OSError, match=r"keys\.json"):
        await fetch()
    file.write_bytes(b" " * (MAX_BYTES + 9))
    assert len(await fetch()) == MAX_BYTES + 1


def _redirect(_request: web.Request) -> web.Response:
    raise web.HTTPFound("/keys")


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (lambda _request: web.Response(status=503), "503"),
        (_redirect, "302"),
    ],
)
async def test_an_address_that_does_not_give_keys(
    answer: Callable[[web.Request], web.Response], cause: str
) -> None:
    async def handler(request: web.Request) -> web.Response:
        return answer(request)

    app = web.Application()
    app.router.add_get("/keys", handler)
    async with TestServer(app) as server, aiohttp.ClientSession() as http:
        with pytest.raises(OSError, match=cause):
            await from_url(str(server.make_url("/keys")), http)()


async def test_an_address(unused_tcp_port: int) -> None:
    async def handler(_request: web.Request) -> web.Response:
        return web.Response(body=b"x" * (MAX_BYTES + 70_000))

    app = web.Application()
    app.router.add_get("/keys", handler)
    async with TestServer(app) as server, aiohttp.ClientSession() as http:
        assert len(await from_url(str(server.make_url("/keys")), http)()) > MAX_BYTES
        with pytest.raises(OSError, match="onnect"):
            await from_url(f"http://127.0.0.1:{unused_tcp_port}/", http)()
