"""The table of the operator's routes. The listener serves M1's as well (see `server`)."""

from http import HTTPStatus

from fivegms_af.operator import events, overview, policy_templates
from fivegms_af.policy.templates import TemplateStatus
from fivegms_af.routes import OPERATOR_BASE_PATH, Answer, Api, Content, Parameter, Route
from fivegms_api.network_information import QosAlarms
from fivegms_api.operations import (
    ModelOverview,
    ServerHealthList,
    SessionPage,
    SessionSummary,
    Summary,
)

OPERATIONS = Api("fivegms_Operations", "1.0.0", OPERATOR_BASE_PATH)

_TEMPLATE = "/policy-templates/{policyTemplateId}"

OPERATOR_ROUTES = (
    Route(
        "GET",
        "/summary",
        overview.summarise,
        OPERATIONS,
        operation_id="retrieveSummary",
        summary="The deployment in a few numbers",
        answers=(Answer.shown(Content.json(Summary)),),
    ),
    Route(
        "GET",
        "/provisioning-sessions",
        overview.list_sessions,
        OPERATIONS,
        operation_id="listProvisioningSessions",
        summary="The Provisioning Sessions of all providers, page by page",
        answers=(Answer.shown(Content.json(SessionPage)),),
        query=(
            Parameter("after", "The last page's `after`"),
            Parameter(
                "limit",
                "How many at most",
                {"type": "integer", "minimum": 1, "maximum": overview.MAX_LIMIT},
            ),
            Parameter("q", "What identifiers or names contain"),
        ),
    ),
    Route(
        "GET",
        "/provisioning-sessions/{provisioningSessionId}",
        overview.retrieve_session,
        OPERATIONS,
        operation_id="retrieveProvisioningSessionSummary",
        summary="What is below a Provisioning Session, in a few words",
        answers=(Answer.shown(Content.json(SessionSummary)),),
    ),
    Route(
        "GET",
        "/application-servers",
        overview.list_application_servers,
        OPERATIONS,
        operation_id="listAllApplicationServers",
        summary="Every Application Server: whether it answers, and what it refuses",
        answers=(Answer.shown(Content.json(ServerHealthList)),),
    ),
    Route(
        "GET",
        "/models",
        overview.list_models,
        OPERATIONS,
        operation_id="listModels",
        summary="The models of all sessions, and the rollouts in force",
        answers=(Answer.shown(Content.json(ModelOverview)),),
        refusals=(HTTPStatus.BAD_GATEWAY,),
    ),
    Route(
        "GET",
        "/qos-alarms",
        overview.list_alarms,
        OPERATIONS,
        operation_id="listAllQosAlarms",
        summary="Where the network fell short of any session, newest first",
        answers=(Answer.shown(Content.json(QosAlarms)),),
        query=(Parameter("state", "open or all", {"type": "string", "enum": ["open", "all"]}),),
    ),
    Route(
        "GET",
        "/events",
        events.stream_events,
        OPERATIONS,
        operation_id="streamEvents",
        summary="What changes, as it changes (server-sent events)",
        answers=(Answer.shown(Content("text/event-stream")),),
    ),
    Route(
        "POST",
        f"{_TEMPLATE}/suspend",
        policy_templates.suspend,
        OPERATIONS,
        operation_id="suspendPolicyTemplate",
        summary="Take a Policy Template out of use",
        answers=(Answer.shown(Content.json(TemplateStatus)),),
        refusals=(HTTPStatus.CONFLICT,),
    ),
    Route(
        "POST",
        f"{_TEMPLATE}/resume",
        policy_templates.resume,
        OPERATIONS,
        operation_id="resumePolicyTemplate",
        summary="Put a Policy Template back into use",
        answers=(Answer.shown(Content.json(TemplateStatus)),),
        refusals=(HTTPStatus.CONFLICT,),
    ),
)
