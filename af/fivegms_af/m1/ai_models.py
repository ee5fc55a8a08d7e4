"""The models of a session, how far each is on its way to the UE, and which version UEs get: an
extension of M1.
"""

from collections.abc import Iterable

from aiohttp import hdrs, web

from fivegms_af.bodies import Json, parse_json, validate
from fivegms_af.conditional import Representation
from fivegms_af.context import CONTEXT
from fivegms_af.errors import AiModelUnknown, MembersRefused, PreconditionFailed, RolloutUnknown
from fivegms_af.exchange import check_preconditions, no_content, read_json, show
from fivegms_af.m1.provisioning_sessions import find_session
from fivegms_af.patching import JSON_PATCH, MERGE_PATCH, apply_patch
from fivegms_af.provisioned import JSON_MEDIA_TYPE, Document, DocumentKind, Session
from fivegms_af.rollout import KeptRollout, begin, find, roll_back
from fivegms_af.service_access import locate
from fivegms_api.ai_model_rollouts import AiModelRollout, Rollback, Rollout
from fivegms_api.ai_models import AiModel, AiModelList, AiModelState
from fivegms_api.problem_details import InvalidParam, json_pointer

MAX_AGE_S = 0  # a provider who watches the progress gets every step

_ASSIGNED = ("since", "history")


async def list_models(request: web.Request) -> web.Response:
    """GET: 200 with all models; 503 while the AS does not answer."""
    session = await find_session(request)
    return _show_list(request, await _models(request, session))


async def retrieve_model(request: web.Request) -> web.Response:
    """GET: 200 with the newest version of the model of that name."""
    session = await find_session(request)
    return _show_model(request, (await _versions(request, session))[0])


async def list_versions(request: web.Request) -> web.Response:
    """GET: 200 with every version of the model, newest first."""
    session = await find_session(request)
    return _show_list(request, await _versions(request, session))


async def retrieve_version(request: web.Request) -> web.Response:
    """GET: 200 with one version; while it is prepared anew, how far that is."""
    session = await find_session(request)
    wanted = request.match_info["version"]
    for model in await _versions(request, session):
        if str(model.version) == wanted:
            return _show_model(request, model)
    raise AiModelUnknown(request.match_info["name"], wanted)


async def retrieve_rollout(request: web.Request) -> web.Response:
    """GET: 200 with the rollout in force; 404 while there is none."""
    session = await find_session(request)
    _, rollout = _in_force(request, session)
    return show(request, _representation(rollout), MAX_AGE_S)


async def update_rollout(request: web.Request) -> web.Response:
    """PUT: 204; the first one begins what later ones change."""
    session = await find_session(request)
    _check(request, session)
    _, document = await read_json(request)
    return no_content(_representation(await _begin(request, session, document)))


async def patch_rollout(request: web.Request) -> web.Response:
    """PATCH: 200 with the whole."""
    session = await find_session(request)
    current = _representation(_in_force(request, session)[1])
    check_preconditions(request, current)
    media_type, patch = await read_json(request, MERGE_PATCH, JSON_PATCH)
    patched = apply_patch(media_type, parse_json(current.body), patch)
    return show(request, _representation(await _begin(request, session, patched)), MAX_AGE_S)


async def destroy_rollout(request: web.Request) -> web.Response:
    """DELETE: 204; every UE gets the newest published version again."""
    context = request.app[CONTEXT]
    session = await find_session(request)
    document, rollout = _in_force(request, session)
    check_preconditions(request, _representation(rollout))
    await context.store.delete_document(session, document.id, context.now())
    return no_content()


async def roll_back_model(request: web.Request) -> web.Response:
    """POST: 200 with the rollout that puts every UE on one version again."""
    session = await find_session(request)
    current = _check(request, session)
    _, document = await read_json(request)
    wanted = validate(Rollback, document)
    states = _states(await _versions(request, session))
    now = request.app[CONTEXT].now()
    rollout = roll_back(wanted, current, states, now)
    await _keep(request, session, rollout)
    return show(request, _representation(rollout), MAX_AGE_S)


def _check(request: web.Request, session: Session) -> AiModelRollout | None:
    """The rollout in force, if there is one. Raises PreconditionFailed."""
    current = find(session, request.match_info["name"])
    if current is not None:
        check_preconditions(request, _representation(current[1]))
    elif hdrs.IF_MATCH in request.headers:
        raise PreconditionFailed(hdrs.IF_MATCH)
    return current[1] if current else None


async def _begin(request: web.Request, session: Session, document: Json) -> AiModelRollout:
    """The rollout that a provider asks for, stored."""
    current = find(session, request.match_info["name"])
    rollout = current[1] if current else None
    wanted = validate(Rollout, _without_assigned(document, rollout))
    states = _states(await _versions(request, session))
    begun = begin(wanted, rollout, states, request.app[CONTEXT].now())
    await _keep(request, session, begun)
    return begun


async def _keep(request: web.Request, session: Session, rollout: AiModelRollout) -> None:
    context, name = request.app[CONTEXT], request.match_info["name"]
    current = find(session, name)
    document_id = current[0].id if current else context.new_id()
    body = KeptRollout(name=name, rollout=rollout).to_json()
    document = Document(document_id, DocumentKind.AI_MODEL_ROLLOUT, body, rollout.since)
    await context.store.put_document(session, document)


def _in_force(request: web.Request, session: Session) -> tuple[Document, AiModelRollout]:
    name = request.match_info["name"]
    found = find(session, name)
    if found is None:
        raise RolloutUnknown(name)
    return found


def _without_assigned(document: Json, current: AiModelRollout | None) -> Json:
    """What the AF assigns may come back as it was shown. Raises MembersRefused."""
    if not isinstance(document, dict):
        return document
    shown = parse_json(current.to_json()) if current else {}
    faults = [
        InvalidParam(param=json_pointer(name), reason="is assigned by the 5GMS AF")
        for name in _ASSIGNED
        if name in document and document[name] != shown.get(name)
    ]
    if faults:
        raise MembersRefused(*faults)
    return {name: value for name, value in document.items() if name not in _ASSIGNED}


def _states(versions: Iterable[AiModel]) -> dict[int, AiModelState]:
    """A version that is prepared anew is still the published one to UEs."""
    states: dict[int, AiModelState] = {}
    for model in versions:
        if states.get(model.version) is not AiModelState.PUBLISHED:
            states[model.version] = model.state
    return states


async def _versions(request: web.Request, session: Session) -> tuple[AiModel, ...]:
    """Newest first, and of one version what is on its way first. Raises AiModelUnknown."""
    name = request.match_info["name"]
    named = [model for model in await _models(request, session) if model.name == name]
    if not named:
        raise AiModelUnknown(name)
    return tuple(sorted(named, key=_order))


def _order(model: AiModel) -> tuple[int, bool]:
    return -model.version, model.state is AiModelState.PUBLISHED


async def _models(request: web.Request, session: Session) -> tuple[AiModel, ...]:
    context = request.app[CONTEXT]
    models = await context.server.models(session.id)
    return tuple(locate(model, session, context.address) for model in models)


def _show_list(request: web.Request, models: tuple[AiModel, ...]) -> web.Response:
    body = AiModelList(ai_models=models).to_json()
    return show(request, Representation(body, JSON_MEDIA_TYPE), MAX_AGE_S)


def _show_model(request: web.Request, model: AiModel) -> web.Response:
    return show(request, Representation(model.to_json(), JSON_MEDIA_TYPE), MAX_AGE_S)


def _representation(rollout: AiModelRollout) -> Representation:
    return Representation(rollout.to_json(), JSON_MEDIA_TYPE, rollout.since)
