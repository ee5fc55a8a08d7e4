"""What M3 configured: per provisioning session a Content Hosting Configuration and templates.

Bodies are kept byte for byte as the AF sent them, so that their digests tell both sides whether
they agree; what they mean is parsed once, when they come in.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TypeVar

from pydantic import Base64Bytes, ValidationError

from fivegms_api.content_hosting import ContentHostingConfiguration
from fivegms_api.media_type import essence
from fivegms_api.model_preparation import MODEL_PREPARATION_MEDIA_TYPE, ModelPreparation
from fivegms_api.problem_details import InvalidParam, json_pointer
from fivegms_api.wire import WireModel
from fivegms_as.distribution import Distribution
from fivegms_as.documents import Documents
from fivegms_as.errors import InvalidDocument, StoreDamaged
from fivegms_as.hosting_rules import pull_origin, read_distributions
from fivegms_as.json_members import refuse_repeated_members

Document = TypeVar("Document", bound=WireModel)


@dataclass(frozen=True, slots=True)
class Hosting:
    """A Content Hosting Configuration as sent, and as understood."""

    body: bytes
    configuration: ContentHostingConfiguration
    distributions: tuple[Distribution, ...]

    @classmethod
    def parse(cls, body: bytes) -> "Hosting":
        """Raises InvalidDocument that names the members."""
        try:
            configuration = _read_json(ContentHostingConfiguration, body)
        except ValidationError as error:
            raise _invalid("a Content Hosting Configuration", error) from error
        return cls(body, configuration, read_distributions(configuration))

    @property
    def sha256(self) -> str:
        """Of the body, in hex."""
        return hashlib.sha256(self.body).hexdigest()

    @property
    def pulled(self) -> bool:
        """Whether the AS would fetch content, instead of being sent it (TS 26.512 7.6.3)."""
        return self.configuration.ingest_configuration.pull is True

    @property
    def origin(self) -> str | None:
        """The base URL that content is pulled from, with a final slash; None where it is pushed."""
        return pull_origin(self.configuration.ingest_configuration)

    @property
    def certificates(self) -> frozenset[str]:
        """The ids of the certificates that distributions refer to."""
        ids = (distribution.certificate for distribution in self.distributions)
        return frozenset(certificate for certificate in ids if certificate is not None)


@dataclass(frozen=True, slots=True)
class Template:
    """A Content Preparation Template; `preparation` is None for media types that are not ours."""

    id: str
    content_type: str
    body: bytes
    preparation: ModelPreparation | None

    @classmethod
    def parse(cls, template_id: str, content_type: str, body: bytes) -> "Template":
        """Raises InvalidDocument that names the members of a template of our type."""
        if essence(content_type) != MODEL_PREPARATION_MEDIA_TYPE:
            return cls(template_id, content_type, body, None)
        try:
            preparation = _read_json(ModelPreparation, body)
        except ValidationError as error:
            raise _invalid("a model preparation template", error) from error
        return cls(template_id, content_type, body, preparation)

    @property
    def sha256(self) -> str:
        """Of the body, in hex."""
        return hashlib.sha256(self.body).hexdigest()


@dataclass(frozen=True, slots=True)
class Session:
    """A provisioning session as far as the AS knows it."""

    id: str
    hosting: Hosting | None = None
    templates: Mapping[str, Template] = field(default_factory=lambda: MappingProxyType({}))

    def with_template(self, template: Template) -> "Session":
        """The session with a template added or replaced."""
        return replace(self, templates=_by_id((*self.templates.values(), template)))

    def without_template(self, template_id: str) -> "Session":
        """The session with a template taken away."""
        return replace(
            self, templates=_by_id(t for t in self.templates.values() if t.id != template_id)
        )


class Sessions:
    """All sessions, in memory for reading, in documents for keeping. `save` and `remove` wait.

    A document that cannot be read is set aside; the status then lacks its session, so that the AF
    sends it again. `damaged` names those, `revision` grows with every change.
    """

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._sessions: dict[str, Session] = {}
        self.revision = 0
        self.damaged: set[str] = set()
        for name, data in documents.load().items():
            try:
                self._sessions[name] = _read(name, data)
            except StoreDamaged as error:
                documents.set_aside(name, str(error))
                self.damaged.add(name)

    def get(self, session_id: str) -> Session | None:
        """The session, if M3 configured anything of it."""
        return self._sessions.get(session_id)

    def all(self) -> tuple[Session, ...]:
        """Every session, by id."""
        return tuple(sorted(self._sessions.values(), key=lambda session: session.id))

    def save(self, session: Session) -> None:
        """Keep a session as it is now. Raises StoreFull."""
        self._documents.save(session.id, _write(session))
        self._sessions[session.id] = session
        self.revision += 1

    def remove(self, session_id: str) -> None:
        """Forget a session."""
        self._documents.remove(session_id)
        self._sessions.pop(session_id, None)
        self.revision += 1


class _TemplateDocument(WireModel):
    id: str
    content_type: str
    body: Base64Bytes


class _SessionDocument(WireModel):
    hosting: Base64Bytes | None = None
    templates: tuple[_TemplateDocument, ...] = ()


def _write(session: Session) -> bytes:
    # Base64Bytes decodes what it is given, so a document is built without validation.
    encode = _SessionDocument.model_construct
    return encode(
        hosting=session.hosting.body if session.hosting else None,
        templates=tuple(
            _TemplateDocument.model_construct(id=t.id, content_type=t.content_type, body=t.body)
            for t in session.templates.values()
        ),
    ).to_json()


def _read(session_id: str, data: bytes) -> Session:
    try:
        document = _SessionDocument.model_validate_json(data)
        templates = [Template.parse(t.id, t.content_type, t.body) for t in document.templates]
        hosting = None if document.hosting is None else Hosting.parse(document.hosting)
    except (ValidationError, InvalidDocument) as error:
        raise StoreDamaged(f"the configuration of session {session_id} is unreadable") from error
    return Session(session_id, hosting, _by_id(templates))


def _by_id(templates: Iterable[Template]) -> Mapping[str, Template]:
    return MappingProxyType({template.id: template for template in templates})


def _read_json(model: type[Document], body: bytes) -> Document:
    """A body from the wire, in 3GPP's spelling only. Raises ValidationError, InvalidDocument."""
    refuse_repeated_members(body)
    return model.model_validate_json(body, by_alias=True, by_name=False)


def _invalid(what: str, error: ValidationError) -> InvalidDocument:
    params = tuple(
        InvalidParam(param=json_pointer(*entry["loc"]), reason=entry["msg"])
        for entry in error.errors(include_url=False, include_input=False)
    )
    return InvalidDocument(f"the body is not {what}", params)
