"""The models of a session and how far each is on its way to the UE: an extension of M1."""

from aiohttp import web

from fivegms_af.conditional import Representation
from fivegms_af.context import CONTEXT
from fivegms_af.errors import AiModelUnknown
from fivegms_af.exchange import show
from fivegms_af.m1.provisioning_sessions import find_session
from fivegms_af.provisioned import JSON_MEDIA_TYPE
from fivegms_af.service_access import locate
from fivegms_api.ai_models import AiModel, AiModelList

MAX_AGE_S = 0  # a provider who watches the progress gets every step


async def list_models(request: web.Request) -> web.Response:
    """GET: 200 with all models; 503 while the AS does not answer."""
    models = AiModelList(ai_models=await _models(request))
    return show(request, Representation(models.to_json(), JSON_MEDIA_TYPE), MAX_AGE_S)


async def retrieve_model(request: web.Request) -> web.Response:
    """GET: 200 with the newest version of the model of that name."""
    name = request.match_info["name"]
    named = [model for model in await _models(request) if model.name == name]
    if not named:
        raise AiModelUnknown(name)
    newest = max(named, key=lambda model: model.version)
    return show(request, Representation(newest.to_json(), JSON_MEDIA_TYPE), MAX_AGE_S)


async def _models(request: web.Request) -> tuple[AiModel, ...]:
    context = request.app[CONTEXT]
    session = await find_session(request)
    models = await context.server.models(session.id)
    return tuple(locate(model, session, context.address) for model in models)
