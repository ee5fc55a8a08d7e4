"""Sockets of a server: plain, TLS with the distributions' certificates, mutual TLS for the AF."""

import ssl
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from ipaddress import ip_address

import structlog
from aiohttp import web

from fivegms_api.endpoint import Endpoint
from fivegms_as.certificates import server_context
from fivegms_as.config import MutualTls
from fivegms_as.errors import ListenerInvalid

_BACKLOG = 1024
_LINGERING_S = 5.0

_log = structlog.get_logger("fivegms_as")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a listener waits: for the next request on a connection, and for the last ones."""

    keepalive_s: float
    shutdown_s: float


async def listen(
    stack: AsyncExitStack,
    app: web.Application,
    endpoints: Sequence[tuple[Endpoint, ssl.SSLContext | None]],
    patience: Patience,
) -> list[str]:
    """Serve an application at endpoints until the stack unwinds; returns their URLs, in order."""
    # No access log: formatting a line per request would halve what M4 can deliver.
    runner = web.AppRunner(
        app,
        access_log=None,
        shutdown_timeout=patience.shutdown_s,
        keepalive_timeout=patience.keepalive_s,
        lingering_time=_LINGERING_S,
    )
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    urls = []
    for endpoint, context in endpoints:
        open_before = len(runner.addresses)
        site = web.TCPSite(
            runner, endpoint.host, endpoint.port, backlog=_BACKLOG, ssl_context=context
        )
        await site.start()
        authority = Endpoint(endpoint.host, runner.addresses[open_before][1]).authority
        urls.append(f"{'https' if context else 'http'}://{authority}")
    return urls


def mutual_tls(files: MutualTls) -> ssl.SSLContext:
    """Only clients whose certificate the CA signed. Raises ListenerInvalid."""
    context = server_context()
    context.verify_mode = ssl.CERT_REQUIRED
    try:
        context.load_cert_chain(files.certificate, files.key, password=_no_password)
        context.load_verify_locations(files.client_ca)
    except (OSError, ValueError) as error:  # an SSLError is an OSError
        raise ListenerInvalid(
            f"M3 cannot use its certificate, key or client CA: {error}"
        ) from error
    return context


def _no_password() -> str:
    """Without it, OpenSSL asks for the password of an encrypted key at the terminal."""
    raise ValueError("the key is encrypted")


def warn_if_open(endpoint: Endpoint, context: ssl.SSLContext | None) -> None:
    """M3 can take everything away: say so where others than this machine may reach it."""
    if context is None and not _is_loopback(endpoint.host):
        _log.warning("M3 listens beyond this machine without mutual TLS", m3=endpoint.authority)


def warn_if_shared(m4: Endpoint, m4_tls: Endpoint | None) -> None:
    """M2 asks nobody who they are: say so where it is served to UEs of other machines."""
    shared = [one.authority for one in (m4, m4_tls) if one and not _is_loopback(one.host)]
    if shared:
        _log.warning("whoever reaches M4 can ingest: give M2 a listener of its own", m4=shared)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
