"""JSON resources below a Provisioning Session: their five operations, once for all kinds.

A kind differs in its wire model, in whether a session has one or many, and in a few rules. Those
are the fields of a `DocumentResource`; what all kinds share is here: the HTTP manners, the
identifiers, and that members which the AF assigns may be sent back as they were shown but never
changed. This module knows no kind and no table, only how a session's documents are kept.

A resource module makes one value and takes its rows for the table of routes from it:

    TEMPLATES = DocumentResource(
        kind=DocumentKind.POLICY_TEMPLATE,
        name="Policy Template",
        model=PolicyTemplate,
        api=POLICY_TEMPLATES,
        accept=accept_template,
        id_member="policy_template_id",
    )
    TEMPLATES.routes()
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Generic, TypeVar

from aiohttp import web

from fivegms_af.bodies import Json, parse_json, validate
from fivegms_af.conditional import Representation
from fivegms_af.context import CONTEXT, Context
from fivegms_af.errors import (
    MembersRefused,
    SubResourceExists,
    SubResourceLimit,
    SubResourceUnknown,
)
from fivegms_af.exchange import (
    check_preconditions,
    created,
    no_content,
    path_variable,
    read_json,
    show,
)
from fivegms_af.m1.provisioning_sessions import find_session, session_path
from fivegms_af.patching import JSON_PATCH, MERGE_PATCH, apply_patch
from fivegms_af.provisioned import JSON_MEDIA_TYPE, Document, DocumentKind, Session
from fivegms_af.routes import PATCHES, Answer, Api, Content, Handler, Route
from fivegms_api.problem_details import InvalidParam, json_pointer
from fivegms_api.wire import WireModel

MAX_AGE_S = 60
MAX_OF_A_KIND = 100  # a session is read, cached and shown to UEs whole

Model = TypeVar("Model", bound=WireModel)

_SUMMARIES = {
    "POST": "Create a",
    "GET": "Retrieve the",
    "PUT": "Replace the",
    "PATCH": "Change members of the",
    "DELETE": "Destroy the",
}


async def put_document(context: Context, session: Session, document: Document) -> None:
    """Create or replace, on the session as it was read; raises ChangedMeanwhile."""
    await context.store.put_document(session, document)


async def delete_document(context: Context, session: Session, document: Document) -> None:
    """Remove, on the session as it was read; raises ChangedMeanwhile."""
    await context.store.delete_document(session, document.id, context.now())


def _no_status(context: Context, value: WireModel, current: Document | None) -> bytes | None:
    return None


def _nothing(document: Document) -> Mapping[str, object]:
    return {}


@dataclass(frozen=True, slots=True)
class DocumentResource(Generic[Model]):
    """A kind of JSON resource below a session.

    `name` is 3GPP's, with spaces; operation identifiers are made of it, `creation` being the verb
    and noun of POST where that is called otherwise. `id_member` names the identifier's member;
    without one a session has a single resource of the kind.

    `accept(context, session, document_id, value)` gives the value to keep, or raises
    MembersRefused; the value comes without what the AF assigns. `status(context, value, current)`
    is the status of a newly accepted value that takes the place of the current document,
    `assign(document)` the members `read_only` that are read from it. `put` and `delete` write; one
    that has to check or claim something first does so there, and one that has work to start
    afterwards too, `put` giving the document where that made it another. All names of members are
    the model's, snake_case.
    """

    kind: DocumentKind
    name: str
    model: type[Model]
    api: Api
    accept: Callable[[Context, Session, str, Model], Model]
    id_member: str | None = None
    creation: str | None = None
    read_only: tuple[str, ...] = ()
    assign: Callable[[Document], Mapping[str, object]] = _nothing
    status: Callable[[Context, Model, Document | None], bytes | None] = _no_status
    put: Callable[[Context, Session, Document], Awaitable[Document | None]] = put_document
    delete: Callable[[Context, Session, Document], Awaitable[None]] = delete_document

    async def create(self, request: web.Request) -> web.Response:
        """POST: 201 with the whole; an identifier that was sent gives way to ours."""
        session = await find_session(request)
        _, body = await read_json(request)
        self._check_room(session)
        current = await self._keep(request, session, None, body)
        return created(request, self._path(session, current), self._shown(current), MAX_AGE_S)

    async def retrieve(self, request: web.Request) -> web.Response:
        """GET: 200."""
        _, document = await self._find(request)
        return show(request, self._shown(document), MAX_AGE_S)

    async def update(self, request: web.Request) -> web.Response:
        """PUT: 204."""
        session, current = await self._find(request)
        check_preconditions(request, self._shown(current))
        _, body = await read_json(request)
        return no_content(self._shown(await self._keep(request, session, current, body)))

    async def patch(self, request: web.Request) -> web.Response:
        """PATCH: 200 with the whole; the patch applies to what GET shows."""
        session, current = await self._find(request)
        shown = self._shown(current)
        check_preconditions(request, shown)
        media_type, patch = await read_json(request, MERGE_PATCH, JSON_PATCH)
        patched = apply_patch(media_type, parse_json(shown.body), patch)
        return show(
            request, self._shown(await self._keep(request, session, current, patched)), MAX_AGE_S
        )

    async def destroy(self, request: web.Request) -> web.Response:
        """DELETE: 204; 409 where something refers to it."""
        session, current = await self._find(request)
        check_preconditions(request, self._shown(current))
        await self.delete(request.app[CONTEXT], session, current)
        return no_content()

    def complete(self, document: Document) -> Model:
        """The resource as M1 shows it: what the provider gave and what the AF assigns."""
        identifier = {self.id_member: document.id} if self.id_member else {}
        assigned = {**identifier, **self.assign(document)}
        return document.read(self.model).model_copy(update=assigned)

    def routes(self) -> tuple[Route, ...]:
        """The five rows of the table, under 3GPP's operation identifiers."""
        noun = self.name.replace(" ", "")
        creation = self.creation or f"create{noun}"
        whole = Content.json(self.model)
        return (
            self._route("POST", self.create, creation, Answer.created(whole), whole),
            self._route("GET", self.retrieve, f"retrieve{noun}", Answer.shown(whole)),
            self._route("PUT", self.update, f"update{noun}", Answer.done(), whole),
            self._route("PATCH", self.patch, f"patch{noun}", Answer.shown(whole), *PATCHES),
            self._route("DELETE", self.destroy, f"destroy{noun}", Answer.done()),
        )

    def _route(
        self, method: str, handler: Handler, operation_id: str, answer: Answer, *accepts: Content
    ) -> Route:
        path = f"/provisioning-sessions/{{provisioningSessionId}}/{self.kind.value}"
        if self.id_member and method != "POST":
            path += f"/{{{self._id_alias}}}"
        return Route(
            method,
            path,
            handler,
            self.api,
            operation_id=operation_id,
            summary=f"{_SUMMARIES[method]} {self.name}",
            answers=(answer,),
            accepts=accepts,
            refusals=() if method == "GET" else (HTTPStatus.CONFLICT,),
        )

    @property
    def _id_alias(self) -> str:
        return _spelling(self.model, self.id_member) if self.id_member else ""

    def _path(self, session: Session, document: Document) -> str:
        many = f"{session_path(session)}/{self.kind.value}"
        return f"{many}/{document.id}" if self.id_member else many

    async def _find(self, request: web.Request) -> tuple[Session, Document]:
        """The document that the path names, and its session; raises SubResourceUnknown."""
        session = await find_session(request)
        wanted = path_variable(request, self._id_alias) if self.id_member else None
        for document in session.documents_of(self.kind):
            if self.id_member is None or document.id == wanted:
                return session, document
        raise SubResourceUnknown(self.name, request.match_info.get(self._id_alias))

    def _check_room(self, session: Session) -> None:
        count = len(session.documents_of(self.kind))
        if self.id_member is None and count:
            raise SubResourceExists(self.name)
        if count >= MAX_OF_A_KIND:
            raise SubResourceLimit(self.name, MAX_OF_A_KIND)

    async def _keep(
        self, request: web.Request, session: Session, current: Document | None, body: Json
    ) -> Document:
        """Validate, accept, write; what is there now."""
        context = request.app[CONTEXT]
        sent = self._without_assigned(validate(self.model, body), current)
        document_id = current.id if current else context.new_id()
        accepted = self.accept(context, session, document_id, sent)
        document = Document(
            document_id,
            self.kind,
            accepted.to_json(),
            context.now(),
            self.status(context, accepted, current),
        )
        return await self.put(context, session, document) or document

    def _without_assigned(self, value: Model, current: Document | None) -> Model:
        """`value` without the members that are the AF's; raises MembersRefused for new values.

        3GPP's schemas require an identifier in a POST as well, before the AF chose one: any is
        taken there.
        """
        shown = self.complete(current) if current else None
        identifier = (self.id_member,) if self.id_member else ()
        checked = self.read_only + (identifier if shown else ())
        changed = [
            name
            for name in checked
            if getattr(value, name) not in (None, getattr(shown, name, None))
        ]
        if changed:
            raise MembersRefused(*(_assigned(self.model, name) for name in changed))
        return value.model_copy(update=dict.fromkeys(self.read_only + identifier))

    def _shown(self, document: Document) -> Representation:
        body = self.complete(document).to_json()
        return Representation(body, JSON_MEDIA_TYPE, document.modified)


def _assigned(model: type[WireModel], name: str) -> InvalidParam:
    pointer = json_pointer(_spelling(model, name))
    return InvalidParam(param=pointer, reason="is assigned by the 5GMS AF")


def _spelling(model: type[WireModel], name: str) -> str:
    return model.model_fields[name].alias or name
