"""What M3 handlers share: bodies in, answers out, and `OPTIONS` for every path."""

from collections.abc import Iterable
from http import HTTPStatus

from aiohttp import hdrs, web

from fivegms_as.errors import InvalidDocument


async def read_body(request: web.Request) -> bytes:
    """The whole body. Raises InvalidDocument where its coding is broken."""
    try:
        return await request.read()
    except (web.RequestPayloadError, ValueError) as error:
        raise InvalidDocument(f"the body cannot be read: {error}") from error


def written(is_new: bool, sha256: str) -> web.Response:
    """201 or 204 after a write, with the digest of what is held now as entity tag."""
    status = HTTPStatus.CREATED if is_new else HTTPStatus.NO_CONTENT
    return web.Response(status=status, headers={hdrs.ETAG: f'"{sha256}"'})


def shown(
    body: bytes, *, etag: str | None = None, content_type: str = "application/json"
) -> web.Response:
    """A document that no cache keeps."""
    fields = {hdrs.CONTENT_TYPE: content_type, hdrs.CACHE_CONTROL: "no-store"}
    if etag is not None:
        fields[hdrs.ETAG] = f'"{etag}"'
    return web.Response(body=body, headers=fields)


def with_options(routes: Iterable[web.RouteDef]) -> list[web.RouteDef]:
    """The routes, and `OPTIONS` on each of their paths: 204 with the methods in `Allow`."""
    table = list(routes)
    methods: dict[str, set[str]] = {}
    for route in table:
        methods.setdefault(route.path, {hdrs.METH_OPTIONS}).add(route.method)
        if route.method == hdrs.METH_GET:  # aiohttp answers HEAD as well
            methods[route.path].add(hdrs.METH_HEAD)
    return [*table, *(_options(path, allowed) for path, allowed in methods.items())]


def _options(path: str, methods: Iterable[str]) -> web.RouteDef:
    fields = {hdrs.ALLOW: ", ".join(sorted(methods))}

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=HTTPStatus.NO_CONTENT, headers=fields)

    return web.options(path, answer)
