"""Service Access Information of a session (TS 26.512 11.2).

Every UE of a service asks for it, and asks again when it grows old: so the answer is kept ready.
"""

import re
from http import HTTPStatus

from aiohttp import hdrs, web

from fivegms_af.conditional import Representation, not_modified
from fivegms_af.context import CONTEXT, Context
from fivegms_af.errors import MembersRefused, SessionUnknown
from fivegms_af.exchange import path_variable, validators
from fivegms_af.provisioned import JSON_MEDIA_TYPE, Session
from fivegms_af.routes import M5_BASE_PATH
from fivegms_af.service_access import Place, last_change, service_access_information
from fivegms_af.service_access_cache import PreparedAnswer
from fivegms_api.problem_details import InvalidParam

_HOST = re.compile(r"([A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?")


async def retrieve_service_access_information(request: web.Request) -> web.Response:
    """GET: 200 with everything that the session offers a UE."""
    context = request.app[CONTEXT]
    session_id = path_variable(request, "provisioningSessionId")
    if session_id is None:
        raise SessionUnknown(request.match_info["provisioningSessionId"])
    session = await context.store.session(session_id)
    told = context.config.m5_server_addresses
    scheme, host = ("", "") if told else (request.scheme, request.host)
    answer = context.service_access.get(
        session, scheme, host, lambda: _prepare(context, session, scheme, host)
    )
    return _respond(request, answer)


def _respond(request: web.Request, answer: PreparedAnswer) -> web.Response:
    if not_modified(request.method, request.headers, answer.current):
        return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=answer.fields)
    response = web.Response(body=answer.current.body, headers=answer.fields)
    response.headers[hdrs.CONTENT_TYPE] = JSON_MEDIA_TYPE
    return response


def _prepare(context: Context, session: Session, scheme: str, host: str) -> PreparedAnswer:
    place = Place(
        servers=_servers(context, scheme, host),
        address=context.address if session.hosting else None,
        sdf_methods=tuple(sorted(context.policy.sdf_methods)),
        assists=context.policy.control is not None,
    )
    body = service_access_information(session, place).to_json()
    current = Representation(body, JSON_MEDIA_TYPE, last_change(session))
    max_age = {hdrs.CACHE_CONTROL: f"max-age={context.config.sai_max_age_s}"}
    return PreparedAnswer(session.version, current, validators(current) | max_age)


def _servers(context: Context, scheme: str, host: str) -> tuple[str, ...]:
    """The M5 base URLs that UEs are told: where this one asked, unless the operator says others."""
    roots = context.config.m5_server_addresses
    if not roots:
        if not _HOST.fullmatch(host):
            raise MembersRefused(InvalidParam(param="header Host", reason="is no host and port"))
        roots = (f"{scheme}://{host}",)
    return tuple(f"{root}{M5_BASE_PATH}/" for root in roots)
