"""M3: what the AF configures, and what the AS reports back.

The standard part is `/3gpp-m3/v1` (content hosting configurations and purge); templates, models and
status are ours under `/fivegms-m3/v1`. Every request but POST may be repeated with the same effect.
"""

import asyncio
import json
from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from urllib.parse import parse_qsl

from aiohttp import hdrs, web

from fivegms_api.ai_models import AiModelList
from fivegms_api.m3 import (
    M3_BASE_PATH,
    M3_EXTENSION_BASE_PATH,
    ApplicationServerStatus,
    ReportedSession,
    ReportedTemplate,
    content_hosting_configuration_path,
    content_preparation_template_path,
    provisioning_session_path,
)
from fivegms_api.media_type import is_media_type
from fivegms_api.problem_details import InvalidParam
from fivegms_as.errors import (
    ConfigurationExists,
    InvalidDocument,
    UnknownProvisioningSession,
    UnknownResource,
)
from fivegms_as.media_types import OCTET_STREAM
from fivegms_as.names import resource_id
from fivegms_as.preparation import PreparationJobs
from fivegms_as.problems import SERVER
from fivegms_as.purge import matching
from fivegms_as.sessions import Hosting, Session, Sessions, Template
from fivegms_as.store import ContentStore

PURGE_TIMEOUT_S = 2.0
_HOSTINGS = f"{M3_BASE_PATH}/content-hosting-configurations"
_HOSTING = content_hosting_configuration_path("{session}")
_SESSION = provisioning_session_path("{session}")
_TEMPLATES = f"{_SESSION}/content-preparation-templates"
_TEMPLATE = content_preparation_template_path("{session}", "{template}")


class Configuration:
    """The M3 handlers. One change at a time; each is durable before it is acknowledged."""

    def __init__(
        self,
        store: ContentStore,
        sessions: Sessions,
        jobs: PreparationJobs,
        *,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._sessions = sessions
        self._jobs = jobs
        self._clock = clock
        self._changing = asyncio.Lock()

    def routes(self) -> list[web.RouteDef]:
        """The table of M3."""
        return [
            web.get(_HOSTINGS, self.list_hostings),
            web.get(_HOSTING, self.get_hosting),
            web.post(_HOSTING, self.create_hosting),
            web.put(_HOSTING, self.put_hosting),
            web.delete(_HOSTING, self.delete_hosting),
            web.post(f"{_HOSTING}/purge", self.purge),
            web.get(_TEMPLATES, self.list_templates),
            web.get(_TEMPLATE, self.get_template),
            web.put(_TEMPLATE, self.put_template),
            web.delete(_TEMPLATE, self.delete_template),
            web.delete(_SESSION, self.delete_session),
            web.get(f"{_SESSION}/ai-models", self.session_models),
            web.get(f"{M3_EXTENSION_BASE_PATH}/ai-models", self.all_models),
            web.get(f"{M3_EXTENSION_BASE_PATH}/status", self.status),
        ]

    async def list_hostings(self, _request: web.Request) -> web.Response:
        """The sessions that have a Content Hosting Configuration."""
        hosted = [session.id for session in self._sessions.all() if session.hosting]
        return _json(json.dumps(hosted).encode())

    async def get_hosting(self, request: web.Request) -> web.Response:
        """The configuration as it was sent."""
        hosting = self._hosted(request)
        return _json(hosting.body, etag=hosting.sha256)

    async def create_hosting(self, request: web.Request) -> web.Response:
        """Create; 409 where there is one."""
        return await self._write_hosting(request, create=True)

    async def put_hosting(self, request: web.Request) -> web.Response:
        """Create or replace."""
        return await self._write_hosting(request, create=False)

    async def delete_hosting(self, request: web.Request) -> web.Response:
        """Stop hosting: ingested and prepared content of the session goes."""
        async with self._changing:
            self._hosted(request)
            session = self._known(request)
            await asyncio.to_thread(
                self._sessions.save, Session(session.id, None, session.templates)
            )
            await asyncio.to_thread(self._store.delete_session, session.id)
        self._jobs.consider(session.id)
        return web.Response(status=HTTPStatus.NO_CONTENT)

    async def purge(self, request: web.Request) -> web.Response:
        """Remove content by pattern; what was prepared is prepared again from its source."""
        if request.content_type != "application/x-www-form-urlencoded":
            raise web.HTTPUnsupportedMediaType
        self._hosted(request)
        session = self._known(request)
        pattern = _purge_pattern(await _body(request))
        paths = sorted(self._store.objects(session.id))
        purged = await matching(pattern, paths, timeout_s=PURGE_TIMEOUT_S)
        if not purged:
            return web.Response(status=HTTPStatus.NO_CONTENT)
        await asyncio.to_thread(self._store.publish, session.id, [], purged, self._clock())
        self._jobs.consider(session.id)
        return _json(str(len(purged)).encode())

    async def list_templates(self, request: web.Request) -> web.Response:
        """The session's templates by id and digest."""
        return _json(_reported(self._known(request)).to_json())

    async def get_template(self, request: web.Request) -> web.Response:
        """The template as it was sent."""
        template = self._known(request).templates.get(request.match_info["template"])
        if template is None:
            raise UnknownResource("the session has no such template")
        return _json(template.body, etag=template.sha256, content_type=template.content_type)

    async def put_template(self, request: web.Request) -> web.Response:
        """Create or replace a template; a model that waits for it is prepared."""
        template_id = resource_id(request.match_info["template"])
        content_type = request.headers.get(hdrs.CONTENT_TYPE, OCTET_STREAM)
        if not is_media_type(content_type):
            raise web.HTTPUnsupportedMediaType
        template = Template.parse(template_id, content_type, await _body(request))
        session_id = resource_id(request.match_info["session"])
        async with self._changing:
            session = self._sessions.get(session_id) or Session(session_id)
            is_new = template.id not in session.templates
            await asyncio.to_thread(self._sessions.save, session.with_template(template))
        self._jobs.consider(session_id)
        return _written(is_new, template.sha256)

    async def delete_template(self, request: web.Request) -> web.Response:
        """Remove a template and what it made."""
        template_id = request.match_info["template"]
        async with self._changing:
            session = self._known(request)
            if template_id not in session.templates:
                raise UnknownResource("the session has no such template")
            await asyncio.to_thread(self._sessions.save, session.without_template(template_id))
        self._jobs.consider(session.id)
        return web.Response(status=HTTPStatus.NO_CONTENT)

    async def delete_session(self, request: web.Request) -> web.Response:
        """Remove everything of a session, its running jobs included; 204 also where nothing is."""
        session_id = resource_id(request.match_info["session"])
        async with self._changing:
            await asyncio.to_thread(self._sessions.remove, session_id)
            await asyncio.to_thread(self._store.delete_session, session_id)
        self._jobs.consider(session_id)
        return web.Response(status=HTTPStatus.NO_CONTENT)

    async def session_models(self, request: web.Request) -> web.Response:
        """The models of one session."""
        models = self._jobs.models(self._known(request))
        return _json(AiModelList(ai_models=models).to_json())

    async def all_models(self, _request: web.Request) -> web.Response:
        """The models of all sessions."""
        sessions = self._sessions.all()
        models = tuple(model for session in sessions for model in self._jobs.models(session))
        return _json(AiModelList(ai_models=models).to_json())

    async def status(self, _request: web.Request) -> web.Response:
        """What is configured here, by digest."""
        sessions = tuple(_reported(session) for session in self._sessions.all())
        status = ApplicationServerStatus(server=SERVER, provisioning_sessions=sessions)
        return _json(status.to_json())

    async def _write_hosting(self, request: web.Request, *, create: bool) -> web.Response:
        if request.content_type != "application/json":
            raise web.HTTPUnsupportedMediaType
        session_id = resource_id(request.match_info["session"])
        hosting = Hosting.parse(await _body(request))
        async with self._changing:
            session = self._sessions.get(session_id) or Session(session_id)
            is_new = session.hosting is None
            if create and not is_new:
                raise ConfigurationExists(f"session {session_id} has a configuration; use PUT")
            await asyncio.to_thread(self._store.create_session, session_id)
            await asyncio.to_thread(
                self._sessions.save, Session(session_id, hosting, session.templates)
            )
        self._jobs.consider(session_id)
        return _written(is_new, hosting.sha256)

    def _known(self, request: web.Request) -> Session:
        session = self._sessions.get(request.match_info["session"])
        if session is None:
            raise UnknownProvisioningSession(request.match_info["session"])
        return session

    def _hosted(self, request: web.Request) -> Hosting:
        hosting = self._known(request).hosting
        if hosting is None:
            raise UnknownResource("the session has no Content Hosting Configuration")
        return hosting


def _reported(session: Session) -> ReportedSession:
    return ReportedSession(
        provisioning_session_id=session.id,
        content_hosting_configuration_sha256=session.hosting.sha256 if session.hosting else None,
        content_preparation_templates=tuple(
            ReportedTemplate(
                content_preparation_template_id=template.id,
                content_type=template.content_type,
                sha256=template.sha256,
            )
            for template in sorted(session.templates.values(), key=lambda template: template.id)
        ),
    )


async def _body(request: web.Request) -> bytes:
    """The whole body. Raises InvalidDocument where its coding is broken."""
    try:
        return await request.read()
    except (web.RequestPayloadError, ValueError) as error:
        raise InvalidDocument(f"the body cannot be read: {error}") from error


def _purge_pattern(form: bytes) -> str:
    """The field `pattern` of a form in UTF-8. Raises InvalidDocument."""
    try:
        fields = dict(parse_qsl(form.decode(), keep_blank_values=True, errors="strict"))
    except ValueError as error:
        raise InvalidDocument(f"the body is no form: {error}") from error
    if "pattern" not in fields:
        missing = InvalidParam(param="pattern", reason="is required")
        raise InvalidDocument("the form has no pattern", [missing])
    return fields["pattern"]


def _written(is_new: bool, sha256: str) -> web.Response:
    status = HTTPStatus.CREATED if is_new else HTTPStatus.NO_CONTENT
    return web.Response(status=status, headers={hdrs.ETAG: f'"{sha256}"'})


def _json(
    body: bytes, *, etag: str | None = None, content_type: str = "application/json"
) -> web.Response:
    fields = {hdrs.CONTENT_TYPE: content_type, hdrs.CACHE_CONTROL: "no-store"}
    if etag is not None:
        fields[hdrs.ETAG] = f'"{etag}"'
    return web.Response(body=body, headers=fields)
