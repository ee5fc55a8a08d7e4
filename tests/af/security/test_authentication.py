"""Every route of every table asks for a token, and for the right one."""

import re
from typing import Any

import pytest

from fivegms_af.m1.table import M1_ROUTES
from fivegms_af.m5.table import M5_ROUTES
from fivegms_af.operator.table import OPERATOR_ROUTES
from fivegms_af.routes import OPERATOR_BASE_PATH, Route
from fivegms_af.security import scopes
from fivegms_af.security.config import SecurityConfig, TrustedIssuer
from support.tokens import Key, jwks

ROUTES = (*M1_ROUTES, *M5_ROUTES, *OPERATOR_ROUTES)


def url(secured: Any, route: Route) -> str:
    return secured.root(route.api.base_path) + re.sub(r"\{[^{}]+\}", "x1", route.path)


@pytest.mark.requirement("R008a")
async def test_no_route_without_a_token(secured: Any) -> None:
    for route in ROUTES:
        answer = await secured.request(route.method, url(secured, route))
        assert (answer.status, answer.problem) == (401, "token-missing"), route.path
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="5GMSAF"'
        assert answer.json["instance"] == re.sub(r"^https?://[^/]+", "", url(secured, route))


@pytest.mark.requirement("R008b")
async def test_no_route_with_a_token_for_something_else(secured: Any) -> None:
    known = scopes.known({one.api for one in ROUTES})
    for route in ROUTES:
        own = scopes.accepted(route.api, route.method)
        token = secured.token(scope=" ".join(sorted(known - own)))
        answer = await secured.request(route.method, url(secured, route), token)
        assert (answer.status, answer.problem) == (403, "scope-insufficient"), route.path
        challenge = answer.headers["WWW-Authenticate"]
        assert f'error="insufficient_scope", scope="{" ".join(sorted(own))}"' in challenge


async def test_every_route_with_each_scope_that_opens_it(secured: Any) -> None:
    for route in ROUTES:
        if route.path == "/events":
            continue  # it is answered without end
        accepted = scopes.accepted(route.api, route.method)
        of_operators = route.api.base_path == OPERATOR_BASE_PATH
        for scope in sorted(accepted if of_operators else accepted - scopes.OPERATORS):
            token = secured.token(scope=scope, asp_id=None if of_operators else "acme")
            answer = await secured.request(route.method, url(secured, route), token)
            assert answer.status not in (401, 403), (route.path, scope)


async def test_a_provider_is_named_at_m1_and_only_there(secured: Any) -> None:
    for route in (*M1_ROUTES, *M5_ROUTES):
        token = secured.token(scope=scopes.umbrellas(route.api)[0], asp_id=None)
        answer = await secured.request(route.method, url(secured, route), token)
        unnamed = answer.status == 403 and answer.problem == "provider-not-named"
        assert unnamed is (route.api.base_path == "/3gpp-m1/v2"), route.path


@pytest.mark.requirement("R008b")
async def test_who_is_bound_operates_nothing(secured: Any) -> None:
    token = secured.token(scope="fivegms_Operations fivegms-operator fivegms-operator:read")
    for route in OPERATOR_ROUTES:
        answer = await secured.request(route.method, url(secured, route), token)
        assert (answer.status, answer.problem) == (403, "scope-insufficient"), route.path
    metrics = f"{secured.root(OPERATOR_BASE_PATH).removesuffix(OPERATOR_BASE_PATH)}/metrics"
    assert (await secured.request("GET", metrics)).status == 401
    assert (await secured.request("GET", metrics, token)).status == 403
    operator = secured.token(scope="fivegms-operator:read", asp_id=None)
    assert (await secured.request("GET", metrics, operator)).status == 200


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"exp": 1}, "token-expired"),
        ({"aud": "another"}, "token-for-another"),
        ({"iss": "https://evil.example"}, "token-untrusted"),
        ({"nbf": 9_999_999_999}, "token-not-yet-valid"),
        ({"asp_id": 7}, "token-malformed"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_token_that_does_not_do_says_why(
    secured: Any, changed: dict[str, Any], problem: str
) -> None:
    session = await secured.session(secured.token())
    refused = await secured.request("GET", session, secured.token(**changed))
    assert (refused.status, refused.problem) == (401, problem)
    assert 'error="invalid_token", error_description="' in refused.headers["WWW-Authenticate"]
    assert refused.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("field", ["Basic YTpi", "Bearer", "Bearer ", "token", ""])
async def test_what_is_no_bearer_token(secured: Any, field: str) -> None:
    answer = await secured.request(
        "POST", f"{secured.af.m1}/provisioning-sessions", headers={"Authorization": field}
    )
    assert (answer.status, answer.problem) == (401, "token-missing")


async def test_the_scheme_has_no_case_and_a_token_in_the_query_is_none(secured: Any) -> None:
    session, token = await secured.session(secured.token()), secured.token()
    lower = await secured.request("GET", session, headers={"Authorization": f"bearer {token}"})
    assert lower.status == 200
    assert (await secured.request("GET", f"{session}?access_token={token}")).status == 401


async def test_reading_is_less_than_writing(secured: Any) -> None:
    session = await secured.session(secured.token())
    reader = secured.token(scope="3gpp-m1:read")
    assert (await secured.request("GET", session, reader)).status == 200
    assert (await secured.request("HEAD", session, reader)).status == 200
    assert (await secured.request("DELETE", session, reader)).status == 403
    one_api = secured.token(scope="M1_ProvisioningSessions")
    assert (await secured.request("GET", f"{session}/protocols", one_api)).status == 403
    assert (await secured.request("DELETE", session, one_api)).status == 204


@pytest.mark.parametrize("path", ["/healthz", "/openapi.json"])
async def test_what_is_public(secured: Any, path: str) -> None:
    for root in (secured.root(""), secured.af.m5):
        assert (await secured.request("GET", root + path)).status == 200


async def test_what_the_library_refuses_needs_no_token(secured: Any) -> None:
    root = secured.root("")
    assert (await secured.request("GET", f"{root}/nothing")).status == 404
    sessions = f"{secured.af.m1}/provisioning-sessions"
    assert (await secured.request("PUT", sessions)).status == 405
    options = await secured.request("OPTIONS", sessions)
    assert (options.status, options.headers["Allow"]) == (204, "OPTIONS, POST")


async def test_the_openapi_document_names_the_scheme(secured: Any) -> None:
    document = (await secured.request("GET", f"{secured.root('')}/openapi.json")).json
    assert document["components"]["securitySchemes"]


async def test_keys_change_while_the_af_runs(secured: Any) -> None:
    session, new = await secured.session(secured.token()), Key.make("k2")
    secured.jwks.write_bytes(jwks(secured.key, new))
    token = type(secured)(secured.af, new, secured.jwks).token()
    assert (await secured.request("GET", session, token)).problem == "token-untrusted"
    secured.af.clock.advance(60)
    assert (await secured.request("GET", session, token)).status == 200
    secured.jwks.unlink()
    secured.af.clock.advance(60)
    assert (await secured.request("GET", session, token)).status == 200


async def test_an_issuer_that_cannot_be_reached(start_af: Any, unused_tcp_port: int) -> None:
    url = f"http://127.0.0.1:{unused_tcp_port}/keys"
    security = SecurityConfig(trusted_issuer=TrustedIssuer("i", "a", url))
    af = await start_af(security=security)
    token = Key.make("k").sign({"iss": "i", "aud": "a", "exp": 2e9})
    answer = await af.get(f"{af.m1}/provisioning-sessions/x", Authorization=f"Bearer {token}")
    assert (answer.status, answer.problem) == (503, "authorisation-keys-unavailable")
    assert answer.headers["Retry-After"] == "5"


async def test_without_settings_nobody_is_asked(af: Any) -> None:
    assert (await af.get(await af.session(), Authorization="Bearer nonsense")).status == 200
