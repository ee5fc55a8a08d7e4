"""Provisioning Sessions (TS 26.512 7.2), and the content protocols of each (7.5)."""

from aiohttp import web

from fivegms_af.bodies import validate
from fivegms_af.conditional import Representation
from fivegms_af.context import CONTEXT
from fivegms_af.errors import SessionUnknown
from fivegms_af.exchange import (
    check_preconditions,
    created,
    no_content,
    path_variable,
    read_json,
    show,
)
from fivegms_af.hosting import content_protocols
from fivegms_af.provisioned import JSON_MEDIA_TYPE, Session
from fivegms_af.reports.retention import forget
from fivegms_af.routes import M1_BASE_PATH
from fivegms_af.security.caller import caller_of
from fivegms_api.provisioning_sessions import ProvisioningSessionRequest

MAX_AGE_S = 60


async def find_session(request: web.Request) -> Session:
    """The session that the path names; raises SessionUnknown."""
    session_id = path_variable(request, "provisioningSessionId")
    if session_id is None:
        raise SessionUnknown(request.match_info["provisioningSessionId"])
    return await request.app[CONTEXT].store.session(session_id)


def session_path(session: Session) -> str:
    """Where the session is below the M1 endpoint."""
    return f"{M1_BASE_PATH}/provisioning-sessions/{session.id}"


async def create_session(request: web.Request) -> web.Response:
    """POST: 201 with the session."""
    context = request.app[CONTEXT]
    _, document = await read_json(request)
    wanted = validate(ProvisioningSessionRequest, document)
    session = Session(
        id=context.new_id(),
        type=wanted.provisioning_session_type,
        app_id=wanted.app_id,
        asp_id=caller_of(request).own(wanted.app_id, wanted.asp_id),
        modified=context.now(),
        version=1,
    )
    await context.store.create(session)
    return created(request, session_path(session), session.representation(), MAX_AGE_S)


async def retrieve_session(request: web.Request) -> web.Response:
    """GET: 200 with the identifiers of what is below."""
    session = await find_session(request)
    return show(request, session.representation(), MAX_AGE_S)


async def destroy_session(request: web.Request) -> web.Response:
    """DELETE: 204; everything below goes too, here, at the AS and at the policy control."""
    context = request.app[CONTEXT]
    session = await find_session(request)
    check_preconditions(request, session.representation())
    await forget(context.reports.store, session.id)
    await context.store.delete(session, context.now())
    await context.changed(session.id)
    await context.policies_changed(session.id)
    return no_content()


async def retrieve_protocols(request: web.Request) -> web.Response:
    """GET: 200 with the protocols that content may be ingested with, as far as the AS is known."""
    session = await find_session(request)
    capabilities = await request.app[CONTEXT].capabilities(session.id)
    protocols = content_protocols(session, capabilities)
    return show(request, Representation(protocols.to_json(), JSON_MEDIA_TYPE), MAX_AGE_S)
