"""The OpenAPI 3.1 document of a listener, made from its table of routes.

Owns how a `Route` becomes an operation: path variables, the refusals that a method brings with it,
the header fields of answers, and pydantic models as components. One document describes a whole
listener; the 3GPP API of an operation is its tag. Served at `/openapi.json`, open to everybody.
Must not know any one resource: what is said of it, the tables say.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from http import HTTPStatus
from typing import Any

from aiohttp import hdrs, web
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from fivegms_af.bodies import canonical_json
from fivegms_af.conditional import Representation
from fivegms_af.exchange import show
from fivegms_af.provisioned import JSON_MEDIA_TYPE
from fivegms_af.routes import SOFTWARE, Answer, Api, Content, Route
from fivegms_api.problem_details import PROBLEM_MEDIA_TYPE, ProblemDetails
from fivegms_api.wire import WireModel

Schema = dict[str, Any]
ModelUse = tuple[type[WireModel], JsonSchemaMode]
References = Mapping[Any, Schema]  # by ModelUse

PATH = "/openapi.json"
MAX_AGE_S = 300
BEARER = "bearer"

_VARIABLE = re.compile(r"\{(\w+)(?::[^{}]*)?\}")
_SCHEMAS = "#/components/schemas/{model}"

_EVERY_REQUEST = (HTTPStatus.BAD_REQUEST, HTTPStatus.INTERNAL_SERVER_ERROR)
_UNAVAILABLE = (HTTPStatus.SERVICE_UNAVAILABLE,)
_WITH_BODY = (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
_WITH_TOKEN = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
_BY_METHOD: Mapping[str, tuple[HTTPStatus, ...]] = {
    "GET": (HTTPStatus.PRECONDITION_FAILED,),
    "POST": (HTTPStatus.CONFLICT,),
    "PUT": (HTTPStatus.CONFLICT, HTTPStatus.PRECONDITION_FAILED),
    "PATCH": (HTTPStatus.CONFLICT, HTTPStatus.PRECONDITION_FAILED),
    "DELETE": (HTTPStatus.CONFLICT, HTTPStatus.PRECONDITION_FAILED),
}

_HEADERS: Mapping[str, tuple[str, Schema]] = {
    hdrs.LOCATION: ("The URL of what was created", {"type": "string", "format": "uri"}),
    hdrs.ETAG: ("A strong validator of the representation", {"type": "string"}),
    hdrs.LAST_MODIFIED: ("When it changed last, as an HTTP date", {"type": "string"}),
    hdrs.CACHE_CONTROL: ("How long it may be used unasked", {"type": "string"}),
    hdrs.RETRY_AFTER: ("Seconds to wait", {"type": "string", "pattern": "^[0-9]+$"}),
}
_PROBLEM = Content(PROBLEM_MEDIA_TYPE, ProblemDetails)
_VALIDATORS = (hdrs.ETAG, hdrs.LAST_MODIFIED, hdrs.CACHE_CONTROL)


class OpenApiDocument:
    """The document of one listener; made when it is first asked for, since few ask."""

    def __init__(self, title: str, routes: Iterable[Route], *, authenticated: bool = False) -> None:
        self._title = title
        self._routes = tuple(routes)
        self._authenticated = authenticated

    @cached_property
    def representation(self) -> Representation:
        """The JSON text with its validator."""
        document = describe(self._title, self._routes, authenticated=self._authenticated)
        return Representation(canonical_json(document), JSON_MEDIA_TYPE)

    async def serve(self, request: web.Request) -> web.Response:
        """GET: 200, or 304."""
        return show(request, self.representation, MAX_AGE_S)


def describe(title: str, routes: Sequence[Route], *, authenticated: bool = False) -> Schema:
    """The OpenAPI document of `routes`; with `authenticated`, every one needs a bearer token whose
    scope names the API.
    """
    references, definitions = models_json_schema(
        sorted(_models(routes), key=lambda use: (use[0].__name__, use[1])),
        by_alias=True,
        ref_template=_SCHEMAS,
    )
    operations: dict[str, Schema] = {}
    for route in routes:
        item = operations.setdefault(documented_path(route), {})
        item[route.method.lower()] = _operation(route, references, authenticated)
    components: Schema = {
        "schemas": _without_null(definitions.get("$defs", {})),
        "headers": {name: _header(name) for name in _HEADERS},
        "responses": _problems(routes, references, authenticated),
    }
    if authenticated:
        components["securitySchemes"] = {
            BEARER: {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
        }
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": SOFTWARE.partition("/")[2]},
        "servers": [{"url": "/"}],
        "tags": [_tag(api) for api in dict.fromkeys(route.api for route in routes)],
        "paths": operations,
        "components": components,
    }


def documented_path(route: Route) -> str:
    """The route's path without the patterns of its variables."""
    return _VARIABLE.sub(r"{\1}", route.full_path)


def refusals(route: Route, *, authenticated: bool = False) -> tuple[int, ...]:
    """The statuses of 400 and above that the route may answer, ascending."""
    found = {*_EVERY_REQUEST, *_UNAVAILABLE, *_BY_METHOD[route.method], *route.refusals}
    if _VARIABLE.search(route.path):
        found.add(HTTPStatus.NOT_FOUND)
    if route.accepts:
        found.update(_WITH_BODY)
    if authenticated:
        found.update(_WITH_TOKEN)
    return tuple(sorted(int(status) for status in found))


def _models(routes: Iterable[Route]) -> set[ModelUse]:
    """Every model, by whether it is read (`validation`) or written (`serialization`)."""
    uses: set[ModelUse] = {(ProblemDetails, "serialization")}
    for route in routes:
        uses.update((one.model, "validation") for one in route.accepts if one.model)
        for answer in route.answers:
            uses.update((one.model, "serialization") for one in answer.content if one.model)
    return uses


def _without_null(schema: Any) -> Any:
    """A schema without the nulls that pydantic has for what is absent: none is read or written."""
    if isinstance(schema, list):
        return [_without_null(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {
        name: _without_null(value)
        for name, value in schema.items()
        if not (name == "default" and value is None)
    }
    if {"type": "null"} in kept.get("anyOf", ()):
        others = [one for one in kept.pop("anyOf") if one != {"type": "null"}]
        kept |= others[0] if len(others) == 1 else {"anyOf": others}
    return kept


def _tag(api: Api) -> Schema:
    kind = "extension" if api.title.startswith("fivegms_") else "3GPP TS 26.512"
    return {"name": api.title, "description": f"{kind}, version {api.version}"}


def _operation(route: Route, references: References, authenticated: bool) -> Schema:
    responses: Schema = {
        str(int(answer.status)): _answer(route, answer, references) for answer in route.answers
    }
    if route.method == hdrs.METH_GET:
        responses["304"] = {"description": "Not modified", "headers": _headers(_VALIDATORS)}
    for status in refusals(route, authenticated=authenticated):
        responses.setdefault(str(status), {"$ref": f"#/components/responses/{status}"})
    operation: Schema = {
        "operationId": route.operation_id,
        "summary": route.summary,
        "tags": [route.api.title],
        "responses": responses,
    }
    if parameters := [*_path_parameters(route), *_query_parameters(route)]:
        operation["parameters"] = parameters
    if route.accepts:
        operation["requestBody"] = {
            "required": route.body_required,
            "content": _content(route.accepts, references, "validation"),
        }
    if authenticated:
        operation["security"] = [{BEARER: [route.api.title]}]
    return operation


def _path_parameters(route: Route) -> list[Schema]:
    text: Schema = {"type": "string", "minLength": 1}
    return [
        {"name": name, "in": "path", "required": True, "schema": text}
        for name in _VARIABLE.findall(route.path)
    ]


def _query_parameters(route: Route) -> list[Schema]:
    return [
        {
            "name": parameter.name,
            "in": "query",
            "description": parameter.description,
            "required": parameter.required,
            "schema": parameter.schema,
        }
        for parameter in route.query
    ]


def _answer(route: Route, answer: Answer, references: References) -> Schema:
    described: Schema = {"description": answer.description}
    optional = _VALIDATORS if answer.content and route.method != hdrs.METH_POST else ()
    if headers := _headers(optional) | _headers(answer.headers, required=True):
        described["headers"] = headers
    if answer.content:
        described["content"] = _content(answer.content, references, "serialization")
    return described


def _content(
    contents: Iterable[Content], references: References, mode: JsonSchemaMode
) -> dict[str, Schema]:
    return {
        one.media_type: {"schema": references[one.model, mode] if one.model else one.schema or {}}
        for one in contents
    }


def _header(name: str) -> Schema:
    description, schema = _HEADERS[name]
    return {"description": description, "schema": schema}


def _headers(names: Iterable[str], *, required: bool = False) -> Schema:
    """By name: a reference, or where the field must be there, the whole that says so."""
    if required:
        return {str(name): _header(name) | {"required": True} for name in names}
    return {str(name): {"$ref": f"#/components/headers/{name}"} for name in names}


def _problems(routes: Iterable[Route], references: References, authenticated: bool) -> Schema:
    """One response for each refusal of any route."""
    statuses = {one for route in routes for one in refusals(route, authenticated=authenticated)}
    body = _content((_PROBLEM,), references, "serialization")
    return {str(status): _problem(HTTPStatus(status), body) for status in sorted(statuses)}


def _problem(status: HTTPStatus, body: Mapping[str, Schema]) -> Schema:
    described: Schema = {"description": status.phrase, "content": body}
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        described["headers"] = _headers((hdrs.RETRY_AFTER,))
    return described
