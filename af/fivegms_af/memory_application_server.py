"""An Application Server without a network: keeps what it is told, and can be made to fail."""

import hashlib

from fivegms_af.errors import ApplicationServerRefused, ApplicationServerUnavailable
from fivegms_api.ai_models import AiModel
from fivegms_api.locators import ISO_3166
from fivegms_api.m3 import (
    ApplicationServerStatus,
    Capabilities,
    ReportedCertificate,
    ReportedSession,
    ReportedTemplate,
)

EVERYTHING = Capabilities(
    geo_fencing_locator_types=(ISO_3166,), tls=True, pull_ingest=True, inference_slots=4
)


class MemoryApplicationServer:
    """The second ApplicationServerPort: `calls` lists the verbs that were carried out, in order.

    While `error` is set, every verb raises it instead, and what is put for a session in `refusals`
    raises that. `published` holds the models, `purge_count`
    is what a purge answers, `capabilities` what the AS says that it can do.
    """

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.refusals: dict[str, ApplicationServerRefused] = {}
        self.calls: list[tuple[str, ...]] = []
        self.hostings: dict[str, bytes] = {}
        self.templates: dict[str, dict[str, tuple[str, bytes]]] = {}
        self.certificates: dict[str, dict[str, bytes]] = {}
        self.capabilities: Capabilities | None = EVERYTHING
        self.purged: list[tuple[str, str]] = []
        self.purge_count = 0
        self.published: list[AiModel] = []

    def stop(self) -> None:
        """From now on the AS does not answer."""
        self.error = ApplicationServerUnavailable("the Application Server does not answer")

    def start(self) -> None:
        """The AS answers again."""
        self.error = None

    def empty(self) -> None:
        """The AS loses everything that it was told."""
        self.hostings.clear()
        self.templates.clear()
        self.certificates.clear()

    async def status(self) -> ApplicationServerStatus:
        """What was put and not deleted."""
        self._do("status")
        known = sorted(self.hostings.keys() | self.templates.keys() | self.certificates.keys())
        return ApplicationServerStatus(
            server="memory",
            provisioning_sessions=tuple(self._session(one) for one in known),
            capabilities=self.capabilities,
        )

    async def put_hosting(self, session_id: str, body: bytes) -> None:
        """Keep the configuration."""
        self._do("put_hosting", session_id)
        self.hostings[session_id] = body

    async def delete_hosting(self, session_id: str) -> None:
        """Forget the configuration."""
        self._do("delete_hosting", session_id)
        self.hostings.pop(session_id, None)

    async def put_template(
        self, session_id: str, template_id: str, content_type: str, body: bytes
    ) -> None:
        """Keep the template."""
        self._do("put_template", session_id, template_id)
        self.templates.setdefault(session_id, {})[template_id] = (content_type, body)

    async def delete_template(self, session_id: str, template_id: str) -> None:
        """Forget the template."""
        self._do("delete_template", session_id, template_id)
        self.templates.get(session_id, {}).pop(template_id, None)

    async def put_certificate(self, session_id: str, certificate_id: str, body: bytes) -> None:
        """Keep the certificate and its key."""
        self._do("put_certificate", session_id, certificate_id)
        self.certificates.setdefault(session_id, {})[certificate_id] = body

    async def delete_certificate(self, session_id: str, certificate_id: str) -> None:
        """Forget the certificate."""
        self._do("delete_certificate", session_id, certificate_id)
        self.certificates.get(session_id, {}).pop(certificate_id, None)

    async def delete_session(self, session_id: str) -> None:
        """Forget the session."""
        self._do("delete_session", session_id)
        self.hostings.pop(session_id, None)
        self.templates.pop(session_id, None)
        self.certificates.pop(session_id, None)

    async def purge(self, session_id: str, pattern: str) -> int:
        """Note the pattern; `purge_count` objects went."""
        self._do("purge", session_id)
        self.purged.append((session_id, pattern))
        return self.purge_count

    async def models(self, session_id: str | None = None) -> tuple[AiModel, ...]:
        """Those of `published` that are the session's."""
        self._do("models")
        return tuple(
            model for model in self.published if session_id in (None, model.provisioning_session_id)
        )

    def _do(self, *call: str) -> None:
        if self.error is not None:
            raise self.error
        if call[0].startswith("put") and call[1] in self.refusals:
            raise self.refusals[call[1]]
        self.calls.append(call)

    def _session(self, session_id: str) -> ReportedSession:
        hosting = self.hostings.get(session_id)
        templates = self.templates.get(session_id, {}).items()
        certificates = self.certificates.get(session_id, {}).items()
        return ReportedSession(
            provisioning_session_id=session_id,
            content_hosting_configuration_sha256=None if hosting is None else _sha256(hosting),
            content_preparation_templates=tuple(
                ReportedTemplate(
                    content_preparation_template_id=one, content_type=kind, sha256=_sha256(body)
                )
                for one, (kind, body) in templates
            ),
            certificates=tuple(
                ReportedCertificate(certificate_id=one, sha256=_sha256(body))
                for one, body in certificates
            ),
        )


def _sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
