"""Requests into bodies, representations into responses: the HTTP manners all resources share.

TS 26.512 6.2; RFC 9110. Knows no resource and no rule.
"""

import re
from collections.abc import Mapping
from http import HTTPStatus

from aiohttp import hdrs, web

from fivegms_af.bodies import Json, parse_json
from fivegms_af.conditional import Representation, not_modified
from fivegms_af.errors import BodyMalformed, BodyTooLarge, MediaTypeUnsupported, MembersRefused
from fivegms_af.provisioned import JSON_MEDIA_TYPE
from fivegms_api.media_type import essence
from fivegms_api.problem_details import InvalidParam

_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


async def read_body(request: web.Request) -> bytes:
    """The whole body; raises BodyTooLarge, or BodyMalformed where its coding is broken."""
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge as error:
        raise BodyTooLarge(request.client_max_size) from error
    except (web.RequestPayloadError, ValueError) as error:
        raise BodyMalformed(f"the body cannot be read: {error}") from error


async def read_json(request: web.Request, *accepted: str) -> tuple[str, Json]:
    """The body's media type and its JSON value; raises MediaTypeUnsupported, BodyMalformed."""
    accepted = accepted or (JSON_MEDIA_TYPE,)
    media_type = essence(request.headers.get(hdrs.CONTENT_TYPE))
    if media_type not in accepted:
        raise MediaTypeUnsupported(request.headers.get(hdrs.CONTENT_TYPE), *accepted)
    return media_type, parse_json(await read_body(request))


def path_variable(request: web.Request, name: str) -> str | None:
    """An identifier from the path; None for text that no identifier of ours looks like."""
    text = request.match_info[name]
    return text if _IDENTIFIER.fullmatch(text) else None


def query(request: web.Request, *known: str) -> Mapping[str, str]:
    """The query parameters; raises MembersRefused naming those unknown or given twice."""
    faults = [
        InvalidParam(param=f"query {name}", reason="is not a parameter of this resource")
        for name in request.query
        if name not in known
    ] + [
        InvalidParam(param=f"query {name}", reason="is given twice")
        for name in known
        if len(request.query.getall(name, ())) > 1
    ]
    if faults:
        raise MembersRefused(*faults)
    return request.query


def check_preconditions(request: web.Request, current: Representation) -> None:
    """Raises PreconditionFailed where the request was made for another state."""
    not_modified(request.method, request.headers, current)


def show(
    request: web.Request, current: Representation, max_age_s: int, status: int = HTTPStatus.OK
) -> web.Response:
    """The representation with its validators, or 304 where the client has it already."""
    headers = validators(current) | {hdrs.CACHE_CONTROL: f"max-age={max_age_s}"}
    if request.method in (hdrs.METH_GET, hdrs.METH_HEAD) and not_modified(
        request.method, request.headers, current
    ):
        return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
    headers[hdrs.CONTENT_TYPE] = current.media_type
    return web.Response(body=current.body, status=status, headers=headers)


def created(
    request: web.Request, path: str, current: Representation, max_age_s: int
) -> web.Response:
    """201 with the representation and its absolute URL."""
    return located(request, path, show(request, current, max_age_s, HTTPStatus.CREATED))


def located(request: web.Request, path: str, response: web.Response) -> web.Response:
    """`response` with the absolute URL of what was made."""
    response.headers[hdrs.LOCATION] = f"{request.scheme}://{request.host}{path}"
    return response


def no_content(current: Representation | None = None) -> web.Response:
    """204, with the validators of what is now there."""
    headers = validators(current) if current else {}
    return web.Response(status=HTTPStatus.NO_CONTENT, headers=headers)


def validators(current: Representation) -> dict[str, str]:
    """ETag, and Last-Modified where that is known."""
    headers: dict[str, str] = {hdrs.ETAG: current.etag}
    if current.last_modified:
        headers[hdrs.LAST_MODIFIED] = current.last_modified
    return headers
