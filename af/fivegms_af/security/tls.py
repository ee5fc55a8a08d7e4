"""TLS as this AF speaks it: 1.2 or newer, certificates from PEM files, taken anew on request."""

import ssl
from pathlib import Path

from fivegms_af.security.config import CertificateFiles
from fivegms_af.security.errors import SettingsRefused


class ServerTls:
    """What the listeners show: `context`. `reload` shows new connections what the files hold then.

    A context that is loaded again would keep the old certificate beside a new one with another type
    of key, so each connection gets the context that was made last.
    """

    def __init__(self, files: CertificateFiles) -> None:
        """Raises SettingsRefused."""
        self._files = files
        self._newest = self.context = _server_context(files)
        self.context.sni_callback = self._select

    def reload(self) -> None:
        """Raises SettingsRefused, and goes on with what there was."""
        self._newest = _server_context(self._files)

    def _select(
        self, connection: ssl.SSLSocket | ssl.SSLObject, name: str | None, _: ssl.SSLContext
    ) -> None:
        """Called for every client's hello, with a name or without."""
        connection.context = self._newest


def client_context(ca: Path | None, shown: CertificateFiles | None) -> ssl.SSLContext:
    """For M3: trusts `ca` (None: what the system trusts), shows a certificate if there is one.

    Raises SettingsRefused.
    """
    try:
        context = ssl.create_default_context(cafile=ca)
    except (OSError, ValueError) as error:
        raise SettingsRefused(ca or "the system's certificates", _reason(error)) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if shown is not None:
        _show(context, shown)
    return context


def _server_context(files: CertificateFiles) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _show(context, files)
    return context


def _show(context: ssl.SSLContext, files: CertificateFiles) -> None:
    try:
        context.load_cert_chain(files.certificate, files.key, password=_no_password)
    except (OSError, ValueError) as error:
        raise SettingsRefused(f"{files.certificate} with {files.key}", _reason(error)) from error


def _no_password() -> str:
    """Without it, OpenSSL asks for the password of an encrypted key at the terminal."""
    raise ValueError("the key is encrypted")


def _reason(error: Exception) -> str:
    return getattr(error, "reason", None) or str(error) or type(error).__name__
