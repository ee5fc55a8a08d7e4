"""What lets a page of another origin use M5: the header fields of CORS (Fetch, 3.2).

A preflight is an OPTIONS like any other, whose Allow becomes what the page may do; no route knows
of it.
"""

from collections.abc import Iterable

from aiohttp import hdrs, web

ANY = "*"
MAX_AGE_S = 600

_REQUEST_FIELDS = ", ".join(
    (
        hdrs.AUTHORIZATION,
        hdrs.CONTENT_TYPE,
        hdrs.IF_MATCH,
        hdrs.IF_MODIFIED_SINCE,
        hdrs.IF_NONE_MATCH,
        hdrs.IF_UNMODIFIED_SINCE,
        "X-Request-Id",
    )
)
_RESPONSE_FIELDS = ", ".join(
    (
        hdrs.ALLOW,
        hdrs.ETAG,
        hdrs.LOCATION,
        hdrs.RETRY_AFTER,
        hdrs.WWW_AUTHENTICATE,
        "X-Request-Id",
    )
)


def allow_origins(app: web.Application, origins: Iterable[str]) -> None:
    """Answer pages of these origins, errors included; no cookies are ever asked for."""
    allowed = frozenset(origins)

    async def tell(request: web.Request, response: web.StreamResponse) -> None:
        if ANY not in allowed:
            response.headers.add(hdrs.VARY, hdrs.ORIGIN)
        origin = request.headers.get(hdrs.ORIGIN)
        if origin is None or not (ANY in allowed or origin in allowed):
            return
        response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = ANY if ANY in allowed else origin
        response.headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = _RESPONSE_FIELDS
        if (
            request.method == hdrs.METH_OPTIONS
            and hdrs.ACCESS_CONTROL_REQUEST_METHOD in request.headers
        ):
            methods = response.headers.get(hdrs.ALLOW, "")
            response.headers[hdrs.ACCESS_CONTROL_ALLOW_METHODS] = methods
            response.headers[hdrs.ACCESS_CONTROL_ALLOW_HEADERS] = _REQUEST_FIELDS
            response.headers[hdrs.ACCESS_CONTROL_MAX_AGE] = str(MAX_AGE_S)

    if allowed:
        app.on_response_prepare.append(tell)
