"""The Content Hosting Configuration of a session, and purging what is cached (TS 26.512 7.6)."""

from http import HTTPStatus
from urllib.parse import parse_qsl

from aiohttp import hdrs, web
from sqlalchemy import Connection

from fivegms_af.bodies import Json, parse_json, validate
from fivegms_af.conditional import Representation
from fivegms_af.context import CONTEXT, Context
from fivegms_af.errors import (
    ApplicationServerRefused,
    HostingExists,
    HostingUnknown,
    MediaTypeUnsupported,
    MembersRefused,
)
from fivegms_af.exchange import (
    check_preconditions,
    created,
    no_content,
    read_body,
    read_json,
    show,
)
from fivegms_af.hosting import (
    accept_hosting,
    check_aliases,
    check_direction,
    complete_hosting,
    has_alias,
)
from fivegms_af.m1.provisioning_sessions import find_session, session_path
from fivegms_af.patching import JSON_PATCH, MERGE_PATCH, apply_patch
from fivegms_af.provisioned import JSON_MEDIA_TYPE, Hosting, Session
from fivegms_af.store.alias_store import aliases_of_others
from fivegms_api.content_hosting import ContentHostingConfiguration
from fivegms_api.media_type import essence
from fivegms_api.problem_details import InvalidParam
from fivegms_api.provider_pattern import ProviderPattern

MAX_AGE_S = 60
FORM = "application/x-www-form-urlencoded"
EVERYTHING = ".*"


async def create_hosting(request: web.Request) -> web.Response:
    """POST: 201 with the assigned members; 409 where the session has one, or is an UPLINK one."""
    session = await find_session(request)
    check_direction(session)
    _, document = await read_json(request)
    if session.hosting is not None:
        raise HostingExists
    current = await _keep(request, session, document)
    path = f"{session_path(session)}/content-hosting-configuration"
    return created(request, path, current, MAX_AGE_S)


async def retrieve_hosting(request: web.Request) -> web.Response:
    """GET: 200."""
    session = await find_session(request)
    return show(request, _current(request.app[CONTEXT], session), MAX_AGE_S)


async def update_hosting(request: web.Request) -> web.Response:
    """PUT: 204."""
    session = await find_session(request)
    check_preconditions(request, _current(request.app[CONTEXT], session))
    _, document = await read_json(request)
    return no_content(await _keep(request, session, document))


async def patch_hosting(request: web.Request) -> web.Response:
    """PATCH: 200 with the whole; the patch applies to what GET shows."""
    session = await find_session(request)
    current = _current(request.app[CONTEXT], session)
    check_preconditions(request, current)
    media_type, patch = await read_json(request, MERGE_PATCH, JSON_PATCH)
    patched = apply_patch(media_type, parse_json(current.body), patch)
    return show(request, await _keep(request, session, patched), MAX_AGE_S)


async def destroy_hosting(request: web.Request) -> web.Response:
    """DELETE: 204; nothing of the session is distributed any more."""
    context = request.app[CONTEXT]
    session = await find_session(request)
    check_preconditions(request, _current(context, session))
    await context.store.delete_hosting(session, context.now())
    await context.changed(session.id)
    return no_content()


async def purge(request: web.Request) -> web.Response:
    """POST: 200 with the number of objects that every AS together dropped; 204 for none."""
    context = request.app[CONTEXT]
    session = await find_session(request)
    _current(context, session)
    pattern = _pattern(request.headers.get(hdrs.CONTENT_TYPE), await read_body(request))
    try:
        counts = [await server.purge(session.id, pattern) for server in context.servers]
    except ApplicationServerRefused as refused:
        if refused.status != HTTPStatus.BAD_REQUEST:
            raise  # it is not the pattern
        raise MembersRefused(InvalidParam(param="pattern", reason=str(refused))) from refused
    return web.json_response(sum(counts)) if sum(counts) else no_content()


async def _keep(request: web.Request, session: Session, document: Json) -> Representation:
    """Accept, store, let the AS follow; what is there now."""
    context = request.app[CONTEXT]
    configuration = validate(ContentHostingConfiguration, document)
    address, capabilities = context.address, await context.capabilities(session.id)
    accepted = accept_hosting(session, configuration, address, capabilities)
    hosting = Hosting(accepted, context.now())

    def check(connection: Connection) -> None:
        check_aliases(accepted, aliases_of_others(connection, session))

    await context.store.put_hosting(session, hosting, check if has_alias(accepted) else None)
    await context.changed(session.id)
    return _representation(context, session, hosting)


def _current(context: Context, session: Session) -> Representation:
    if session.hosting is None:
        raise HostingUnknown(session.id)
    return _representation(context, session, session.hosting)


def _representation(context: Context, session: Session, hosting: Hosting) -> Representation:
    completed = complete_hosting(session.id, hosting.configuration, context.address)
    return Representation(completed.to_json(), JSON_MEDIA_TYPE, hosting.modified)


def _pattern(content_type: str | None, body: bytes) -> str:
    """The form's only field; without it everything is purged."""
    if essence(content_type) != FORM:
        raise MediaTypeUnsupported(content_type, FORM)
    try:
        fields = parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=8)
    except ValueError as error:
        raise _refused("", f"is no form: {error}") from error
    if not fields:
        return EVERYTHING
    (name, pattern), *others = fields
    if name != "pattern" or others:
        raise _refused(others[0][0] if others else name, "the form has one field, pattern")
    _check_pattern(pattern)
    return pattern


def _check_pattern(pattern: str) -> None:
    if not pattern:
        raise _refused("pattern", "must not be empty; without the field everything is purged")
    try:
        ProviderPattern.parse(pattern)
    except ValueError as error:
        raise _refused("pattern", str(error)) from error


def _refused(field: str, reason: str) -> MembersRefused:
    return MembersRefused(InvalidParam(param=field, reason=reason))
