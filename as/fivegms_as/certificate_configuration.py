"""M3: server certificates, as the AF provisions them (the open M3's `certificates` resource).

A body holds a private key. It is read, checked and kept; no answer and no log has it.
"""

import asyncio
import json
from http import HTTPStatus

from aiohttp import web

from fivegms_api.m3 import CERTIFICATE_MEDIA_TYPE, M3_BASE_PATH, certificate_path
from fivegms_as.certificate import MAX_PEM_BYTES, Certificate
from fivegms_as.certificates import Certificates
from fivegms_as.errors import CertificateInUse, ConfigurationExists, UnknownResource
from fivegms_as.exchange import read_body, shown, written
from fivegms_as.names import resource_id
from fivegms_as.sessions import Sessions

_CERTIFICATES = f"{M3_BASE_PATH}/certificates"
_CERTIFICATE = certificate_path("{session}", "{certificate}")


class CertificateConfiguration:
    """The handlers of certificates; `changing` is held by whoever changes a configuration."""

    def __init__(
        self, certificates: Certificates, sessions: Sessions, *, changing: asyncio.Lock
    ) -> None:
        self._certificates = certificates
        self._sessions = sessions
        self._changing = changing

    def routes(self) -> list[web.RouteDef]:
        """The table of certificates."""
        return [
            web.get(_CERTIFICATES, self.list_certificates),
            web.get(_CERTIFICATE, self.get_certificate),
            web.post(_CERTIFICATE, self.create_certificate),
            web.put(_CERTIFICATE, self.put_certificate),
            web.delete(_CERTIFICATE, self.delete_certificate),
        ]

    async def list_certificates(self, _request: web.Request) -> web.Response:
        """The certificates by `{session}:{certificate}`."""
        return shown(json.dumps([":".join(key) for key in self._certificates.ids()]).encode())

    async def get_certificate(self, request: web.Request) -> web.Response:
        """The chain without the key."""
        certificate = self._held(*_key(request))
        return shown(
            certificate.chain, etag=certificate.sha256, content_type=CERTIFICATE_MEDIA_TYPE
        )

    async def create_certificate(self, request: web.Request) -> web.Response:
        """Create; 409 where there is one."""
        return await self._write(request, create=True)

    async def put_certificate(self, request: web.Request) -> web.Response:
        """Create or replace; the next connection is shown the new one."""
        return await self._write(request, create=False)

    async def delete_certificate(self, request: web.Request) -> web.Response:
        """Forget a certificate that no distribution needs."""
        session_id, certificate_id = _key(request)
        async with self._changing:
            self._held(session_id, certificate_id)
            session = self._sessions.get(session_id)
            hosting = session.hosting if session is not None else None
            if hosting is not None and certificate_id in hosting.certificates:
                raise CertificateInUse("the session's Content Hosting Configuration refers to it")
            await asyncio.to_thread(self._certificates.remove, session_id, certificate_id)
        return web.Response(status=HTTPStatus.NO_CONTENT)

    async def _write(self, request: web.Request, *, create: bool) -> web.Response:
        if request.content_type != CERTIFICATE_MEDIA_TYPE:
            raise web.HTTPUnsupportedMediaType
        if (request.content_length or 0) > MAX_PEM_BYTES:
            raise web.HTTPRequestEntityTooLarge(MAX_PEM_BYTES, request.content_length or 0)
        session_id, certificate_id = _key(request)
        body = await read_body(request)
        async with self._changing:
            is_new = self._certificates.get(session_id, certificate_id) is None
            if create and not is_new:
                raise ConfigurationExists(f"certificate {certificate_id} is held; use PUT")
            certificate = await asyncio.to_thread(
                self._certificates.put, session_id, certificate_id, body
            )
        return written(is_new, certificate.sha256)

    def _held(self, session_id: str, certificate_id: str) -> Certificate:
        certificate = self._certificates.get(session_id, certificate_id)
        if certificate is None:
            raise UnknownResource("the session has no such certificate")
        return certificate


def _key(request: web.Request) -> tuple[str, str]:
    variables = request.match_info
    return resource_id(variables["session"]), resource_id(variables["certificate"])
