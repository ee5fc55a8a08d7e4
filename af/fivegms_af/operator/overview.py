"""Sessions, Application Servers and models of the whole deployment, in lists."""

from itertools import zip_longest

from aiohttp import web

from fivegms_af.conditional import Representation
from fivegms_af.context import CONTEXT, Context
from fivegms_af.errors import MembersRefused
from fivegms_af.exchange import query, show
from fivegms_af.following import Following
from fivegms_af.m1.application_servers import without_credentials
from fivegms_af.m1.provisioning_sessions import find_session
from fivegms_af.m1.qos_alarms import wants_open_only
from fivegms_af.problems import problem_details
from fivegms_af.provisioned import JSON_MEDIA_TYPE, DocumentKind, Session
from fivegms_af.reports.records import ReportKind
from fivegms_af.rollout import rollouts
from fivegms_af.routes import SOFTWARE
from fivegms_af.service_access import locate
from fivegms_api.network_information import QosAlarms
from fivegms_api.operations import (
    ModelOverview,
    ModelRollout,
    ServerHealth,
    ServerHealthList,
    SessionPage,
    SessionSummary,
    Summary,
)
from fivegms_api.problem_details import InvalidParam
from fivegms_api.wire import WireModel

MAX_AGE_S = 0
DEFAULT_LIMIT = 50
MAX_LIMIT = 500
_SCANNED_AT_ONCE = 500


async def list_sessions(request: web.Request) -> web.Response:
    """GET `?after=&limit=&q=`: 200; `q` is looked for in identifiers and names."""
    context = request.app[CONTEXT]
    wanted = query(request, "after", "limit", "q")
    limit = _limit(wanted.get("limit"))
    page = await _page(context, wanted.get("after"), limit, wanted.get("q", "").casefold())
    return _show(request, page)


async def list_application_servers(request: web.Request) -> web.Response:
    """GET: 200 with the health of every AS."""
    reconciler = request.app[CONTEXT].reconciler
    servers = zip_longest(
        request.app[CONTEXT].config.application_servers,
        reconciler.unreachable,
        reconciler.refused_sessions,
    )
    healths = tuple(
        _health(address.m3_url, unreachable, refused, request.path)
        for address, unreachable, refused in servers
    )
    return _show(request, ServerHealthList(application_servers=healths))


async def retrieve_session(request: web.Request) -> web.Response:
    """GET: 200 with one session as it is listed."""
    return _show(request, _summary(await find_session(request)))


async def list_alarms(request: web.Request) -> web.Response:
    """GET `?state=open|all`: 200 with the newest 1000 of all sessions, newest first."""
    open_only = wants_open_only(request)
    alarms = await request.app[CONTEXT].policy.alarms.list(None, open_only=open_only)
    return _show(request, QosAlarms(qos_alarms=alarms))


async def list_models(request: web.Request) -> web.Response:
    """GET: 200 with the models of all sessions and the rollouts in force; 503 while the AS does
    not answer.
    """
    context = request.app[CONTEXT]
    models = await context.server.models()
    sessions = await context.store.known({model.provisioning_session_id for model in models})
    located = tuple(
        locate(model, sessions[model.provisioning_session_id], context.address)
        for model in models
        if model.provisioning_session_id in sessions
    )
    in_force = tuple(
        ModelRollout(provisioning_session_id=session.id, name=name, rollout=rollout)
        for session in sessions.values()
        for name, rollout in rollouts(session).items()
    )
    return _show(request, ModelOverview(ai_models=located, rollouts=in_force))


async def summarise(request: web.Request) -> web.Response:
    """GET: 200 with the deployment in numbers."""
    context = request.app[CONTEXT]
    received = context.reports.received
    summary = Summary(
        software=SOFTWARE,
        provisioning_sessions=await context.store.count(),
        application_servers=len(context.servers),
        unreachable_application_servers=sum(
            one is not None for one in context.reconciler.unreachable
        ),
        consumption_reports=received[ReportKind.CONSUMPTION],
        metrics_reports=received[ReportKind.METRICS],
    )
    return _show(request, summary)


async def _page(context: Context, after: str | None, limit: int, sought: str) -> SessionPage:
    """The next `limit` sessions that match, looked for in portions."""
    found: list[SessionSummary] = []
    while True:
        ids = await context.store.session_ids(after, _SCANNED_AT_ONCE if sought else limit)
        sessions = await context.store.sessions(ids)
        for session_id in ids:
            after = session_id
            summary = _summary(sessions[session_id]) if session_id in sessions else None
            if summary is not None and _matches(summary, sought):
                found.append(summary)
                if len(found) == limit:
                    return SessionPage(provisioning_sessions=tuple(found), after=after)
        if not ids or (not sought and len(ids) < limit):
            return SessionPage(provisioning_sessions=tuple(found))


def _summary(session: Session) -> SessionSummary:
    def count(kind: DocumentKind) -> int:
        return len(session.documents_of(kind))

    hosting = session.hosting
    return SessionSummary(
        provisioning_session_id=session.id,
        provisioning_session_type=session.type,
        app_id=session.app_id,
        asp_id=session.asp_id,
        modified=session.modified,
        content_hosting_configuration=hosting.configuration.name if hosting else None,
        content_preparation_templates=len(session.templates),
        server_certificates=len(session.certificates),
        consumption_reporting_configuration=count(DocumentKind.CONSUMPTION_REPORTING) > 0,
        metrics_reporting_configurations=count(DocumentKind.METRICS_REPORTING),
        policy_templates=count(DocumentKind.POLICY_TEMPLATE),
        edge_resources_configurations=count(DocumentKind.EDGE_RESOURCES),
        event_data_processing_configurations=count(DocumentKind.EVENT_DATA_PROCESSING),
    )


def _matches(summary: SessionSummary, sought: str) -> bool:
    texts = (
        summary.provisioning_session_id,
        summary.app_id,
        summary.asp_id or "",
        summary.content_hosting_configuration or "",
    )
    return any(sought in text.casefold() for text in texts)


def _health(
    m3_url: str, unreachable: Following | None, refused: int | None, instance: str
) -> ServerHealth:
    reason = unreachable.reason if unreachable else None
    return ServerHealth(
        server=without_credentials(m3_url),
        answers=unreachable is None,
        unreachable_since=unreachable.since if unreachable else None,
        reason=problem_details(reason, instance) if reason else None,
        refused_sessions=refused or 0,
    )


def _limit(text: str | None) -> int:
    if text is None:
        return DEFAULT_LIMIT
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:4]) <= MAX_LIMIT):
        raise MembersRefused(
            InvalidParam(param="query limit", reason=f"must be a number from 1 to {MAX_LIMIT}")
        )
    return int(text)


def _show(request: web.Request, value: WireModel) -> web.Response:
    return show(request, Representation(value.to_json(), JSON_MEDIA_TYPE), MAX_AGE_S)
