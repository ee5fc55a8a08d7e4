"""What an operator decides: where the AF listens, where it keeps its state, which AS it drives."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from fivegms_af.certificate_authority import CertificateAuthority
from fivegms_af.policy.limits import PolicyLimits
from fivegms_af.security.config import SecurityConfig
from fivegms_af.store.session_cache import CACHED_SESSIONS
from fivegms_api.endpoint import Endpoint


@dataclass(frozen=True, slots=True)
class ApplicationServerAddress:
    """The base URLs of an AS, without a final slash: of M3 here, M2 for providers, M4 for UEs.

    `m4_tls_url` is where distributions with a certificate are; None where the AS offers no TLS.
    """

    m3_url: str
    m2_url: str
    m4_url: str
    m4_tls_url: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `m3=URL,m2=URL,m4=URL[,m4tls=URL]`. Raises ValueError naming what is wrong.

        >>> ApplicationServerAddress.parse("m3=http://a:1,m2=http://a:2,m4=http://a:2/").m4_url
        'http://a:2'
        """
        urls = dict(part.partition("=")[::2] for part in text.split(","))
        if sorted(urls.keys() - {"m4tls"}) != ["m2", "m3", "m4"]:
            raise ValueError(f"{text!r} is not m3=URL,m2=URL,m4=URL or that and m4tls=URL")
        for name, url in urls.items():
            schemes = ("https://",) if name == "m4tls" else ("http://", "https://")
            if not url.startswith(schemes):
                raise ValueError(f"{name} needs an {' or '.join(schemes)} URL, not {url!r}")
        bare = {name: url.rstrip("/") for name, url in urls.items()}
        return cls(bare["m3"], bare["m2"], bare["m4"], bare.get("m4tls"))


@dataclass(frozen=True, slots=True)
class AfConfig:
    """The settings of an Application Function.

    `database_url` is `sqlite:///FILE` or `postgresql://...`; without one, SQLite in `data_dir`.
    `operator` is where the console, the metrics and the operator's API are, if anywhere.
    Every AS is sent the same configuration; the first one's M2 and M4 URLs are given out.
    `certificate_authority` issues the server certificates that the AF makes; without one they are
    signed by themselves.
    `m5_server_addresses` are the roots of the M5 URLs that UEs are told, without a final slash;
    without one, each UE is told the scheme and host that it asked. `sai_max_age_s` is for how long
    it may keep what it is told.
    `cached_sessions` is how many sessions stay in memory.
    `report_retention_days` is how long reports of UEs are kept.
    `policy_control_url` is the API root of a PCF that enforces policies, which notifies the AF at
    `policy_notifications`, reached at `policy_notification_url` if the PCF needs another URL.
    `m3_refresh_s` is after how long each AS is asked what it holds, though nothing has changed.
    `settle_s` is how long an M1 request waits for the AS to follow before it is answered.
    Raises ValueError where TLS is set for M3 and an AS is to be driven without.
    """

    m1: Endpoint
    m5: Endpoint
    data_dir: Path
    operator: Endpoint | None = None
    database_url: str | None = field(default=None, repr=False)  # it may hold a password
    application_servers: tuple[ApplicationServerAddress, ...] = ()
    certificate_authority: CertificateAuthority | None = None
    max_body_bytes: int = 2**20
    cached_sessions: int = CACHED_SESSIONS
    m5_server_addresses: tuple[str, ...] = ()
    sai_max_age_s: int = 60
    report_retention_days: int = 30
    policy_control_url: str | None = None
    policy_limits: PolicyLimits = field(default=PolicyLimits())
    policy_notifications: Endpoint = field(default=Endpoint("127.0.0.1", 0))
    policy_notification_url: str | None = None
    policy_timeout_s: float = 5.0
    settle_s: float = 2.0
    m3_timeout_s: float = 10.0
    m3_refresh_s: float = 60.0
    security: SecurityConfig = field(default=SecurityConfig())

    def __post_init__(self) -> None:
        if self.security.m3_ca is None and self.security.m3_certificate is None:
            return
        for server in self.application_servers:
            if not server.m3_url.startswith("https://"):
                raise ValueError("--m3-ca and --m3-certificate need m3=https://... of every AS")

    @property
    def effective_database_url(self) -> str:
        """`database_url`, or the embedded default."""
        return self.database_url or f"sqlite:///{self.data_dir / 'af.sqlite3'}"
