"""The AF's side of M3 against an AS that answers whatever a test says."""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from fivegms_af.certificate_authority import new_key
from fivegms_af.errors import ApplicationServerRefused, ApplicationServerUnavailable
from fivegms_af.m3_client import M3Client
from fivegms_api.ai_models import AiModel, AiModelList, AiModelState
from fivegms_api.m3 import ApplicationServerStatus, ReportedSession
from support.authority import Authority, private_pem


class FakeAs:
    """Answers every request alike and keeps what was asked."""

    def __init__(self) -> None:
        self.status = 204
        self.body = b""
        self.requests: list[tuple[str, str, str | None, bytes]] = []

    async def handle(self, request: web.Request) -> web.Response:
        kind = request.headers.get("Content-Type") if request.can_read_body else None
        seen = (request.method, request.path, kind, await request.read())
        self.requests.append(seen)
        return web.Response(status=self.status, body=self.body)


@pytest.fixture
async def fake() -> FakeAs:
    return FakeAs()


@pytest.fixture
async def client(fake: FakeAs) -> AsyncIterator[M3Client]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", fake.handle)
    async with TestServer(app) as server, aiohttp.ClientSession() as http:
        yield M3Client(str(server.make_url("")).rstrip("/"), http, timeout_s=30)


Verb = Callable[[M3Client], Awaitable[Any]]

VERBS: list[tuple[Verb, tuple[str, str, str | None, bytes]]] = [
    (lambda m3: m3.put_hosting("s", b"{}"),
     ("PUT", "/3gpp-m3/v1/content-hosting-configurations/s", "application/json", b"{}")),
    (lambda m3: m3.delete_hosting("s"),
     ("DELETE", "/3gpp-m3/v1/content-hosting-configurations/s", None, b"")),
    (lambda m3: m3.purge("s", "a+b/é"),
     ("POST", "/3gpp-m3/v1/content-hosting-configurations/s/purge",
      "application/x-www-form-urlencoded", b"pattern=a%2Bb%2F%C3%A9")),
    (lambda m3: m3.put_template("s", "t", "a/b; c=d", b"\xff"),
     ("PUT", "/fivegms-m3/v1/provisioning-sessions/s/content-preparation-templates/t",
      "a/b; c=d", b"\xff")),
    (lambda m3: m3.delete_template("s", "t"),
     ("DELETE", "/fivegms-m3/v1/provisioning-sessions/s/content-preparation-templates/t",
      None, b"")),
    (lambda m3: m3.put_certificate("s", "c", b"PEM"),
     ("PUT", "/3gpp-m3/v1/certificates/s:c", "application/x-pem-file", b"PEM")),
    (lambda m3: m3.delete_certificate("s", "c"),
     ("DELETE", "/3gpp-m3/v1/certificates/s:c", None, b"")),
    (lambda m3: m3.delete_session("s"),
     ("DELETE", "/fivegms-m3/v1/provisioning-sessions/s", None, b"")),
]  # fmt: skip


@pytest.mark.parametrize(("verb", "expected"), VERBS)
async def test_what_is_sent(
    client: M3Client, fake: FakeAs, verb: Verb, expected: tuple[str, str, str | None, bytes]
) -> None:
    await verb(client)
    assert fake.requests == [expected]


@pytest.mark.parametrize("verb", [verb for verb, _ in VERBS])
async def test_an_as_that_cannot_now(client: M3Client, fake: FakeAs, verb: Verb) -> None:
    fake.status = 503
    with pytest.raises(ApplicationServerUnavailable, match="503"):
        await verb(client)


@pytest.mark.parametrize("verb", [verb for verb, _ in VERBS])
async def test_an_as_that_refuses_gives_its_reason(
    client: M3Client, fake: FakeAs, verb: Verb
) -> None:
    fake.status, fake.body = 400, b"because\n\xff " * 1000
    with pytest.raises(ApplicationServerRefused, match="400: because"):
        await verb(client)


@pytest.mark.parametrize("status", [500, 507])
async def test_what_the_as_cannot_do_says_nothing_of_other_sessions(
    client: M3Client, fake: FakeAs, status: int
) -> None:
    fake.status = status
    with pytest.raises(ApplicationServerRefused, match=str(status)):
        await client.put_template("s", "t", "a/b", b"x")


async def test_an_as_that_is_not_there() -> None:
    async with aiohttp.ClientSession() as http:
        client = M3Client("http://127.0.0.1:1", http, 30, ssl.create_default_context())
        with pytest.raises(
            ApplicationServerUnavailable, match=r"does not answer: 127.*fail"
        ) as told:
            await client.status()
    assert "object at" not in str(told.value)


async def test_what_is_gone_already_is_deleted(client: M3Client, fake: FakeAs) -> None:
    fake.status = 404
    await client.delete_hosting("s")
    await client.delete_template("s", "t")
    await client.delete_certificate("s", "c")
    await client.delete_session("s")


async def test_nothing_is_sent_on_to_another_server() -> None:
    asked: list[str] = []

    async def elsewhere(request: web.Request) -> web.Response:
        asked.append(request.path)
        raise web.HTTPTemporaryRedirect("/other")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", elsewhere)
    async with TestServer(app) as server, aiohttp.ClientSession() as http:
        client = M3Client(str(server.make_url("")).rstrip("/"), http, timeout_s=30)
        with pytest.raises(ApplicationServerRefused, match="307"):
            await client.put_certificate("s", "c", b"PEM with a key")
    assert asked == ["/3gpp-m3/v1/certificates/s:c"]


async def test_an_as_is_vouched_for_by_the_ca_that_was_given(tmp_path: Path) -> None:
    authority, key = Authority.new(datetime.now(UTC)), new_key()
    chain = authority.issue(key.public_key(), ["localhost"], datetime.now(UTC))
    files = tmp_path / "chain.pem", tmp_path / "key.pem"
    files[0].write_bytes(chain)
    files[1].write_bytes(private_pem(key))
    serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    serving.load_cert_chain(*files)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", FakeAs().handle)
    server = TestServer(app, scheme="https")
    async with aiohttp.ClientSession() as http:
        await server.start_server(ssl=serving)
        url = f"https://localhost:{server.port}"
        trusting = ssl.create_default_context(cadata=authority.pem.decode())
        await M3Client(url, http, 30, trusting).delete_session("s")
        with pytest.raises(ApplicationServerUnavailable, match="certificate"):
            await M3Client(url, http, 30).delete_session("s")
        await server.close()


async def test_the_number_of_purged_objects(client: M3Client, fake: FakeAs) -> None:
    assert await client.purge("s", ".") == 0
    fake.status, fake.body = 200, b"12\n"
    assert await client.purge("s", ".") == 12
    fake.status, fake.body = 404, b""
    assert await client.purge("s", ".") == 0
    fake.status, fake.body = 200, b"a dozen"
    with pytest.raises(ApplicationServerUnavailable, match="purged"):
        await client.purge("s", ".")


async def test_status(client: M3Client, fake: FakeAs) -> None:
    reported = ApplicationServerStatus(
        server="x", provisioning_sessions=(ReportedSession(provisioning_session_id="s"),)
    )
    fake.status, fake.body = 200, reported.to_json()
    assert await client.status() == reported
    assert fake.requests[0][:2] == ("GET", "/fivegms-m3/v1/status")
    fake.body = b"<html>"
    with pytest.raises(ApplicationServerUnavailable, match="ApplicationServerStatus"):
        await client.status()


async def test_models(client: M3Client, fake: FakeAs) -> None:
    model = AiModel(
        provisioning_session_id="s",
        content_preparation_template_id="t",
        name="n",
        version=1,
        task="x",
        state=AiModelState.PREPARING,
        manifest="m.mpd",
    )
    fake.status, fake.body = 200, AiModelList(ai_models=(model,)).to_json()
    assert await client.models() == (model,)
    assert await client.models("s") == (model,)
    paths = [path for _, path, _, _ in fake.requests]
    assert paths == ["/fivegms-m3/v1/ai-models", "/fivegms-m3/v1/provisioning-sessions/s/ai-models"]
    fake.status = 404
    assert await client.models("s") == ()
    with pytest.raises(ApplicationServerRefused):
        await client.models()
