"""Where the network fell short of what a session requires: an extension of M1."""

from aiohttp import web

from fivegms_af.conditional import Representation
from fivegms_af.context import CONTEXT
from fivegms_af.errors import MembersRefused
from fivegms_af.exchange import query, show
from fivegms_af.m1.provisioning_sessions import find_session
from fivegms_af.provisioned import JSON_MEDIA_TYPE
from fivegms_api.network_information import QosAlarms
from fivegms_api.problem_details import InvalidParam

MAX_AGE_S = 0

_STATES = {None: False, "all": False, "open": True}


async def list_qos_alarms(request: web.Request) -> web.Response:
    """GET `?state=open|all`: 200 with the newest 1000, newest first."""
    context = request.app[CONTEXT]
    open_only = wants_open_only(request)
    session = await find_session(request)
    alarms = await context.policy.alarms.list(session.id, open_only=open_only)
    body = QosAlarms(qos_alarms=alarms).to_json()
    return show(request, Representation(body, JSON_MEDIA_TYPE), MAX_AGE_S)


def wants_open_only(request: web.Request) -> bool:
    """Whether the query asks for what is not over; raises MembersRefused for another query."""
    wanted = query(request, "state").get("state")
    if wanted not in _STATES:
        raise MembersRefused(InvalidParam(param="query state", reason="must be open or all"))
    return _STATES[wanted]
