"""Content Preparation Templates of a session, byte for byte (TS 26.512 7.4)."""

from aiohttp import hdrs, web

from fivegms_af.bodies import canonical_json
from fivegms_af.conditional import Representation
from fivegms_af.context import CONTEXT
from fivegms_af.errors import SubResourceLimit, TemplateUnknown
from fivegms_af.exchange import (
    check_preconditions,
    created,
    no_content,
    path_variable,
    read_body,
    read_json,
    show,
)
from fivegms_af.m1.documents import MAX_OF_A_KIND
from fivegms_af.m1.provisioning_sessions import find_session, session_path
from fivegms_af.patching import JSON_PATCH, MERGE_PATCH, apply_patch
from fivegms_af.preparation import (
    accept_template,
    check_place,
    check_removal,
    read_for_patch,
)
from fivegms_af.provisioned import Session, Template

MAX_AGE_S = 60


async def create_template(request: web.Request) -> web.Response:
    """POST: 201, the identifier in Location."""
    session = await find_session(request)
    if len(session.templates) >= MAX_OF_A_KIND:
        raise SubResourceLimit("Content Preparation Template", MAX_OF_A_KIND)
    template_id = request.app[CONTEXT].new_id()
    content_type = request.headers.get(hdrs.CONTENT_TYPE)
    current = await _keep(request, session, template_id, content_type, await read_body(request))
    path = f"{session_path(session)}/content-preparation-templates/{template_id}"
    return created(request, path, current, MAX_AGE_S)


async def retrieve_template(request: web.Request) -> web.Response:
    """GET: 200 with the bytes and the media type that were sent."""
    session = await find_session(request)
    template, body = await _find(request, session)
    return show(request, _representation(template, body), MAX_AGE_S)


async def update_template(request: web.Request) -> web.Response:
    """PUT: 204; the media type may change."""
    session = await find_session(request)
    template, current = await _find(request, session)
    check_preconditions(request, _representation(template, current))
    content_type = request.headers.get(hdrs.CONTENT_TYPE)
    body = await read_body(request)
    return no_content(await _keep(request, session, template.id, content_type, body))


async def patch_template(request: web.Request) -> web.Response:
    """PATCH: 200 with the whole; 415 for a template that is not JSON."""
    session = await find_session(request)
    template, current = await _find(request, session)
    check_preconditions(request, _representation(template, current))
    media_type, patch = await read_json(request, MERGE_PATCH, JSON_PATCH)
    patched = apply_patch(media_type, read_for_patch(template, current), patch)
    body = canonical_json(patched)
    kept = await _keep(request, session, template.id, template.content_type, body)
    return show(request, kept, MAX_AGE_S)


async def destroy_template(request: web.Request) -> web.Response:
    """DELETE: 204; 409 while the Content Hosting Configuration refers to it."""
    context = request.app[CONTEXT]
    session = await find_session(request)
    template, current = await _find(request, session)
    check_preconditions(request, _representation(template, current))
    check_removal(session, template.id)
    await context.store.delete_template(session, template.id, context.now())
    await context.changed(session.id)
    return no_content()


async def _find(request: web.Request, session: Session) -> tuple[Template, bytes]:
    template_id = path_variable(request, "contentPreparationTemplateId")
    if template_id is None:
        raise TemplateUnknown(request.match_info["contentPreparationTemplateId"])
    template = session.template(template_id)
    return template, await request.app[CONTEXT].store.template_body(template.id)


async def _keep(
    request: web.Request, session: Session, template_id: str, content_type: str | None, body: bytes
) -> Representation:
    """Accept, store, let the AS follow; what is there now."""
    context = request.app[CONTEXT]
    template = accept_template(template_id, content_type, body, context.now())
    check_place(session, template)
    await context.store.put_template(session, template, body)
    await context.changed(session.id)
    return _representation(template, body)


def _representation(template: Template, body: bytes) -> Representation:
    return Representation(body, template.content_type, template.modified)
