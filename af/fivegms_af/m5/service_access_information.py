"""Service Access Information of a session (TS 26.512 11.2)."""

from aiohttp import web

from fivegms_af.conditional import Representation
from fivegms_af.context import CONTEXT
from fivegms_af.errors import SessionUnknown
from fivegms_af.exchange import path_variable, show
from fivegms_af.provisioned import JSON_MEDIA_TYPE
from fivegms_af.service_access import service_access_information

MAX_AGE_S = 60


async def retrieve_service_access_information(request: web.Request) -> web.Response:
    """GET: 200 with the entry points of what the session hosts."""
    context = request.app[CONTEXT]
    session_id = path_variable(request, "provisioningSessionId")
    if session_id is None:
        raise SessionUnknown(request.match_info["provisioningSessionId"])
    session = await context.store.session(session_id)
    address = context.address if session.hosting else None
    modified = max(
        session.modified, session.hosting.modified if session.hosting else session.modified
    )
    resource = service_access_information(session, address)
    return show(request, Representation(resource.to_json(), JSON_MEDIA_TYPE, modified), MAX_AGE_S)
