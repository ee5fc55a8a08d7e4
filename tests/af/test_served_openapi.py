"""What /openapi.json says of a listener is valid OpenAPI, is about every route, and is true."""

import json
from http import HTTPStatus
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from fivegms_af.m1.table import M1_ROUTES
from fivegms_af.m5.table import M5_ROUTES
from fivegms_af.openapi import describe, documented_path, refusals
from fivegms_af.operator.table import OPERATOR_ROUTES
from fivegms_af.routes import Route
from fivegms_api.endpoint import Endpoint

LISTENERS = {
    "m1": M1_ROUTES,
    "m5": M5_ROUTES,
    "operator": (*OPERATOR_ROUTES, *M1_ROUTES),
}
ROUTES = [*M1_ROUTES, *M5_ROUTES, *OPERATOR_ROUTES]


def named(route: Route) -> str:
    return f"{route.method} {route.full_path}"


@pytest.fixture(params=LISTENERS)
async def document(request: pytest.FixtureRequest, start_af: Any) -> Any:
    """The document as it is served."""
    af = await start_af(operator=Endpoint("127.0.0.1", 0))
    roots = {"m1": af.m1.removesuffix("/3gpp-m1/v2"), "m5": af.m5, "operator": af.operator}
    return (await af.get(f"{roots[request.param]}/openapi.json")).json


@pytest.mark.parametrize("authenticated", [False, True])
@pytest.mark.parametrize("listener", LISTENERS)
def test_it_is_valid(listener: str, authenticated: bool) -> None:
    described = describe("AF", LISTENERS[listener], authenticated=authenticated)
    faults = OpenAPIV31SpecValidator(json.loads(json.dumps(described))).iter_errors()
    assert [fault.message for fault in faults] == []


async def test_it_is_served_with_a_validator(af: Any) -> None:
    url = f"{af.m5}/openapi.json"
    seen = await af.get(url)
    assert (seen.status, seen.json["openapi"]) == (200, "3.1.0")
    assert (await af.get(url, If_None_Match=seen.headers["ETag"])).status == 304


@pytest.mark.parametrize("route", ROUTES, ids=named)
def test_every_route_says_what_it_is(route: Route) -> None:
    assert route.operation_id
    assert route.summary
    assert route.answers
    assert all(answer.status < HTTPStatus.BAD_REQUEST for answer in route.answers)
    assert (route.method in ("POST", "PUT", "PATCH")) or not route.accepts


@pytest.mark.parametrize("listener", LISTENERS)
def test_operation_ids_are_unique(listener: str) -> None:
    names = [route.operation_id for route in LISTENERS[listener]]
    assert sorted(names) == sorted(set(names))


async def test_every_route_is_in_it(document: Any) -> None:
    described = {
        (method.upper(), path) for path, item in document["paths"].items() for method in item
    }
    served = {(route.method, documented_path(route)) for route in ROUTES}
    assert described <= served
    assert len(described) in {len(routes) for routes in LISTENERS.values()}


def test_refusals_follow_from_the_method_the_path_and_the_token() -> None:
    session = next(one for one in M1_ROUTES if one.operation_id == "getProvisioningSessionById")
    assert refusals(session) == (400, 404, 412, 500, 503)
    assert refusals(session, authenticated=True) == (400, 401, 403, 404, 412, 500, 503)


def test_a_token_is_asked_for_where_authentication_is_on() -> None:
    described: Any = describe("AF", M5_ROUTES, authenticated=True)
    operation = described["paths"]["/fivegms-m5-ai/v1/models"]["get"]
    assert operation["security"] == [{"bearer": ["fivegms_M5_AiModels"]}]
    assert described["components"]["securitySchemes"]["bearer"]["bearerFormat"] == "JWT"


async def test_answers_are_what_it_says(af: Any) -> None:
    session, _ = await af.published_model()
    document = (await af.get(af.m1.removesuffix("/3gpp-m1/v2") + "/openapi.json")).json
    seen = await af.get(f"{session}/content-hosting-configuration")
    assert faults(document, "ContentHostingConfiguration", seen.json) == []
    assert faults(document, "ContentHostingConfiguration", seen.json | {"pull": 1}) == [
        "Additional properties are not allowed ('pull' was unexpected)"
    ]


def faults(document: Any, model: str, body: Any) -> list[str]:
    resource = Resource.from_contents(document, DRAFT202012)
    registry: Registry[Any] = Registry().with_resource("urn:openapi", resource)
    schema = {"$ref": f"urn:openapi#/components/schemas/{model}"}
    validator = Draft202012Validator(schema, registry=registry)
    return [fault.message for fault in validator.iter_errors(body)]
