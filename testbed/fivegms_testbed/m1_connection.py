"""A connection to an AF's M1, whose failures are ours by cause.

It knows tokens and problem documents, and nothing of what is provisioned.
"""

import re
from collections.abc import Mapping
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import aiohttp

from fivegms_client.authorization import Authorization, TokenKeeper
from fivegms_client.errors import FetchInterrupted, NotAuthorised
from fivegms_testbed.errors import ProviderError

_TIMEOUT = aiohttp.ClientTimeout(total=None, connect=10, sock_read=60)


class NoAddress(ProviderError):
    """What should be the AF's M1 address is no http(s) URL."""


class AfUnreachable(ProviderError):
    """No HTTP answer came from the AF."""


class TokenUnavailable(ProviderError):
    """The authorisation server gives no token; the message says what it answered."""


class RequestRefused(ProviderError):
    """The AF answered with an error; `status` and the problem's own words say which."""

    def __init__(self, method: str, url: str, status: int, problem: Mapping[str, Any]) -> None:
        self.status = status
        self.problem = dict(problem)
        params = "".join(
            f"\n  {entry.get('param')}: {entry.get('reason')}"
            for entry in problem.get("invalidParams", ())
        )
        reason = problem.get("detail") or problem.get("title") or HTTPStatus(status).phrase
        super().__init__(f"{method} {url} was answered {status}: {reason}{params}")


class M1Connection:
    """M1 of one AF, while its context lasts. Raises NoAddress.

    `authorization` is what M1 is asked with, and nobody else.
    """

    def __init__(
        self,
        m1_url: str,
        *,
        trace_configs: list[aiohttp.TraceConfig] | None = None,
        authorization: Authorization | None = None,
    ) -> None:
        if not re.match(r"https?://[^/]", m1_url):
            raise NoAddress(f"{m1_url} is not an address; write http://HOST:PORT")
        self._base = m1_url.rstrip("/") + "/3gpp-m1/v2"
        self._trace_configs = trace_configs
        self._keeper = None if authorization is None else TokenKeeper(authorization)
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession(timeout=_TIMEOUT, trace_configs=self._trace_configs)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._http is not None:
            await self._http.close()

    @property
    def http(self) -> aiohttp.ClientSession:
        """What exchanges go over; those with other servers may, too."""
        if self._http is None:
            raise RuntimeError("use the connection as an async context manager")
        return self._http

    def exchange(self, method: str, path: str, **options: Any) -> "_Exchange":
        """One exchange; `path` is below M1's base path, `options` are those of aiohttp.

        Entering it raises AfUnreachable, TokenUnavailable, RequestRefused.
        """
        return _Exchange(self.http, method, self._base + path, options, self._keeper)

    async def call(self, method: str, path: str, **options: Any) -> Any:
        """The JSON that comes back; None where none does. Raises as `exchange`."""
        async with self.exchange(method, path, **options) as answer:
            return await answer.json() if answer.content_type == "application/json" else None


def session_path(session_id: str) -> str:
    """A provisioning session's path below M1's base path."""
    return f"/provisioning-sessions/{quote(session_id, safe='')}"


class _Exchange:
    """One HTTP exchange."""

    def __init__(
        self,
        http: aiohttp.ClientSession,
        method: str,
        url: str,
        options: dict[str, Any],
        keeper: TokenKeeper | None,
    ) -> None:
        self._http, self._method, self._url, self._options = http, method, url, options
        self._keeper = keeper

    async def __aenter__(self) -> aiohttp.ClientResponse:
        try:
            headers = self._options.pop("headers", {})
            if self._keeper is not None:
                headers = headers | await self._keeper.field()
            self._answer = await self._http.request(
                self._method, self._url, headers=headers, **self._options
            )
            if self._answer.status >= HTTPStatus.BAD_REQUEST:
                raise await self._refusal()
        except NotAuthorised as error:
            raise TokenUnavailable(str(error)) from error
        except (aiohttp.ClientError, TimeoutError, FetchInterrupted) as error:
            raise AfUnreachable(
                f"no answer from {self._url} ({error}); is `fivegms serve` running there?"
            ) from error
        return self._answer

    async def __aexit__(self, *_exception: object) -> None:
        self._answer.release()

    async def _refusal(self) -> RequestRefused:
        answer = self._answer
        problem: Any = {}
        if answer.content_type.endswith("json"):
            problem = await answer.json(content_type=None)
        answer.release()
        return RequestRefused(
            self._method, self._url, answer.status, problem if isinstance(problem, dict) else {}
        )
