"""Policy templates as an operator handles them: out of use, and back."""

from aiohttp import web

from fivegms_af.context import CONTEXT
from fivegms_af.exchange import path_variable
from fivegms_af.policy.errors import PolicyTemplateUnknown
from fivegms_af.policy.templates import TemplateEvent, status_of


async def suspend(request: web.Request) -> web.Response:
    """POST: 200 with state and reason; what UEs had from the template ends."""
    return await _operate(request, TemplateEvent.SUSPENDED)


async def resume(request: web.Request) -> web.Response:
    """POST: 200 with state and reason; the template is judged anew."""
    return await _operate(request, TemplateEvent.RESUMED)


async def _operate(request: web.Request, event: TemplateEvent) -> web.Response:
    context = request.app[CONTEXT]
    template_id = path_variable(request, "policyTemplateId")
    if template_id is None:
        raise PolicyTemplateUnknown(request.match_info["policyTemplateId"])
    template = await context.policy.operate(template_id, event, context.config.settle_s)
    return web.Response(body=status_of(template).to_json(), content_type="application/json")
