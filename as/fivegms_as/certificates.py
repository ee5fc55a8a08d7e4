"""The certificates that M3 brought, each in a file that only this server's user can read.

A certificate that the TLS library does not take is refused when it comes, so that a handshake finds
it ready.
"""

import os
import ssl
import tempfile
from collections.abc import Iterator
from pathlib import Path

from fivegms_as.certificate import Certificate
from fivegms_as.errors import CertificateInvalid
from fivegms_as.files import disk_errors, is_temporary, remove_file, replace_file
from fivegms_as.quarantine import Quarantine

_OWNER_ONLY = 0o600


class Certificates:
    """All certificates by session and id. `revision` grows with every change.

    `put` and the removals wait for the disk.
    """

    def __init__(self, folder: Path, quarantine: Quarantine) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder
        self._held: dict[tuple[str, str], Certificate] = {}
        self._contexts: dict[str, ssl.SSLContext] = {}
        self.revision = 0
        for file in sorted(folder.iterdir()):
            self._load(file, quarantine)

    def get(self, session_id: str, certificate_id: str) -> Certificate | None:
        """A certificate, if it is held."""
        return self._held.get((session_id, certificate_id))

    def ids(self) -> tuple[tuple[str, str], ...]:
        """Session and certificate ids, in order."""
        return tuple(sorted(self._held))

    def of(self, session_id: str) -> Iterator[tuple[str, Certificate]]:
        """The certificates of a session with their ids, in order."""
        for (session, certificate_id), certificate in sorted(self._held.items()):
            if session == session_id:
                yield certificate_id, certificate

    def context(self, certificate: Certificate) -> ssl.SSLContext:
        """What a handshake with this certificate uses."""
        return self._contexts[certificate.sha256]

    def put(self, session_id: str, certificate_id: str, body: bytes) -> Certificate:
        """Keep a certificate, in place of an older one. Raises CertificateInvalid, StoreFull."""
        certificate = Certificate.parse(body)
        context = self._usable(certificate)
        replace_file(self._file(session_id, certificate_id), body, mode=_OWNER_ONLY)
        self._hold((session_id, certificate_id), certificate, context)
        return certificate

    def remove(self, session_id: str, certificate_id: str) -> None:
        """Forget a certificate."""
        remove_file(self._file(session_id, certificate_id))
        self._held.pop((session_id, certificate_id), None)
        self._forget_unused()

    def remove_all(self, session_id: str) -> None:
        """Forget every certificate of a session."""
        for certificate_id, _ in list(self.of(session_id)):
            self.remove(session_id, certificate_id)

    def _load(self, file: Path, quarantine: Quarantine) -> None:
        if is_temporary(file):
            file.unlink()
            return
        session_id, _, certificate_id = file.stem.partition(":")
        try:
            certificate = Certificate.parse(file.read_bytes())
            context = self._usable(certificate)
        except CertificateInvalid as error:
            quarantine.set_aside(file, str(error))
            return
        self._hold((session_id, certificate_id), certificate, context)

    def _hold(
        self, key: tuple[str, str], certificate: Certificate, context: ssl.SSLContext
    ) -> None:
        self._held[key] = certificate
        self._contexts[certificate.sha256] = context
        self._forget_unused()

    def _forget_unused(self) -> None:
        used = {certificate.sha256 for certificate in self._held.values()}
        self._contexts = {name: one for name, one in self._contexts.items() if name in used}
        self.revision += 1

    def _usable(self, certificate: Certificate) -> ssl.SSLContext:
        """The context of a certificate; OpenSSL reads it from a file only."""
        context = server_context()
        with disk_errors():
            descriptor, name = tempfile.mkstemp(prefix=".", dir=self._folder)
        file = Path(name)
        try:
            with disk_errors(), os.fdopen(descriptor, "wb") as out:
                out.write(certificate.body)
            context.load_cert_chain(file)
        except ssl.SSLError as error:
            raise CertificateInvalid(f"TLS does not take it: {error.reason}") from error
        finally:
            file.unlink()
        return context

    def _file(self, session_id: str, certificate_id: str) -> Path:
        return self._folder / f"{session_id}:{certificate_id}.pem"


def server_context() -> ssl.SSLContext:
    """TLS 1.2 and later; every connection proves the certificate that is in force now."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION
    context.num_tickets = 0
    context.set_alpn_protocols(["http/1.1"])
    return context
