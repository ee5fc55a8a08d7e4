"""Everything that stands between a listener and its handlers, made from the settings when the AF
starts: whose tokens are believed, who gets them, and what TLS shows.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import structlog
from aiohttp import web
from aiohttp.typedefs import Middleware

from fivegms_af.routes import Api, Route
from fivegms_af.security.authentication import Gate, authenticate
from fivegms_af.security.clients import MAX_BYTES, Client, read_clients
from fivegms_af.security.config import OwnIssuer, SecurityConfig, TrustedIssuer, is_loopback
from fivegms_af.security.errors import SettingsRefused
from fivegms_af.security.key_source import FetchedKeys, FixedKeys, from_file, from_url
from fivegms_af.security.scopes import known
from fivegms_af.security.signing_key import SigningKey, keep_signing_key, load_signing_key
from fivegms_af.security.tls import ServerTls
from fivegms_af.security.token_endpoint import TokenEndpoint
from fivegms_af.security.verifier import Issuer, TokenVerifier
from fivegms_api.endpoint import Endpoint

log = structlog.get_logger()


class AccessControl:
    """What `open_access_control` made; without a verifier nobody is asked for anything."""

    def __init__(
        self,
        now: Callable[[], datetime],
        verifier: TokenVerifier | None = None,
        token_endpoint: TokenEndpoint | None = None,
        tls: ServerTls | None = None,
    ) -> None:
        self._now = now
        self._verifier = verifier
        self._token_endpoint = token_endpoint
        self.tls = tls

    @property
    def authenticates(self) -> bool:
        """Whether requests need a token."""
        return self._verifier is not None

    def middlewares(self, routes: Iterable[Route]) -> tuple[Middleware, ...]:
        """What goes around the handlers of a listener that serves `routes`, inside of what answers
        errors.
        """
        if self._verifier is None:
            return ()
        return (authenticate(Gate(self._verifier, routes, self._now)),)

    def serve_tokens(self, app: web.Application) -> None:
        """Serve the token endpoint on a listener, if there is one."""
        if self._token_endpoint is not None:
            self._token_endpoint.add_routes(app)

    def reload(self) -> None:
        """Take certificates anew; one that is unusable is logged, and the old one stays."""
        if self.tls is None:
            return
        try:
            self.tls.reload()
        except SettingsRefused as error:
            log.error("the certificate stays what it was", reason=str(error))
        else:
            log.info("the certificate was read anew")

    def warn(self, name: str, endpoint: Endpoint) -> None:
        """Say at every start what whoever reaches the listener can do, unless only we reach it."""
        if is_loopback(endpoint.host):
            return
        if not self.authenticates:
            log.warning(f"{name} is reachable without authentication", endpoint=endpoint.authority)
        elif self.tls is None:
            log.warning(f"{name} takes tokens without TLS", endpoint=endpoint.authority)


async def open_access_control(
    config: SecurityConfig,
    data_dir: Path,
    apis: Iterable[Api],
    now: Callable[[], datetime],
    stack: AsyncExitStack,
) -> AccessControl:
    """Read what the settings name. Raises SettingsRefused, OSError.

    An issuer that does not answer now is asked again when a token of it comes.
    """
    tls = None if config.tls is None else ServerTls(config.tls)
    issuers: list[Issuer] = []
    token_endpoint = None
    if config.trusted_issuer is not None:
        issuers.append(await _trust(config.trusted_issuer, now, stack))
    if config.own_issuer is not None:
        own = config.own_issuer
        key = _signing_key(own, data_dir)
        clients = _clients(own.clients, known(apis))
        token_endpoint = TokenEndpoint(own, clients, key, now)
        issuers.append(Issuer(own.issuer, own.audience, FixedKeys(key.keys)))
    verifier = TokenVerifier(issuers) if issuers else None
    return AccessControl(now, verifier, token_endpoint, tls)


async def _trust(
    trusted: TrustedIssuer, now: Callable[[], datetime], stack: AsyncExitStack
) -> Issuer:
    if "://" not in trusted.jwks:
        keys = FetchedKeys(trusted.jwks, from_file(Path(trusted.jwks)))
        try:
            await keys.load(now().timestamp())
        except (OSError, ValueError) as error:
            raise SettingsRefused(trusted.jwks, error) from error
    else:
        _check_url(trusted.jwks)
        http = await stack.enter_async_context(aiohttp.ClientSession())
        keys = FetchedKeys(trusted.jwks, from_url(trusted.jwks, http))
        try:
            await keys.load(now().timestamp())
        except (OSError, ValueError) as error:
            log.warning("keys of tokens cannot be had", source=trusted.jwks, reason=str(error))
    stack.push_async_callback(keys.close)
    return Issuer(trusted.issuer, trusted.audience, keys)


def _check_url(url: str) -> None:
    """Keys that come without TLS could be anybody's."""
    parts = urlsplit(url)
    plain = parts.scheme == "http" and is_loopback(parts.hostname or "")
    if parts.scheme != "https" and not plain:
        raise SettingsRefused(url.partition("://")[0], "keys are fetched by https, or from here")
    if parts.username is not None or parts.password is not None:
        raise SettingsRefused(parts.hostname or "", "a URL of keys has no user and no password")


def _signing_key(own: OwnIssuer, data_dir: Path) -> SigningKey:
    if own.signing_key is not None:
        return load_signing_key(own.signing_key)
    return keep_signing_key(data_dir)


def _clients(file: Path, scopes: frozenset[str]) -> dict[str, Client]:
    try:
        with file.open("rb") as opened:
            return dict(read_clients(opened.read(MAX_BYTES + 1), scopes))
    except (OSError, ValueError) as error:
        raise SettingsRefused(file, error) from error


def apis_of(*tables: Sequence[Route]) -> frozenset[Api]:
    """The APIs of some tables."""
    return frozenset(route.api for table in tables for route in table)
