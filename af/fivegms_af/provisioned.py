"""What a provider has provisioned, as the AF keeps it: one session and all that lies below.

A session is the unit of consistency. Whatever changes below it changes its `version`, so that two
requests which each saw only half of a change cannot both succeed.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from fivegms_af.conditional import Representation
from fivegms_af.errors import TemplateUnknown
from fivegms_api.common_data import ProvisioningSessionType
from fivegms_api.content_hosting import ContentHostingConfiguration
from fivegms_api.provisioning_sessions import ProvisioningSession
from fivegms_api.wire import WireModel

JSON_MEDIA_TYPE = "application/json"

Model = TypeVar("Model", bound=WireModel)


@dataclass(frozen=True, slots=True)
class Hosting:
    """A Content Hosting Configuration as the provider gave it, without what the AF assigns."""

    configuration: ContentHostingConfiguration
    modified: datetime


@dataclass(frozen=True, slots=True)
class Template:
    """What is known of a Content Preparation Template without its body.

    `content_type` is the provider's header; `sha256` the hex digest of the body; `manifest` the
    path that a model preparation writes its MPD to, None for templates of other media types.
    """

    id: str
    content_type: str
    sha256: str
    manifest: str | None
    modified: datetime


class DocumentKind(StrEnum):
    """The JSON resources below a session; 3GPP's by the path segment that M1 gives them."""

    CONSUMPTION_REPORTING = "consumption-reporting-configuration"
    METRICS_REPORTING = "metrics-reporting-configurations"
    POLICY_TEMPLATE = "policy-templates"
    EDGE_RESOURCES = "edge-resources-configurations"
    EVENT_DATA_PROCESSING = "event-data-processing-configurations"
    AI_MODEL_ROLLOUT = "ai-model-rollouts"


@dataclass(frozen=True, slots=True)
class Document:
    """A JSON resource below a session: `body` as the provider gave it, canonical, without what the
    AF assigns; `status` what the AF says of it (a policy template's state), canonical JSON too.
    """

    id: str
    kind: DocumentKind
    body: bytes
    modified: datetime
    status: bytes | None = None

    def read(self, model: type[Model]) -> Model:
        """The body as the value that was accepted."""
        return model.model_validate_json(self.body)


@dataclass(frozen=True, slots=True)
class Certificate:
    """A Server Certificate: PEM texts. `chain` is None while an upload is awaited (TS 26.512 7.3),
    `signing_request` None where the AF issued the certificate itself.
    """

    id: str
    domain_names: tuple[str, ...]
    chain: bytes | None
    private_key: bytes = field(repr=False)
    signing_request: bytes | None
    modified: datetime


@dataclass(frozen=True, slots=True)
class Session:
    """A Provisioning Session; `modified` is when it was made, or something below came or went."""

    id: str
    type: ProvisioningSessionType
    app_id: str
    asp_id: str | None
    modified: datetime
    version: int
    hosting: Hosting | None = None
    templates: tuple[Template, ...] = ()
    documents: tuple[Document, ...] = ()
    certificates: tuple[Certificate, ...] = ()

    def documents_of(self, kind: DocumentKind) -> tuple[Document, ...]:
        """Those of one kind, oldest first."""
        return tuple(document for document in self.documents if document.kind is kind)

    def template(self, template_id: str) -> Template:
        """The template of that identifier; raises TemplateUnknown."""
        for template in self.templates:
            if template.id == template_id:
                return template
        raise TemplateUnknown(template_id)

    def representation(self) -> Representation:
        """The resource as M1 shows it (TS 26.512 7.2.3.1)."""
        resource = ProvisioningSession(
            provisioning_session_id=self.id,
            provisioning_session_type=self.type,
            app_id=self.app_id,
            asp_id=self.asp_id,
            server_certificate_ids=_ids(self.certificates),
            content_preparation_template_ids=_ids(self.templates),
            metrics_reporting_configuration_ids=self._ids_of(DocumentKind.METRICS_REPORTING),
            policy_template_ids=self._ids_of(DocumentKind.POLICY_TEMPLATE),
            edge_resources_configuration_ids=self._ids_of(DocumentKind.EDGE_RESOURCES),
            event_data_processing_configuration_ids=self._ids_of(
                DocumentKind.EVENT_DATA_PROCESSING
            ),
        )
        return Representation(resource.to_json(), JSON_MEDIA_TYPE, self.modified)

    def _ids_of(self, kind: DocumentKind) -> tuple[str, ...] | None:
        return _ids(self.documents_of(kind))


def _ids(resources: Iterable[Template | Document | Certificate]) -> tuple[str, ...] | None:
    """Their identifiers; None for none, since 3GPP's arrays have at least one item."""
    return tuple(resource.id for resource in resources) or None
