"""A whole 5GMS system in one process: an AS and the AF that provisions it.

What `fivegms serve` runs and what the demo, the tests and the benchmarks stand on. The AS starts
first, because the AF hands out its addresses.
"""

from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from fivegms_af.certificate_authority import CertificateAuthority
from fivegms_af.config import AfConfig, ApplicationServerAddress
from fivegms_af.security.config import SecurityConfig
from fivegms_af.server import ApplicationFunction
from fivegms_api.endpoint import Endpoint
from fivegms_as.config import AsConfig
from fivegms_as.options import DEFAULTS
from fivegms_as.server import ApplicationServer
from fivegms_testbed.link import EmulatedLink, LinkProfile
from fivegms_testbed.link_policy import LinkCapacity, LinkPolicyControl

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class DeploymentConfig:
    """Where each reference point listens (port 0: any free port) and where state lies.

    `m2` is for providers, and apart from `m4` so that UEs cannot ingest.
    `operator` serves the console and what else is for operators; None serves none of it.
    `m4_tls` serves the distributions that have a certificate; None offers no TLS.
    `application_server` has the settings of the AS but for its addresses and folder.
    `certificate_authority` issues the certificates that the AF makes; `security` is what the AF
    asks of others and shows them. With a `link`, UEs reach M4 (but not `m4_tls`) over it, and it is
    the AF's policy control, which grants up to `link_capacity`.
    """

    data_dir: Path
    m1: Endpoint = field(default=Endpoint(LOOPBACK, 7777))
    m5: Endpoint = field(default=Endpoint(LOOPBACK, 7778))
    operator: Endpoint | None = field(default=Endpoint(LOOPBACK, 7780))
    m3: Endpoint = field(default=Endpoint(LOOPBACK, 7779))
    m2: Endpoint = field(default=Endpoint(LOOPBACK, 8081))
    m4: Endpoint = field(default=Endpoint(LOOPBACK, 8080))
    m4_tls: Endpoint | None = None
    application_server: AsConfig = DEFAULTS
    certificate_authority: CertificateAuthority | None = None
    security: SecurityConfig = field(default=SecurityConfig())
    link: LinkProfile | None = None
    link_capacity: LinkCapacity = field(default=LinkCapacity(10**9, 10**9))

    @classmethod
    def on_free_ports(cls, data_dir: Path) -> Self:
        """A deployment on loopback ports that the system chooses."""
        free = Endpoint(LOOPBACK, 0)
        return cls(data_dir, m1=free, m5=free, operator=free, m3=free, m2=free, m4=free)


class Deployment:
    """AF and AS, running while the context is open. Raises OSError when a port is taken."""

    def __init__(self, config: DeploymentConfig) -> None:
        self._config = config
        self._stack = AsyncExitStack()
        self.application_server = ApplicationServer(
            replace(
                config.application_server,
                m3=config.m3,
                m4=config.m4,
                m2=config.m2,
                m4_tls=config.m4_tls,
                data_dir=config.data_dir / "as",
            )
        )
        self._application_function: ApplicationFunction | None = None
        self._link: EmulatedLink | None = None

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            server = await stack.enter_async_context(self.application_server)
            m4_url, control = server.m4_url, None
            if self._config.link is not None:
                link = _link_to(server.m4_url, self._config.link)
                self._link = await stack.enter_async_context(link)
                m4_url = self._link.url
                control = LinkPolicyControl(self._link, self._config.link_capacity)
            address = ApplicationServerAddress(
                m3_url=server.m3_url,
                m2_url=server.m2_url,
                m4_url=m4_url,
                m4_tls_url=server.m4_tls_url,
            )
            function = ApplicationFunction(
                AfConfig(
                    m1=self._config.m1,
                    m5=self._config.m5,
                    operator=self._config.operator,
                    data_dir=self._config.data_dir / "af",
                    application_servers=(address,),
                    certificate_authority=self._config.certificate_authority,
                    security=self._config.security,
                ),
                policy_control=control,
            )
            self._application_function = await stack.enter_async_context(function)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    @property
    def link(self) -> EmulatedLink | None:
        """The running link, where there is one."""
        return self._link

    @property
    def application_function(self) -> ApplicationFunction:
        """The running AF."""
        if self._application_function is None:
            raise RuntimeError("the deployment is not running; use it as an async context manager")
        return self._application_function

    @property
    def addresses(self) -> dict[str, str]:
        """The base URL of each reference point: m1, m2, m3, m4, m5; m4tls where there is TLS, and
        operator where operators are served: a browser finds the console there.
        """
        tls = self.application_server.m4_tls_url
        operator = self.application_function.operator_url
        return {
            "m1": self.application_function.m1_url,
            "m2": self.application_server.m2_url,
            "m3": self.application_server.m3_url,
            "m4": self._link.url if self._link else self.application_server.m4_url,
            "m5": self.application_function.m5_url,
            **({"m4tls": tls} if tls else {}),
            **({"operator": operator} if operator else {}),
        }


def _link_to(m4_url: str, profile: LinkProfile) -> EmulatedLink:
    """A link in front of the AS."""
    m4 = Endpoint.parse(m4_url.removeprefix("http://"))
    return EmulatedLink(m4.host, m4.port, profile)
