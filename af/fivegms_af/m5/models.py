"""Which model does a task, in the version that this UE gets: an extension of M5.

For a UE that knows its task but no session.
"""

import re
from collections.abc import Mapping

from aiohttp import hdrs, web

from fivegms_af.conditional import Representation
from fivegms_af.context import CONTEXT
from fivegms_af.errors import MembersRefused
from fivegms_af.exchange import query, show
from fivegms_af.provisioned import JSON_MEDIA_TYPE
from fivegms_af.rollout import Ue
from fivegms_af.security.caller import caller_of
from fivegms_af.service_access import models_for_ues
from fivegms_api.ai_model_rollouts import UE_NAME_PATTERN
from fivegms_api.ai_models import AiModelList
from fivegms_api.problem_details import InvalidParam

MAX_AGE_S = 5

_NAME = re.compile(UE_NAME_PATTERN)


async def find_models(request: web.Request) -> web.Response:
    """GET `?task=&name=&client=&cohort=`: 200 with what is published, each with its locator."""
    context = request.app[CONTEXT]
    wanted = query(request, "task", "name", "client", "cohort")
    ue = Ue(_plain(wanted, "client"), _plain(wanted, "cohort"))
    models = await context.server.models()
    sessions = await context.store.known({one.provisioning_session_id for one in models})
    found = models_for_ues(
        models,
        caller_of(request).visible(sessions),
        context.address,
        ue,
        task=wanted.get("task"),
        name=wanted.get("name"),
    )
    body = AiModelList(ai_models=found).to_json()
    response = show(request, Representation(body, JSON_MEDIA_TYPE), MAX_AGE_S)
    response.headers[hdrs.CACHE_CONTROL] = f"private, max-age={MAX_AGE_S}"
    return response


def _plain(wanted: Mapping[str, str], name: str) -> str | None:
    text = wanted.get(name)
    if text is not None and not _NAME.fullmatch(text):
        reason = "must be 1 to 128 letters, digits, dots, hyphens and underscores"
        raise MembersRefused(InvalidParam(param=f"query {name}", reason=reason))
    return text
