"""What an operator decides of security: whose tokens, which certificates, which web pages. Pure."""

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path

DEFAULT_ISSUER = "urn:fivegms:authorisation-server"
DEFAULT_AUDIENCE = "fivegms-af"
DEFAULT_TOKEN_LIFETIME_S = 600


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """A certificate chain and its private key, as PEM files."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class TrustedIssuer:
    """An authorisation server whose tokens are taken: `issuer` is their `iss`, `audience` must be
    in their `aud`, `jwks` is the file or URL of its keys.
    """

    issuer: str
    audience: str
    jwks: str


@dataclass(frozen=True, slots=True)
class OwnIssuer:
    """The embedded authorisation server for the clients of the file `clients`.

    Without a `signing_key` (PEM) one is made at the first start and kept in the data folder.
    """

    clients: Path
    signing_key: Path | None = None
    issuer: str = DEFAULT_ISSUER
    audience: str = DEFAULT_AUDIENCE
    token_lifetime_s: int = DEFAULT_TOKEN_LIFETIME_S


@dataclass(frozen=True, slots=True)
class SecurityConfig:
    """All of it; by default nothing is asked of anybody, and nothing is encrypted.

    `tls` is what the AF's listeners show; `m3_ca` whom an AS's certificate has to be from, and
    `m3_certificate` what the AF shows an AS. `m5_allow_origins` are the web origins (`*`: any)
    whose pages may use M5. Raises ValueError where the two issuers have one name.
    """

    trusted_issuer: TrustedIssuer | None = None
    own_issuer: OwnIssuer | None = None
    tls: CertificateFiles | None = None
    m3_ca: Path | None = None
    m3_certificate: CertificateFiles | None = None
    m5_allow_origins: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        trusted, own = self.trusted_issuer, self.own_issuer
        if trusted is not None and own is not None and trusted.issuer == own.issuer:
            raise ValueError(f"two authorisation servers are named {own.issuer!r}")

    @property
    def authenticates(self) -> bool:
        """Whether requests need a token."""
        return self.trusted_issuer is not None or self.own_issuer is not None


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches `host`.

    >>> is_loopback("localhost"), is_loopback("::1"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
