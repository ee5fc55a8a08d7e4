"""In front of every handler: no token, no entry; and what is somebody else's is not there.

What a route asks for follows from the `Api` of its row in the tables. A route that is in no table
and not listed as public here is for operators, so that none can be left open by mistake.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from aiohttp import hdrs, web
from aiohttp.typedefs import Middleware

from fivegms_af.context import CONTEXT
from fivegms_af.errors import SessionUnknown
from fivegms_af.exchange import path_variable
from fivegms_af.openapi import documented_path
from fivegms_af.problems import RETRY_AFTER_S, problem_details
from fivegms_af.routes import M1_BASE_PATH, Handler, Route
from fivegms_af.security import scopes
from fivegms_af.security.caller import CALLER, Caller
from fivegms_af.security.errors import (
    AccessDenied,
    KeysUnavailable,
    NotAuthenticated,
    ProviderNotNamed,
    ScopeInsufficient,
    TokenMissing,
)
from fivegms_af.security.verifier import TokenVerifier
from fivegms_api.problem_details import PROBLEM_MEDIA_TYPE

PUBLIC_PATHS = frozenset(
    {"/", "/healthz", "/readyz", "/openapi.json", "/oauth2/token", "/oauth2/jwks"}
)
PUBLIC_FOLDERS = ("/console",)
"""Pages without data: whoever uses them signs in."""

REALM = 'Bearer realm="5GMSAF"'

_SESSION = "provisioningSessionId"
_PROFILE = "dataAccessProfileId"


class Gate:
    """What the routes of one listener ask of a token."""

    def __init__(
        self, verifier: TokenVerifier, routes: Iterable[Route], now: Callable[[], datetime]
    ) -> None:
        self._verifier = verifier
        self._now = now
        self._needs: dict[tuple[str, str], _Need] = {}
        for route in routes:
            path, need = documented_path(route), _Need.of(route)
            self._needs[path, route.method] = need
            if route.method == hdrs.METH_GET:
                self._needs[path, hdrs.METH_HEAD] = need

    async def admit(self, request: web.Request) -> Caller:
        """Who asks, once it is sure that they may. Raises AccessDenied, SessionUnknown."""
        caller = await self._verifier.verify(_bearer_token(request), self._now().timestamp())
        need = self._needs.get((_path(request), request.method))
        if need is None:
            need = _for_operators(request.method)
        need.check(caller, request.match_info)
        if caller.is_bound and _SESSION in request.match_info:
            await _check_visible(request, caller)
        return caller


@dataclass(frozen=True, slots=True)
class _Need:
    """What one route asks for: a scope, and that the caller be a provider or an operator."""

    scopes: frozenset[str]
    of_a_provider: bool
    of_an_operator: bool

    @classmethod
    def of(cls, route: Route) -> Self:
        """What a row of the tables asks for."""
        return cls(
            scopes.accepted(route.api, route.method),
            of_a_provider=route.api.base_path == M1_BASE_PATH,
            of_an_operator=scopes.umbrellas(route.api) == (scopes.OPERATOR,),
        )

    def check(self, caller: Caller, variables: Mapping[str, str]) -> None:
        """Raises ScopeInsufficient, ProviderNotNamed."""
        if caller.scopes.isdisjoint(self.scopes) or (self.of_an_operator and caller.is_bound):
            raise ScopeInsufficient(self.scopes)
        named = caller.asp_id is not None or not caller.scopes.isdisjoint(scopes.OPERATORS)
        if self.of_a_provider and not named:
            raise ProviderNotNamed
        profiles = caller.data_access_profile_ids
        if profiles is not None and variables.get(_PROFILE) not in profiles:
            raise ScopeInsufficient(self.scopes)


def _for_operators(method: str) -> _Need:
    return _Need(scopes.operators_only(method), of_a_provider=False, of_an_operator=True)


def authenticate(gate: Gate) -> Middleware:
    """The middleware; what aiohttp itself refuses (404, 405) and OPTIONS need no token."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not _is_public(request):
            try:
                request[CALLER] = await gate.admit(request)
            except AccessDenied as denied:
                return _refuse(request, denied)
        return await handler(request)

    return middleware


def _is_public(request: web.Request) -> bool:
    if request.match_info.http_exception is not None:
        return True
    path = _path(request)
    return path in PUBLIC_PATHS or path.startswith(PUBLIC_FOLDERS)


def _path(request: web.Request) -> str:
    """The path as it is routed, its variables by name; empty where nothing is routed."""
    resource = request.match_info.route.resource
    return "" if resource is None else resource.canonical


def _bearer_token(request: web.Request) -> str:
    """The token of the one Authorization field there may be (RFC 6750 2.1)."""
    fields = request.headers.getall(hdrs.AUTHORIZATION, ())
    scheme, _, token = fields[0].partition(" ") if len(fields) == 1 else ("", "", "")
    if scheme.lower() != "bearer" or not token.strip():
        raise TokenMissing
    return token.strip()


async def _check_visible(request: web.Request, caller: Caller) -> None:
    """Raises SessionUnknown for a session of others exactly as for none."""
    session_id = path_variable(request, _SESSION)
    if session_id is not None:
        session = await request.app[CONTEXT].store.session(session_id)
        if caller.sees(session):
            return
    raise SessionUnknown(request.match_info[_SESSION])


def _refuse(request: web.Request, denied: AccessDenied) -> web.Response:
    problem = problem_details(denied, request.path)
    headers: dict[str, str] = {
        hdrs.CONTENT_TYPE: PROBLEM_MEDIA_TYPE,
        hdrs.CACHE_CONTROL: "no-store",
    }
    if isinstance(denied, KeysUnavailable):
        headers[hdrs.RETRY_AFTER] = str(RETRY_AFTER_S)
    else:
        headers[hdrs.WWW_AUTHENTICATE] = challenge(denied)
    return web.Response(body=problem.to_json(), status=problem.status, headers=headers)


def challenge(denied: AccessDenied) -> str:
    """WWW-Authenticate as RFC 6750 3 has it: no error code for who did not try."""
    match denied:
        case TokenMissing():
            return REALM
        case ScopeInsufficient():
            scope = " ".join(denied.accepted)
            return f'{REALM}, error="insufficient_scope", scope="{scope}"'
        case NotAuthenticated():
            return f'{REALM}, error="invalid_token", error_description="{denied}"'
    return f'{REALM}, error="insufficient_scope", error_description="{denied}"'
