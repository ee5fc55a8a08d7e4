"""Which certificate a TLS connection is shown: that of the distribution whose name it asks for.

Looked up when a client says hello, so a certificate or configuration that changes is in force for
the next connection, without a restart.
"""

import ssl

from fivegms_as.certificates import Certificates, server_context
from fivegms_as.hosting_rules import host_name
from fivegms_as.sessions import Session, Sessions

Key = tuple[str, str]


class ServerNames:
    """Names of distributions that have a certificate. `context` is for the listener."""

    def __init__(self, sessions: Sessions, certificates: Certificates) -> None:
        self._sessions = sessions
        self._certificates = certificates
        self._known: tuple[int, int] | None = None
        self._keys: dict[str, Key] = {}
        self.context = server_context()
        self.context.sni_callback = self._select

    def certificate_key(self, name: str | None) -> Key | None:
        """The session and certificate of a name; None where no distribution has that name.

        A client that gives no name, as one that knows an address only, gets the first certificate.
        An alias belongs to one distribution, while the canonical name may be everyone's: there the
        first session is served.
        """
        revision = self._sessions.revision, self._certificates.revision
        if revision != self._known:
            self._keys = self._gathered()
            self._known = revision
        if name is None:
            return next(iter(self._keys.values()), None)
        return self._keys.get(host_name(name))

    def _gathered(self) -> dict[str, Key]:
        aliases: dict[str, Key] = {}
        canonical: dict[str, Key] = {}
        for session in self._sessions.all():
            self._gather(session, aliases, canonical)
        return {**canonical, **aliases}

    def _gather(self, session: Session, aliases: dict[str, Key], canonical: dict[str, Key]) -> None:
        if session.hosting is None:
            return
        for one in session.hosting.configuration.distribution_configurations:
            if one.certificate_id is None:
                continue
            key = session.id, one.certificate_id
            if self._certificates.get(*key) is None:
                continue
            if one.domain_name_alias:
                aliases.setdefault(host_name(one.domain_name_alias), key)
            if one.canonical_domain_name:
                canonical.setdefault(host_name(one.canonical_domain_name), key)

    def _select(
        self, connection: ssl.SSLSocket | ssl.SSLObject, name: str | None, _: ssl.SSLContext
    ) -> int | None:
        key = self.certificate_key(name)
        certificate = self._certificates.get(*key) if key is not None else None
        if certificate is None:
            return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        connection.context = self._certificates.context(certificate)
        return None
