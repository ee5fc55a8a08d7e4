"""Tokens for M5: where they come from, when the next one is asked for, and where they go."""

import asyncio
import json
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from fivegms_client.authorization import (
    MARGIN_S,
    MAX_ANSWER_BYTES,
    AuthorisedFetcher,
    BearerToken,
    ClientCredentials,
    TokenAnswer,
    TokenKeeper,
    read_token,
    request_token,
)
from fivegms_client.errors import FetchInterrupted, NotAuthorised
from fivegms_client.http_fetcher import HttpFetcher
from fivegms_client.retry import RetryPolicy
from fivegms_client.transfer import Transfer

CREDENTIALS = ClientCredentials("http://as.example/token", "ue", "s3cret", "3gpp-m5")


def granted(token: str, **members: Any) -> TokenAnswer:
    usual = {"access_token": token, "token_type": "Bearer", "expires_in": 600}
    return TokenAnswer(200, json.dumps(usual | members).encode())


class Issuer:
    """Counts; gives a token of the number."""

    def __init__(self) -> None:
        self.number = 0

    async def __call__(self, credentials: ClientCredentials) -> TokenAnswer:
        self.number += 1
        return granted(f"t{self.number}")


async def test_a_token_is_kept_until_it_is_about_to_end() -> None:
    now, issuer = [0.0], Issuer()
    keeper = TokenKeeper(CREDENTIALS, issuer, lambda: now[0])
    fields = []
    for now[0] in (0.0, 600 - MARGIN_S - 1, 600 - MARGIN_S, 700.0):
        fields.append((await keeper.field())["Authorization"])
    assert fields == ["Bearer t1", "Bearer t1", "Bearer t2", "Bearer t2"]


async def test_a_token_of_the_app_s_own_is_used_as_it_is() -> None:
    keeper = TokenKeeper(BearerToken("mine"))
    assert await keeper.field() == {"Authorization": "Bearer mine"}
    assert not keeper.forget()


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (TokenAnswer(503, b""), FetchInterrupted),
        (TokenAnswer(429, b'{"error":"temporarily_unavailable"}'), FetchInterrupted),
        (TokenAnswer(401, b'{"error":"invalid_client"}'), NotAuthorised),
        (TokenAnswer(404, b"<html>"), NotAuthorised),
        (TokenAnswer(200, b"{}"), NotAuthorised),
        (granted(""), NotAuthorised),
        (granted("t", token_type="mac"), NotAuthorised),
        (granted("é"), NotAuthorised),
        (granted("t", expires_in=-1), NotAuthorised),
        (granted("t" * 40_000), NotAuthorised),
    ],
    ids=range(10),
)
def test_answers_without_a_token(answer: TokenAnswer, cause: type[Exception]) -> None:
    with pytest.raises(cause):
        read_token(answer)


def test_nothing_that_is_shown_has_a_secret() -> None:
    shown = repr(
        [CREDENTIALS, BearerToken("t0ken"), granted("t0ken"), read_token(granted("t0ken"))]
    )
    assert "s3cret" not in shown
    assert "t0ken" not in shown


class Af:
    """Takes one token at a time."""

    def __init__(self) -> None:
        self.taken = "t1"
        self.asked: list[str | None] = []
        self.forms: list[dict[str, str]] = []
        app = web.Application()
        app.router.add_get("/m5", self._m5)
        app.router.add_post("/token", self._token)
        self.server = TestServer(app)

    async def _m5(self, request: web.Request) -> web.Response:
        self.asked.append(request.headers.get("Authorization"))
        if self.asked[-1] != f"Bearer {self.taken}":
            raise web.HTTPUnauthorized
        return web.Response(text="entry points")

    async def _token(self, request: web.Request) -> web.Response:
        self.forms.append({name: str(value) for name, value in (await request.post()).items()})
        return web.Response(body=granted(f"t{len(self.forms)}").body)


@pytest.mark.requirement("R008a")
async def test_a_token_that_is_refused_is_replaced_once() -> None:
    af = Af()
    async with af.server, HttpFetcher() as fetcher:
        credentials = ClientCredentials(str(af.server.make_url("/token")), "ue", "s3cret")
        transfer = Transfer(AuthorisedFetcher(fetcher, TokenKeeper(credentials)), RetryPolicy())
        url = str(af.server.make_url("/m5"))
        for af.taken in ("t1", "t2"):
            assert (await transfer.document(url, limit_bytes=100)).body == b"entry points"
        assert af.asked == ["Bearer t1", "Bearer t1", "Bearer t2"]
        assert af.forms[0] == {
            "grant_type": "client_credentials",
            "client_id": "ue",
            "client_secret": "s3cret",
        }
        af.taken = "none"
        with pytest.raises(NotAuthorised, match="authorization"):
            await transfer.document(url, limit_bytes=100)


async def test_an_af_that_wants_a_token_says_so() -> None:
    af = Af()
    async with af.server, HttpFetcher() as fetcher:
        with pytest.raises(NotAuthorised, match="needs an access token"):
            await Transfer(fetcher).document(str(af.server.make_url("/m5")), limit_bytes=100)
    assert af.asked == [None]


async def test_no_authorisation_server(unused_tcp_port: int) -> None:
    with pytest.raises(FetchInterrupted, match="no token"):
        await request_token(ClientCredentials(f"http://127.0.0.1:{unused_tcp_port}/", "a", "b"))
    with pytest.raises(NotAuthorised, match="address"):
        await request_token(ClientCredentials("http://", "a", "b"))


async def test_an_answer_in_pieces_is_read_whole() -> None:
    async def issue(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        for piece in (granted("t" * 3000).body[:100], granted("t" * 3000).body[100:]):
            await answer.write(piece)
            await asyncio.sleep(0)
        return answer

    app = web.Application()
    app.router.add_post("/token", issue)
    async with TestServer(app) as server:
        answer = await request_token(ClientCredentials(str(server.make_url("/token")), "a", "b"))
    assert read_token(answer).access_token == "t" * 3000


async def test_of_an_answer_that_is_too_long_the_start_is_read() -> None:
    async def issue(_request: web.Request) -> web.Response:
        return web.Response(body=bytes(2 * MAX_ANSWER_BYTES))

    app = web.Application()
    app.router.add_post("/token", issue)
    async with TestServer(app) as server:
        answer = await request_token(ClientCredentials(str(server.make_url("/token")), "a", "b"))
    assert len(answer.body) == MAX_ANSWER_BYTES
