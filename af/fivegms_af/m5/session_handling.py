"""What UEs ask of the network at M5: the operations that both kinds of resources have.

Each kind is one value: its wire model, its names, and the service that does what it says. A session
is named in the body here, not in the path, so whether the caller may see it is checked here too.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from ipaddress import ip_address
from typing import Generic, Protocol, TypeVar

from aiohttp import hdrs, web

from fivegms_af.bodies import Json, parse_json, validate
from fivegms_af.conditional import Representation
from fivegms_af.context import CONTEXT, Context
from fivegms_af.errors import MembersRefused, ResourceUnknown, SessionUnknown
from fivegms_af.exchange import (
    check_preconditions,
    created,
    no_content,
    path_variable,
    read_json,
    show,
)
from fivegms_af.faults import fault
from fivegms_af.patching import JSON_PATCH, MERGE_PATCH, apply_patch
from fivegms_af.policy.requests import Asker, check_assigned
from fivegms_af.policy.session_handling import SessionHandlingResource
from fivegms_af.provisioned import JSON_MEDIA_TYPE, Session
from fivegms_af.reports.records import Invocation
from fivegms_af.routes import PATCHES, Answer, Api, Content, Handler, Route
from fivegms_af.security.caller import caller_of
from fivegms_api.dynamic_policies import DynamicPolicy
from fivegms_api.network_assistance import NetworkAssistanceSession
from fivegms_api.problem_details import InvalidParam

MAX_AGE_S = 0  # what the network grants may end at any time

Model = TypeVar("Model", DynamicPolicy, NetworkAssistanceSession)


class Service(Protocol[Model]):
    """The verbs of `DynamicPolicies` and `NetworkAssistance`."""

    async def find(self, resource_id: str, /) -> SessionHandlingResource:
        """The resource; raises that there is none."""
        ...

    async def create(
        self, session: Session, wanted: Model, asker: Asker, resource_id: str, /
    ) -> SessionHandlingResource:
        """A new one."""
        ...

    async def change(
        self, current: SessionHandlingResource, session: Session, wanted: Model, asker: Asker, /
    ) -> SessionHandlingResource:
        """Another in its place."""
        ...

    async def end(self, current: SessionHandlingResource, settle_s: float, /) -> None:
        """None any more."""
        ...

    def shown(self, resource: SessionHandlingResource, /) -> Model:
        """The resource as M5 shows it."""
        ...


@dataclass(frozen=True, slots=True)
class SessionHandlingApi(Generic[Model]):
    """A kind of resource: `path` of all and `one` of one, `assigned` what the AF assigns beside
    the identifier; `service` raises NoPolicyControl where there is none. `unknown` is what is said
    of an identifier that is none, or that is another one's.
    """

    name: str
    model: type[Model]
    api: Api
    path: str
    id_member: str
    assigned: tuple[str, ...]
    invocation: Invocation
    service: Callable[[Context], Service[Model]]
    unknown: Callable[[str], ResourceUnknown]

    async def create(self, request: web.Request) -> web.Response:
        """POST: 201 with the whole; an identifier that was sent gives way to ours."""
        context = request.app[CONTEXT]
        _, body = await read_json(request)
        wanted = validate(self.model, body)
        check_assigned(wanted, None, self.assigned)
        session = await self._session(request, wanted)
        bare, asker = self._bare(wanted), _asker(request)
        resource = await self.service(context).create(session, bare, asker, context.new_id())
        await context.reports.record_invocation(session.id, self.invocation, context.now())
        location = f"{self.api.base_path}{self.path.rstrip('/')}/{resource.id}"
        return created(request, location, self._shown(context, resource), MAX_AGE_S)

    async def retrieve(self, request: web.Request) -> web.Response:
        """GET: 200."""
        resource = await self.find(request)
        return show(request, self._shown(request.app[CONTEXT], resource), MAX_AGE_S)

    async def update(self, request: web.Request) -> web.Response:
        """PUT: 204."""
        async with self._turn(request):
            current = await self.find(request)
            check_preconditions(request, self._shown(request.app[CONTEXT], current))
            _, body = await read_json(request)
            return no_content(await self._change(request, current, body))

    async def patch(self, request: web.Request) -> web.Response:
        """PATCH: 200 with the whole; the patch applies to what GET shows."""
        async with self._turn(request):
            current = await self.find(request)
            shown = self._shown(request.app[CONTEXT], current)
            check_preconditions(request, shown)
            media_type, patch = await read_json(request, MERGE_PATCH, JSON_PATCH)
            patched = apply_patch(media_type, parse_json(shown.body), patch)
            return show(request, await self._change(request, current, patched), MAX_AGE_S)

    async def destroy(self, request: web.Request) -> web.Response:
        """DELETE: 204; the network lets go now, or as soon as it answers."""
        context = request.app[CONTEXT]
        async with self._turn(request):
            current = await self.find(request)
            check_preconditions(request, self._shown(context, current))
            await self.service(context).end(current, context.config.settle_s)
        return no_content()

    async def find(self, request: web.Request) -> SessionHandlingResource:
        """The resource that the path names, if it lies in a session that the caller sees."""
        context = request.app[CONTEXT]
        resource_id = path_variable(request, self._id_alias) or ""
        resource = await self.service(context).find(resource_id)
        session = await context.store.session(resource.provisioning_session_id)
        if not caller_of(request).sees(session):
            raise self.unknown(resource_id)
        return resource

    def routes(self) -> tuple[Route, ...]:
        """The five rows of the table, under 3GPP's operation identifiers."""
        noun = self.name.replace(" ", "")
        whole = Content.json(self.model)
        one = f"{self.path.rstrip('/')}/{{{self._id_alias}}}"
        return (
            self._route(
                "POST", self.path, self.create, f"create{noun}", Answer.created(whole), whole
            ),
            self._route("GET", one, self.retrieve, f"retrieve{noun}", Answer.shown(whole)),
            self._route("PUT", one, self.update, f"update{noun}", Answer.done(), whole),
            self._route("PATCH", one, self.patch, f"patch{noun}", Answer.shown(whole), *PATCHES),
            self._route("DELETE", one, self.destroy, f"destroy{noun}", Answer.done()),
        )

    def _route(
        self,
        method: str,
        path: str,
        handler: Handler,
        operation_id: str,
        answer: Answer,
        *accepts: Content,
    ) -> Route:
        refusals = [] if method == hdrs.METH_GET else [HTTPStatus.CONFLICT]
        if accepts:
            refusals.append(HTTPStatus.FORBIDDEN)
        return Route(
            method,
            path,
            handler,
            self.api,
            operation_id=operation_id,
            summary=f"{_SUMMARIES[method]} {self.name}",
            answers=(answer,),
            accepts=accepts,
            refusals=tuple(refusals),
        )

    async def _change(
        self, request: web.Request, current: SessionHandlingResource, body: Json
    ) -> Representation:
        """Judge and enforce; what is there now."""
        context = request.app[CONTEXT]
        service = self.service(context)
        wanted = validate(self.model, body)
        check_assigned(wanted, service.shown(current), (self.id_member, *self.assigned))
        session = await self._session(request, wanted)
        bare, asker = self._bare(wanted), _asker(request)
        return self._shown(context, await service.change(current, session, bare, asker))

    async def _session(self, request: web.Request, wanted: Model) -> Session:
        """The session that the body names; raises MembersRefused."""
        try:
            session = await request.app[CONTEXT].store.session(wanted.provisioning_session_id)
        except SessionUnknown as error:
            raise MembersRefused(_no_session()) from error
        if not caller_of(request).sees(session):
            raise MembersRefused(_no_session())
        return session

    def _bare(self, value: Model) -> Model:
        return value.model_copy(update=dict.fromkeys((self.id_member, *self.assigned)))

    def _shown(self, context: Context, resource: SessionHandlingResource) -> Representation:
        body = self.service(context).shown(resource).to_json()
        return Representation(body, JSON_MEDIA_TYPE, resource.modified)

    def _turn(self, request: web.Request) -> asyncio.Lock:
        return request.app[CONTEXT].policy.lock(request.match_info[self._id_alias])

    @property
    def _id_alias(self) -> str:
        return self.model.model_fields[self.id_member].alias or self.id_member


_SUMMARIES = {
    "POST": "Create a",
    "GET": "Retrieve the",
    "PUT": "Replace the",
    "PATCH": "Change members of the",
    "DELETE": "Destroy the",
}


def _asker(request: web.Request) -> Asker:
    """The UE at the other end of the connection."""
    ue = ip_address((request.remote or "").partition("%")[0])
    mapped = getattr(ue, "ipv4_mapped", None)
    return Asker(mapped or ue, request.app[CONTEXT].policy.sdf_methods)


def _no_session() -> InvalidParam:
    return fault("is no Provisioning Session", "provisioningSessionId")
