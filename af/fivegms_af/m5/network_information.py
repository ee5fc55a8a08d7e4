"""What the AF knows of the network of a session, for its UEs: an extension of M5."""

from aiohttp import web

from fivegms_af.conditional import Representation
from fivegms_af.context import CONTEXT
from fivegms_af.exchange import show
from fivegms_af.m1.provisioning_sessions import find_session
from fivegms_af.provisioned import JSON_MEDIA_TYPE

MAX_AGE_S = 5


async def retrieve_network_information(request: web.Request) -> web.Response:
    """GET: 200 with what is known now."""
    session = await find_session(request)
    information = await request.app[CONTEXT].policy.monitor.information(session)
    return show(request, Representation(information.to_json(), JSON_MEDIA_TYPE), MAX_AGE_S)
