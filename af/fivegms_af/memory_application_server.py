"""An Application Server without a network: keeps what it is told, and can be made to fail."""

import hashlib

from fivegms_af.errors import ApplicationServerUnavailable
from fivegms_api.ai_models import AiModel
from fivegms_api.m3 import ApplicationServerStatus, ReportedSession, ReportedTemplate


class MemoryApplicationServer:
    """The second ApplicationServerPort: `calls` lists the verbs that were carried out, in order.

    While `error` is set, every verb raises it instead. `published` holds the models, `purge_count`
    is what a purge answers.
    """

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.calls: list[tuple[str, ...]] = []
        self.hostings: dict[str, bytes] = {}
        self.templates: dict[str, dict[str, tuple[str, bytes]]] = {}
        self.purged: list[tuple[str, str]] = []
        self.purge_count = 0
        self.published: list[AiModel] = []

    def stop(self) -> None:
        """From now on the AS does not answer."""
        self.error = ApplicationServerUnavailable("the Application Server does not answer")

    def start(self) -> None:
        """The AS answers again."""
        self.error = None

    async def status(self) -> ApplicationServerStatus:
        """What was put and not deleted."""
        self._do("status")
        known = sorted(self.hostings.keys() | self.templates.keys())
        return ApplicationServerStatus(
            server="memory", provisioning_sessions=tuple(self._session(one) for one in known)
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

    async def delete_session(self, session_id: str) -> None:
        """Forget the session."""
        self._do("delete_session", session_id)
        self.hostings.pop(session_id, None)
        self.templates.pop(session_id, None)

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
        self.calls.append(call)

    def _session(self, session_id: str) -> ReportedSession:
        hosting = self.hostings.get(session_id)
        templates = self.templates.get(session_id, {}).items()
        return ReportedSession(
            provisioning_session_id=session_id,
            content_hosting_configuration_sha256=None if hosting is None else _sha256(hosting),
            content_preparation_templates=tuple(
                ReportedTemplate(
                    content_preparation_template_id=one, content_type=kind, sha256=_sha256(body)
                )
                for one, (kind, body) in templates
            ),
        )


def _sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
