"""What a route is, and the published API that it belongs to."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from importlib.metadata import version
from typing import Self

from aiohttp import hdrs, web

from fivegms_af.patching import JSON_PATCH, JSON_PATCH_SCHEMA, MERGE_PATCH
from fivegms_af.provisioned import JSON_MEDIA_TYPE
from fivegms_api.wire import WireModel

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

M1_BASE_PATH = "/3gpp-m1/v2"
M5_BASE_PATH = "/3gpp-m5/v2"
M5_EXTENSION_BASE_PATH = "/fivegms-m5-ai/v1"
OPERATOR_BASE_PATH = "/fivegms-operator/v1"

SOFTWARE = f"5GMSAF/{version('fivegms-ai')}"


@dataclass(frozen=True, slots=True)
class Api:
    """An API by the title and version of its OpenAPI document, and its base path."""

    title: str
    version: str
    base_path: str

    @property
    def server_field(self) -> str:
        """The Server header of an answer from this API."""
        return f"{SOFTWARE} (info.title={self.title}; info.version={self.version})"


@dataclass(frozen=True, slots=True)
class Content:
    """A body by its media type; `model` where it is a JSON object of ours, `schema` where it is
    JSON of another shape, neither where it is text or bytes.
    """

    media_type: str
    model: type[WireModel] | None = None
    schema: Mapping[str, object] | None = None

    @classmethod
    def json(cls, model: type[WireModel]) -> Self:
        """A JSON object of ours."""
        return cls(JSON_MEDIA_TYPE, model)


PATCHES = (
    Content(MERGE_PATCH),  # any JSON value is one; what is no object replaces the whole
    Content(JSON_PATCH, schema=JSON_PATCH_SCHEMA),
)
"""What every PATCH takes (RFC 7396, RFC 6902)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A status that says the request was done, why, and what comes with it; `headers` are there
    always.
    """

    status: int
    description: str
    content: tuple[Content, ...] = ()
    headers: tuple[str, ...] = ()

    @classmethod
    def created(cls, *content: Content) -> Self:
        """201: the representation, its URL in Location."""
        return cls(HTTPStatus.CREATED, "Created", content, (hdrs.LOCATION,))

    @classmethod
    def shown(cls, *content: Content) -> Self:
        """200 with the representation."""
        return cls(HTTPStatus.OK, "The representation", content)

    @classmethod
    def done(cls, description: str = "Done") -> Self:
        """204."""
        return cls(HTTPStatus.NO_CONTENT, description)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A query parameter."""

    name: str
    description: str
    schema: Mapping[str, object] = field(default_factory=lambda: {"type": "string"})
    required: bool = False


@dataclass(frozen=True, slots=True)
class Route:
    """A method on a path below the API's base path, what handles it, and what documents it.

    GET answers HEAD too. `operation_id` is 3GPP's own name where the route is standard. Where it
    `accepts` a body there must be one, unless `body_required` says otherwise. Refusals that the
    method brings with it are not listed (`openapi` knows them); `refusals` adds others.
    """

    method: str
    path: str
    handler: Handler
    api: Api
    operation_id: str = ""
    summary: str = ""
    answers: tuple[Answer, ...] = ()
    accepts: tuple[Content, ...] = ()
    body_required: bool = True
    query: tuple[Parameter, ...] = ()
    refusals: tuple[int, ...] = ()

    @property
    def full_path(self) -> str:
        """The path as it is routed and documented."""
        return self.api.base_path + self.path


def add_routes(app: web.Application, routes: Iterable[Route]) -> None:
    """Serve the table, every answer naming its API."""
    apis: dict[object, Api] = {}
    for route in routes:
        apis[route.handler] = route.api
        if route.method == hdrs.METH_GET:
            app.router.add_get(route.full_path, route.handler)
        else:
            app.router.add_route(route.method, route.full_path, route.handler)

    async def name_server(request: web.Request, response: web.StreamResponse) -> None:
        api = apis.get(request.match_info.handler)
        response.headers[hdrs.SERVER] = api.server_field if api else SOFTWARE

    app.on_response_prepare.append(name_server)
