"""Network assistance of UEs (TS 26.512 11.6): sessions, recommendations, boosts."""

from dataclasses import replace
from http import HTTPStatus

from aiohttp import web

from fivegms_af.conditional import Representation
from fivegms_af.context import CONTEXT
from fivegms_af.exchange import show
from fivegms_af.m5.session_handling import MAX_AGE_S, SessionHandlingApi
from fivegms_af.policy.errors import NetworkAssistanceSessionUnknown
from fivegms_af.provisioned import JSON_MEDIA_TYPE
from fivegms_af.reports.records import Invocation
from fivegms_af.routes import M5_BASE_PATH, Answer, Api, Content, Route
from fivegms_api.network_assistance import NetworkAssistanceSession
from fivegms_api.qos import M5QosSpecification, OperationSuccessResponse

NETWORK_ASSISTANCE = SessionHandlingApi(
    name="Network Assistance Session",
    model=NetworkAssistanceSession,
    api=Api("M5_NetworkAssistance", "2.1.0", M5_BASE_PATH),
    path="/network-assistance/",
    id_member="na_session_id",
    assigned=("recommended_qos",),
    invocation=Invocation.NETWORK_ASSISTANCE,
    service=lambda context: context.policy.network_assistance,
    unknown=NetworkAssistanceSessionUnknown,
)

_ONE = "/network-assistance/{naSessionId}"


async def request_recommendation(request: web.Request) -> web.Response:
    """GET: 200 with what the session's flows can have now."""
    assistance = request.app[CONTEXT].policy.network_assistance
    recommended = await assistance.recommendation(await NETWORK_ASSISTANCE.find(request))
    return show(request, Representation(recommended.to_json(), JSON_MEDIA_TYPE), MAX_AGE_S)


async def request_boost(request: web.Request) -> web.Response:
    """POST: 200, which says whether there is a boost, and why not."""
    policy = request.app[CONTEXT].policy
    async with policy.lock(request.match_info["naSessionId"]):
        resource = await NETWORK_ASSISTANCE.find(request)
        outcome = await policy.network_assistance.boost(resource)
    return web.Response(body=outcome.to_json(), content_type=JSON_MEDIA_TYPE)


_WITHOUT_SLASH = replace(
    NETWORK_ASSISTANCE.routes()[0],
    path="/network-assistance",
    api=Api("fivegms_M5_NetworkAssistance", "1.0.0", M5_BASE_PATH),
    operation_id="createNetworkAssistanceSessionWithoutSlash",
)
"""3GPP's path ends in a slash, which clients leave out."""

NETWORK_ASSISTANCE_ROUTES = (
    _WITHOUT_SLASH,  # first, so that the API of the standard one is the handler's
    *NETWORK_ASSISTANCE.routes(),
    Route(
        "GET",
        f"{_ONE}/recommendation",
        request_recommendation,
        NETWORK_ASSISTANCE.api,
        operation_id="requestBitRateRecommendation",
        summary="What the network can do now",
        answers=(Answer.shown(Content.json(M5QosSpecification)),),
    ),
    Route(
        "POST",
        f"{_ONE}/boost-request",
        request_boost,
        NETWORK_ASSISTANCE.api,
        operation_id="requestDeliveryBoost",
        summary="More for a while",
        answers=(
            Answer(
                HTTPStatus.OK, "Whether there is a boost", (Content.json(OperationSuccessResponse),)
            ),
        ),
        refusals=(HTTPStatus.CONFLICT,),
    ),
)
