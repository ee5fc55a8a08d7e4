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
    NOT_IN_FORCE,
    ApplicationServerStatus,
    Capabilities,
    ReportedCertificate,
    ReportedSession,
    ReportedTemplate,
    content_hosting_configuration_path,
    content_preparation_template_path,
    provisioning_session_path,
)
from fivegms_api.media_type import is_media_type
from fivegms_api.problem_details import InvalidParam
from fivegms_as.certificates import Certificates
from fivegms_as.errors import (
    CertificateUnknown,
    ConfigurationExists,
    InvalidDocument,
    UnknownProvisioningSession,
    UnknownResource,
    UnsupportedMembers,
)
from fivegms_as.exchange import read_body, shown, written
from fivegms_as.hosting_rules import unsupported
from fivegms_as.media_types import OCTET_STREAM
from fivegms_as.names import resource_id
from fivegms_as.preparation import PreparationJobs
from fivegms_as.problems import SERVER
from fivegms_as.pull import Pull
from fivegms_as.purge import matching
from fivegms_as.sessions import Hosting, Session, Sessions, Template
from fivegms_as.store import ContentStore

_HOSTINGS = f"{M3_BASE_PATH}/content-hosting-configurations"
_HOSTING = content_hosting_configuration_path("{session}")
_SESSION = provisioning_session_path("{session}")
_TEMPLATES = f"{_SESSION}/content-preparation-templates"
_TEMPLATE = content_preparation_template_path("{session}", "{template}")


class Configuration:
    """The M3 handlers but for certificates.

    One change at a time, by the lock `changing`; each is durable before it is acknowledged.
    """

    def __init__(
        self,
        store: ContentStore,
        sessions: Sessions,
        jobs: PreparationJobs,
        pull: Pull,
        certificates: Certificates,
        *,
        capabilities: Capabilities,
        changing: asyncio.Lock,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._sessions = sessions
        self._jobs = jobs
        self._pull = pull
        self._certificates = certificates
        self._capabilities = capabilities
        self._clock = clock
        self._changing = changing

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
        return shown(json.dumps(hosted).encode())

    async def get_hosting(self, request: web.Request) -> web.Response:
        """The configuration as it was sent."""
        hosting = self._hosted(request)
        return shown(hosting.body, etag=hosting.sha256)

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
        self._pull.forget(session.id)
        self._jobs.consider(session.id)
        return web.Response(status=HTTPStatus.NO_CONTENT)

    async def purge(self, request: web.Request) -> web.Response:
        """Remove content by pattern; what was prepared is prepared again from its source."""
        if request.content_type != "application/x-www-form-urlencoded":
            raise web.HTTPUnsupportedMediaType
        self._hosted(request)
        session = self._known(request)
        pattern = _purge_pattern(await read_body(request))
        self._pull.forget(session.id)  # fetches under way may bring what is to go
        paths = sorted(self._store.objects(session.id))
        purged = await asyncio.to_thread(matching, pattern, paths)
        if not purged:
            return web.Response(status=HTTPStatus.NO_CONTENT)
        await asyncio.to_thread(self._store.publish, session.id, [], purged, self._clock())
        self._pull.forget(session.id)
        self._jobs.consider(session.id)
        return shown(str(len(purged)).encode())

    async def list_templates(self, request: web.Request) -> web.Response:
        """The session's templates by id and digest."""
        return shown(self._reported(self._known(request).id).to_json())

    async def get_template(self, request: web.Request) -> web.Response:
        """The template as it was sent."""
        template = self._known(request).templates.get(request.match_info["template"])
        if template is None:
            raise UnknownResource("the session has no such template")
        return shown(template.body, etag=template.sha256, content_type=template.content_type)

    async def put_template(self, request: web.Request) -> web.Response:
        """Create or replace a template; a model that waits for it is prepared."""
        template_id = resource_id(request.match_info["template"])
        content_type = request.headers.get(hdrs.CONTENT_TYPE, OCTET_STREAM)
        if not is_media_type(content_type):
            raise web.HTTPUnsupportedMediaType
        template = Template.parse(template_id, content_type, await read_body(request))
        session_id = resource_id(request.match_info["session"])
        async with self._changing:
            session = self._sessions.get(session_id) or Session(session_id)
            is_new = template.id not in session.templates
            await asyncio.to_thread(self._sessions.save, session.with_template(template))
        self._pull.follow(session_id)
        self._jobs.consider(session_id)
        return written(is_new, template.sha256)

    async def delete_template(self, request: web.Request) -> web.Response:
        """Remove a template and what it made."""
        template_id = request.match_info["template"]
        async with self._changing:
            session = self._known(request)
            if template_id not in session.templates:
                raise UnknownResource("the session has no such template")
            await asyncio.to_thread(self._sessions.save, session.without_template(template_id))
        self._pull.follow(session.id)
        self._jobs.consider(session.id)
        return web.Response(status=HTTPStatus.NO_CONTENT)

    async def delete_session(self, request: web.Request) -> web.Response:
        """Remove everything of a session, its running jobs included; 204 also where nothing is."""
        session_id = resource_id(request.match_info["session"])
        async with self._changing:
            await asyncio.to_thread(self._sessions.remove, session_id)
            await asyncio.to_thread(self._certificates.remove_all, session_id)
            await asyncio.to_thread(self._store.delete_session, session_id)
        self._pull.forget(session_id)
        self._jobs.consider(session_id)
        return web.Response(status=HTTPStatus.NO_CONTENT)

    async def session_models(self, request: web.Request) -> web.Response:
        """The models of one session."""
        models = self._jobs.models(self._known(request))
        return shown(AiModelList(ai_models=models).to_json())

    async def all_models(self, _request: web.Request) -> web.Response:
        """The models of all sessions."""
        sessions = self._sessions.all()
        models = tuple(model for session in sessions for model in self._jobs.models(session))
        return shown(AiModelList(ai_models=models).to_json())

    async def status(self, _request: web.Request) -> web.Response:
        """What is configured here, by digest, and what could be."""
        with_certificates = (session_id for session_id, _ in self._certificates.ids())
        ids = {*(session.id for session in self._sessions.all()), *with_certificates}
        status = ApplicationServerStatus(
            server=SERVER,
            provisioning_sessions=tuple(self._reported(session_id) for session_id in sorted(ids)),
            capabilities=self._capabilities,
        )
        return shown(status.to_json())

    async def _write_hosting(self, request: web.Request, *, create: bool) -> web.Response:
        if request.content_type != "application/json":
            raise web.HTTPUnsupportedMediaType
        session_id = resource_id(request.match_info["session"])
        hosting = Hosting.parse(await read_body(request))
        if refused := list(unsupported(hosting.configuration, self._capabilities)):
            raise UnsupportedMembers(refused)
        async with self._changing:
            self._check_certificates(session_id, hosting)
            session = self._sessions.get(session_id) or Session(session_id)
            is_new = session.hosting is None
            if create and not is_new:
                raise ConfigurationExists(f"session {session_id} has a configuration; use PUT")
            await asyncio.to_thread(self._store.create_session, session_id)
            await asyncio.to_thread(
                self._sessions.save, Session(session_id, hosting, session.templates)
            )
        self._pull.follow(session_id)
        self._jobs.consider(session_id)
        return written(is_new, hosting.sha256)

    def _check_certificates(self, session_id: str, hosting: Hosting) -> None:
        """Raises CertificateUnknown: a listener must have it before a distribution needs it."""
        for certificate_id in sorted(hosting.certificates):
            if self._certificates.get(session_id, certificate_id) is None:
                raise CertificateUnknown(f"certificate {certificate_id} is not held; PUT it first")

    def _reported(self, session_id: str) -> ReportedSession:
        session = self._sessions.get(session_id) or Session(session_id)
        hosting = session.hosting
        templates = sorted(session.templates.values(), key=lambda template: template.id)
        return ReportedSession(
            provisioning_session_id=session_id,
            content_hosting_configuration_sha256=self._digest(hosting) if hosting else None,
            content_preparation_templates=tuple(
                ReportedTemplate(
                    content_preparation_template_id=template.id,
                    content_type=template.content_type,
                    sha256=template.sha256,
                )
                for template in templates
            ),
            certificates=tuple(
                ReportedCertificate(certificate_id=name, sha256=certificate.sha256)
                for name, certificate in self._certificates.of(session_id)
            ),
        )

    def _digest(self, hosting: Hosting) -> str:
        """What is told of a configuration: its digest, if all of it is in force."""
        beyond = any(unsupported(hosting.configuration, self._capabilities))
        return NOT_IN_FORCE if beyond else hosting.sha256

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
