"""M3, between the AF and an AS: where its resources are, and what an AS says that it holds.

The standard part configures content hosting. Ours (`/fivegms-m3/v1`) adds what model delivery
needs: Content Preparation Templates, the models' state, and a status from which the AF tells,
after either side was down, what has to be sent again. Every request is idempotent.

Where a distribution is served is decided here too: the AS answers there, the AF says so in
`baseURL`.
"""

from typing import Annotated

from pydantic import Field

from fivegms_api.common_data import ResourceId, Uri
from fivegms_api.wire import WireModel

M3_BASE_PATH = "/3gpp-m3/v1"
M3_EXTENSION_BASE_PATH = "/fivegms-m3/v1"

CERTIFICATE_MEDIA_TYPE = "application/x-pem-file"
"""A certificate, its chain and its private key, all PEM, in this order (TS 26.512 7.3.3)."""

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


def content_hosting_configuration_path(provisioning_session_id: str) -> str:
    """PUT and DELETE the configuration, POST `/purge` below it."""
    return f"{M3_BASE_PATH}/content-hosting-configurations/{provisioning_session_id}"


def provisioning_session_path(provisioning_session_id: str) -> str:
    """DELETE everything of a session; `/ai-models` below it lists the models."""
    return f"{M3_EXTENSION_BASE_PATH}/provisioning-sessions/{provisioning_session_id}"


def content_preparation_template_path(provisioning_session_id: str, template_id: str) -> str:
    """PUT and DELETE a template, byte for byte, under its own Content-Type."""
    session = provisioning_session_path(provisioning_session_id)
    return f"{session}/content-preparation-templates/{template_id}"


def certificate_path(provisioning_session_id: str, certificate_id: str) -> str:
    """PUT, POST and DELETE a certificate with its key; GET answers with the chain alone."""
    return f"{M3_BASE_PATH}/certificates/{provisioning_session_id}:{certificate_id}"


def distribution_path(provisioning_session_id: str, index: int) -> str:
    """Where `distributionConfigurations[index]` is served at M4d, below the listener's URL.

    >>> distribution_path("s1", 0)
    '/m4d/provisioning-session-s1/'
    >>> distribution_path("s1", 2)
    '/m4d/distribution-2/provisioning-session-s1/'
    """
    session = f"provisioning-session-{provisioning_session_id}/"
    return f"/m4d/distribution-{index}/{session}" if index else f"/m4d/{session}"


class ReportedTemplate(WireModel):
    """A template that an AS holds: the Content-Type and the digest of the body it was sent."""

    content_preparation_template_id: ResourceId
    content_type: str
    sha256: Sha256


class ReportedCertificate(WireModel):
    """A certificate that an AS holds: the digest of the PEM body that it was sent, key included."""

    certificate_id: ResourceId
    sha256: Sha256


NOT_IN_FORCE = "0" * 64
"""The digest of a configuration that an AS holds from when it could do more than it can now."""


class ReportedSession(WireModel):
    """What an AS holds of a session; the digest is that of the body that the AF sent, or
    `NOT_IN_FORCE`, which no body has: the AF sends the configuration again, and sees the refusal.
    """

    provisioning_session_id: ResourceId
    content_hosting_configuration_sha256: Sha256 | None = None
    content_preparation_templates: tuple[ReportedTemplate, ...] = ()
    certificates: tuple[ReportedCertificate, ...] = ()


class Capabilities(WireModel):
    """What an AS can enforce; it refuses a configuration that asks for more, naming the member.

    `geo_fencing_locator_types` is empty where the AS does not know where its clients are.
    `inference_slots` is how many network inference instances it can run at once.
    """

    geo_fencing_locator_types: tuple[Uri, ...]
    tls: bool
    pull_ingest: bool
    inference_slots: Annotated[int, Field(ge=0)]


class ApplicationServerStatus(WireModel):
    """The answer to `GET /fivegms-m3/v1/status`: every session that the AS holds anything of."""

    server: str
    provisioning_sessions: tuple[ReportedSession, ...]
    capabilities: Capabilities | None = None
