"""M3 over HTTP: the AF's side of TS 26.512's open M3 and of our extension of it."""

import re
import ssl
from collections.abc import Mapping
from typing import TypeVar

import aiohttp
from pydantic import ValidationError

from fivegms_af.errors import ApplicationServerRefused, ApplicationServerUnavailable
from fivegms_api.ai_models import AiModel, AiModelList
from fivegms_api.m3 import (
    CERTIFICATE_MEDIA_TYPE,
    M3_EXTENSION_BASE_PATH,
    ApplicationServerStatus,
    certificate_path,
    content_hosting_configuration_path,
    content_preparation_template_path,
    provisioning_session_path,
)
from fivegms_api.wire import WireModel

MAX_ANSWER_BYTES = 64 * 2**20
MAX_REASON_CHARACTERS = 500

_PASSING = (502, 503, 504)
"""What is no answer of the AS to the request; another 5xx is one, which need not hold for others.
"""

_JSON = {"Content-Type": "application/json"}
_PEM = {"Content-Type": CERTIFICATE_MEDIA_TYPE}

Answer = TypeVar("Answer", bound=WireModel)


class M3Client:
    """One AS at `m3_url`, over a session that somebody else opens and closes.

    `tls` says whom an https AS has to be vouched for by, and who the AF is; None is what the system
    trusts, and nobody.
    """

    def __init__(
        self,
        m3_url: str,
        http: aiohttp.ClientSession,
        timeout_s: float,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._m3_url = m3_url
        self._http = http
        self._tls = tls or True
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)

    async def status(self) -> ApplicationServerStatus:
        """What the AS holds."""
        return await self._get(f"{M3_EXTENSION_BASE_PATH}/status", ApplicationServerStatus)

    async def put_hosting(self, session_id: str, body: bytes) -> None:
        """Create or replace a Content Hosting Configuration."""
        await self._send("PUT", content_hosting_configuration_path(session_id), body, _JSON)

    async def delete_hosting(self, session_id: str) -> None:
        """Withdraw a Content Hosting Configuration."""
        await self._delete(content_hosting_configuration_path(session_id))

    async def put_template(
        self, session_id: str, template_id: str, content_type: str, body: bytes
    ) -> None:
        """Create or replace a Content Preparation Template."""
        path = content_preparation_template_path(session_id, template_id)
        await self._send("PUT", path, body, {"Content-Type": content_type})

    async def delete_template(self, session_id: str, template_id: str) -> None:
        """Withdraw a Content Preparation Template."""
        await self._delete(content_preparation_template_path(session_id, template_id))

    async def put_certificate(self, session_id: str, certificate_id: str, body: bytes) -> None:
        """Create or replace a Server Certificate; the body has its key and is never logged."""
        await self._send("PUT", certificate_path(session_id, certificate_id), body, _PEM)

    async def delete_certificate(self, session_id: str, certificate_id: str) -> None:
        """Withdraw a Server Certificate."""
        await self._delete(certificate_path(session_id, certificate_id))

    async def delete_session(self, session_id: str) -> None:
        """Remove everything of a session."""
        await self._delete(provisioning_session_path(session_id))

    async def purge(self, session_id: str, pattern: str) -> int:
        """How many cached objects went; none where the AS does not host the session yet."""
        path = f"{content_hosting_configuration_path(session_id)}/purge"
        form = aiohttp.FormData({"pattern": pattern})()
        try:
            answer = await self._send("POST", path, form)
        except ApplicationServerRefused as refused:
            if refused.status == 404:
                return 0
            raise
        return _count(answer)

    async def models(self, session_id: str | None = None) -> tuple[AiModel, ...]:
        """The models of a session, none where the AS does not know it yet; or of all."""
        base = provisioning_session_path(session_id) if session_id else M3_EXTENSION_BASE_PATH
        try:
            return (await self._get(f"{base}/ai-models", AiModelList)).ai_models
        except ApplicationServerRefused as refused:
            if refused.status == 404 and session_id:
                return ()
            raise

    async def _get(self, path: str, model: type[Answer]) -> Answer:
        answer = await self._send("GET", path)
        try:
            return model.model_validate_json(answer)
        except ValidationError as error:
            raise ApplicationServerUnavailable(
                f"{path} at the AS is no {model.__name__}"
            ) from error

    async def _delete(self, path: str) -> None:
        try:
            await self._send("DELETE", path)
        except ApplicationServerRefused as refused:
            if refused.status not in (404, 410):
                raise

    async def _send(
        self,
        method: str,
        path: str,
        body: bytes | aiohttp.Payload | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        """The body of a 2xx answer."""
        try:
            async with self._http.request(
                method,
                self._m3_url + path,
                data=body,
                headers=headers,
                timeout=self._timeout,
                ssl=self._tls,
                allow_redirects=False,
            ) as response:
                content = await _read(response)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ApplicationServerUnavailable(
                f"the AS does not answer: {_cause(error)}"
            ) from error
        if response.status in _PASSING:
            raise ApplicationServerUnavailable(f"the AS answers {response.status} to {path}")
        if response.status >= 300:
            raise ApplicationServerRefused(response.status, _reason(content))
        return content


async def _read(response: aiohttp.ClientResponse) -> bytes:
    content = bytearray()
    async for chunk in response.content.iter_any():
        content += chunk
        if len(content) > MAX_ANSWER_BYTES:
            raise ApplicationServerUnavailable(f"the AS answers more than {MAX_ANSWER_BYTES} bytes")
    return bytes(content)


def _cause(error: Exception) -> str:
    """In words for whoever looks at the AS: aiohttp's have the context of TLS as an object."""
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return f"{error.host}:{error.port}: {error.certificate_error}"
        case aiohttp.ClientConnectorError():
            return f"{error.host}:{error.port}: {error.os_error.strerror or error.os_error}"
    return str(error) or type(error).__name__


def _reason(content: bytes) -> str:
    text = content[: 4 * MAX_REASON_CHARACTERS].decode("utf-8", "replace")
    return re.sub(r"\s+", " ", text)[:MAX_REASON_CHARACTERS] or "no reason given"


def _count(answer: bytes) -> int:
    """The number of a 200; a 204 has no body and means none."""
    text = answer.strip()
    if not text:
        return 0
    if not text.isdigit() or len(text) > 15:
        raise ApplicationServerUnavailable("the AS does not say how many objects were purged")
    return int(text)
