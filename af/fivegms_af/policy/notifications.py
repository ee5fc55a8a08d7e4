"""Where a PCF tells of events about a policy, on a listener of its own in the operator's network.

TS 29.514 4.2.5: the PCF POSTs to `/notify` and `/terminate` below the URL that it was given. A
listener of its own keeps UEs and providers out, whose word this is not.
"""

from aiohttp import web

from fivegms_af.bodies import validate
from fivegms_af.context import CONTEXT, Context
from fivegms_af.exchange import no_content, path_variable, read_json
from fivegms_af.middleware import answering, try_again
from fivegms_af.policy.errors import DynamicPolicyUnknown
from fivegms_af.policy.npcf_wire import EventsNotification, TerminationInfo
from fivegms_af.policy.session_handling import ResourceKind, SessionHandlingResource

BASE_PATH = "/fivegms-npcf-notify/v1"


def create_notifications_app(context: Context) -> web.Application:
    """The application that a PCF uses."""
    app = web.Application(
        client_max_size=context.config.max_body_bytes,
        middlewares=(
            answering(context.metrics.observer("npcf", ()), context.request_ids),
            try_again,
        ),
    )
    app[CONTEXT] = context
    app.router.add_post(f"{BASE_PATH}/{{policyId}}/notify", notify)
    app.router.add_post(f"{BASE_PATH}/{{policyId}}/terminate", terminate)
    return app


async def notify(request: web.Request) -> web.Response:
    """POST: 204; what the events say becomes, or ends, an alarm."""
    context = request.app[CONTEXT]
    resource = await _find(request)
    _, body = await read_json(request)
    told = validate(EventsNotification, body)
    await context.policy.alarms.notified(resource, told, context.now())
    return no_content()


async def terminate(request: web.Request) -> web.Response:
    """POST: 204; the policy ends, and the PCF is asked to delete its context as it wishes."""
    context = request.app[CONTEXT]
    resource = await _find(request)
    _, body = await read_json(request)
    validate(TerminationInfo, body)
    await context.policy.resources.remove(resource, context.now())
    await context.policy.upkeep.changed(resource.provisioning_session_id, 0)
    return no_content()


async def _find(request: web.Request) -> SessionHandlingResource:
    """The dynamic policy that the PCF was told; raises DynamicPolicyUnknown."""
    policy_id = path_variable(request, "policyId") or ""
    resources = request.app[CONTEXT].policy.resources
    found = await resources.find(ResourceKind.DYNAMIC_POLICY, policy_id)
    if found is None:
        raise DynamicPolicyUnknown(policy_id)
    return found
