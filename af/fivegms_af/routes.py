"""What a route is, and the published API that it belongs to."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import version

from aiohttp import hdrs, web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

M1_BASE_PATH = "/3gpp-m1/v2"
M5_BASE_PATH = "/3gpp-m5/v2"
M5_EXTENSION_BASE_PATH = "/fivegms-m5-ai/v1"

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
class Route:
    """A method on a path below the API's base path, and what handles it. GET answers HEAD too."""

    method: str
    path: str
    handler: Handler
    api: Api

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
