"""Our own OpenAPI document, of all listeners together, and what an answer breaks of it."""

import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from fivegms_af.m1.table import M1_ROUTES
from fivegms_af.m5.table import M5_ROUTES
from fivegms_af.openapi import describe, documented_path
from fivegms_af.operator.table import OPERATOR_ROUTES
from fivegms_af.routes import Route

ROUTES = (*M1_ROUTES, *M5_ROUTES, *OPERATOR_ROUTES)
DOCUMENT = "urn:openapi"


@cache
def document() -> Any:
    """The document, as JSON has it."""
    return json.loads(json.dumps(describe("AF", ROUTES, authenticated=True)))


def find(method: str, path: str) -> Route | None:
    """The route that a request is for; a path without variables goes before one with them."""
    fitting = [
        route
        for route in ROUTES
        if route.method == method and _pattern(documented_path(route)).fullmatch(path)
    ]
    return min(fitting, key=lambda route: route.path.count("{"), default=None)


def faults(
    route: Route, status: int, headers: Mapping[str, str], media_type: str, body: bytes
) -> list[str]:
    """What an answer of the route breaks of the document."""
    responses = document()["paths"][documented_path(route)][route.method.lower()]["responses"]
    if str(status) not in responses:
        return [f"{status} is not in our document"]
    reference = f"#/paths/{_escaped(documented_path(route))}/{route.method.lower()}"
    reference += f"/responses/{status}"
    response = responses[str(status)]
    if "$ref" in response:
        reference = response["$ref"]
        response = document()["components"]["responses"][reference.rsplit("/", 1)[-1]]
    missing = [
        f"{name} is missing"
        for name, about in response.get("headers", {}).items()
        if about.get("required") and name not in headers
    ]
    return missing + _body_faults(reference, response.get("content", {}), media_type, body)


def _body_faults(
    reference: str, content: Mapping[str, Any], media_type: str, body: bytes
) -> list[str]:
    if not content:
        return ["a body that is not in our document"] if body else []
    key = next((one for one in (media_type, "*/*") if one in content), None)
    if key is None:
        return [f"{media_type} is not in our document"]
    if not media_type.endswith("json") or key == "*/*":
        return []
    schema = {"$ref": f"{DOCUMENT}{reference}/content/{_escaped(key)}/schema"}
    validator = Draft202012Validator(schema, registry=_registry())
    return [
        f"/{'/'.join(map(str, error.absolute_path))}: {error.message} (our document)"
        for error in validator.iter_errors(json.loads(body))
    ]


@cache
def _registry() -> Registry[Any]:
    resource = Resource.from_contents(document(), DRAFT202012)
    registry: Registry[Any] = Registry().with_resource(DOCUMENT, resource)
    return registry


@cache
def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path)))


def _escaped(part: str) -> str:
    """As a part of a JSON Pointer in a URI fragment."""
    escaped = part.replace("~", "~0").replace("/", "~1")
    return escaped.replace("{", "%7B").replace("}", "%7D")
