"""Access tokens for M5 (OAuth 2.0): one that the app has, or ones got with client credentials.

A token goes to the AF alone, never to an AS: `AuthorisedFetcher` stands in front of the Media
Session Handler's transport only.
"""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
from pydantic import BaseModel, Field, ValidationError

from fivegms_client.errors import FetchInterrupted, NotAuthorised
from fivegms_client.fetching import UNAUTHORISED, Answer, Fetcher

MARGIN_S = 30.0
"""How long before its end a token is not used any more."""

MAX_ANSWER_BYTES = 64 * 1024
_TIMEOUT = aiohttp.ClientTimeout(total=15.0)


@dataclass(frozen=True, slots=True)
class BearerToken:
    """A token that the app got somewhere."""

    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """What an authorisation server gives tokens for (RFC 6749 4.4); `scope` None: all there is."""

    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    scope: str | None = None


Authorization = BearerToken | ClientCredentials


@dataclass(frozen=True, slots=True)
class TokenAnswer:
    """What a token endpoint answered."""

    status: int
    body: bytes = field(repr=False)


Request = Callable[[ClientCredentials], Awaitable[TokenAnswer]]
"""Asks a token endpoint; raises FetchInterrupted where there is no answer."""


class _Granted(BaseModel):
    """RFC 6749 5.1."""

    access_token: str = Field(min_length=1, max_length=32 * 1024, repr=False)
    token_type: str
    expires_in: float = Field(default=0.0, ge=0, le=1e9)


class _Refused(BaseModel):
    """RFC 6749 5.2."""

    error: str = Field(max_length=100)


async def request_token(credentials: ClientCredentials) -> TokenAnswer:
    """Ask over HTTP, the secret in the form. Raises FetchInterrupted."""
    form = {
        "grant_type": "client_credentials",
        "client_id": credentials.client_id,
        "client_secret": credentials.client_secret,
    }
    if credentials.scope is not None:
        form["scope"] = credentials.scope
    try:
        async with (
            aiohttp.ClientSession(timeout=_TIMEOUT) as http,
            http.post(credentials.token_url, data=form, allow_redirects=False) as answer,
        ):
            return TokenAnswer(answer.status, await _bounded(answer.content))
    except aiohttp.InvalidURL as error:
        raise NotAuthorised(f"{credentials.token_url} is no address") from error
    except (aiohttp.ClientError, OSError) as error:  # TimeoutError too
        reason = str(error) or type(error).__name__
        raise FetchInterrupted(f"no token from {credentials.token_url}: {reason}") from error


async def _bounded(content: aiohttp.StreamReader) -> bytes:
    """The whole of an answer, however many pieces it comes in; the start of one too long."""
    body = bytearray()
    async for piece in content.iter_any():
        body += piece
        if len(body) > MAX_ANSWER_BYTES:
            break
    return bytes(body[:MAX_ANSWER_BYTES])


class TokenKeeper:
    """Has a token that holds; asks for the next one when the last is about to end."""

    def __init__(
        self,
        authorization: Authorization,
        request: Request = request_token,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._authorization = authorization
        self._request = request
        self._now = now
        self._token: str | None = None
        self._usable_until = 0.0

    async def field(self) -> dict[str, str]:
        """The Authorization header field. Raises NotAuthorised, FetchInterrupted."""
        return {"Authorization": f"Bearer {await self._current()}"}

    def forget(self) -> bool:
        """The AF does not take the token; whether another one can be had."""
        self._token = None
        return isinstance(self._authorization, ClientCredentials)

    async def _current(self) -> str:
        if isinstance(self._authorization, BearerToken):
            return self._authorization.token
        if self._token is None or self._now() >= self._usable_until:
            granted = read_token(await self._request(self._authorization))
            self._token = granted.access_token
            self._usable_until = self._now() + granted.expires_in - MARGIN_S
        return self._token


def read_token(answer: TokenAnswer) -> _Granted:
    """The token in an answer. Raises NotAuthorised, or FetchInterrupted where it may come later."""
    if answer.status >= 500 or answer.status == 429:
        raise FetchInterrupted(f"the authorisation server answered {answer.status}")
    try:
        if answer.status == 200:
            granted = _Granted.model_validate_json(answer.body)
            if granted.token_type.lower() == "bearer" and granted.access_token.isascii():
                return granted
            raise NotAuthorised("the authorisation server gave no bearer token")
        error = _Refused.model_validate_json(answer.body).error
    except ValidationError as fault:
        raise NotAuthorised(
            f"the authorisation server answered {answer.status} and nothing that says why"
        ) from fault
    raise NotAuthorised(f"the authorisation server refused: {error}")


class AuthorisedFetcher:
    """A transport whose requests bear a token; one that is not taken is replaced once."""

    def __init__(self, fetcher: Fetcher, keeper: TokenKeeper) -> None:
        self._fetcher = fetcher
        self._keeper = keeper

    @asynccontextmanager
    async def get(
        self, url: str, headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[Answer]:
        """See Fetcher; raises NotAuthorised too."""
        fields = {**(headers or {}), **await self._keeper.field()}
        async with self._fetcher.get(url, fields) as answer:
            if answer.status != UNAUTHORISED or not self._keeper.forget():
                yield answer
                return
        fields |= await self._keeper.field()
        async with self._fetcher.get(url, fields) as answer:
            yield answer


def authorised(fetcher: Fetcher, authorization: Authorization | None) -> Fetcher:
    """The transport to the AF, with tokens where the app has what they are given for."""
    return AuthorisedFetcher(fetcher, TokenKeeper(authorization)) if authorization else fetcher
