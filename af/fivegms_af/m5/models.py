"""Which model does a task: an extension of M5, for a UE that knows no session."""

from aiohttp import web

from fivegms_af.conditional import Representation
from fivegms_af.context import CONTEXT
from fivegms_af.exchange import query, show
from fivegms_af.provisioned import JSON_MEDIA_TYPE
from fivegms_af.security.caller import caller_of
from fivegms_af.service_access import models_for_ues
from fivegms_api.ai_models import AiModelList

MAX_AGE_S = 5


async def find_models(request: web.Request) -> web.Response:
    """GET `?task=&name=`: 200 with what is published, each with its locator."""
    context = request.app[CONTEXT]
    wanted = query(request, "task", "name")
    models = await context.server.models()
    sessions = await context.store.sessions({one.provisioning_session_id for one in models})
    found = models_for_ues(
        models,
        caller_of(request).visible(sessions),
        context.address,
        task=wanted.get("task"),
        name=wanted.get("name"),
    )
    body = AiModelList(ai_models=found).to_json()
    return show(request, Representation(body, JSON_MEDIA_TYPE), MAX_AGE_S)
