"""An Application Server as the AF needs it: the verbs of M3, whatever carries them.

`m3_client` speaks HTTP; `memory_application_server` holds everything itself.
"""

from typing import Protocol

from fivegms_api.ai_models import AiModel
from fivegms_api.m3 import ApplicationServerStatus


class ApplicationServerPort(Protocol):
    """Every verb is idempotent but `purge`, and raises ApplicationServerUnavailable when the AS
    does not answer, ApplicationServerRefused when it answers and does not do it.
    """

    async def status(self) -> ApplicationServerStatus:
        """What the AS holds."""
        ...

    async def put_hosting(self, session_id: str, body: bytes) -> None:
        """Create or replace a Content Hosting Configuration, as JSON."""
        ...

    async def delete_hosting(self, session_id: str) -> None:
        """Withdraw a Content Hosting Configuration."""
        ...

    async def put_template(
        self, session_id: str, template_id: str, content_type: str, body: bytes
    ) -> None:
        """Create or replace a Content Preparation Template, byte for byte."""
        ...

    async def delete_template(self, session_id: str, template_id: str) -> None:
        """Withdraw a Content Preparation Template."""
        ...

    async def put_certificate(self, session_id: str, certificate_id: str, body: bytes) -> None:
        """Create or replace a Server Certificate: its chain and its private key, as PEM."""
        ...

    async def delete_certificate(self, session_id: str, certificate_id: str) -> None:
        """Withdraw a Server Certificate."""
        ...

    async def delete_session(self, session_id: str) -> None:
        """Remove everything of a session, its content included."""
        ...

    async def purge(self, session_id: str, pattern: str) -> int:
        """Drop cached content whose path matches a regular expression; how many objects went."""
        ...

    async def models(self, session_id: str | None = None) -> tuple[AiModel, ...]:
        """The models of a session, or of all."""
        ...
