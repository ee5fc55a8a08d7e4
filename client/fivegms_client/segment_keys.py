"""Keys of encrypted variants: ones that the app has, or ones that a key server gives this UE.

A manifest names the address of its key. Whoever wrote the manifest chose that address, so a token
is shown to no server but those that the app names, and a key that comes from elsewhere, by a
redirect, is not taken.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

from fivegms_client.authorization import Authorization, authorised
from fivegms_client.clock import Clock
from fivegms_client.errors import AccessRefused, BadOption, KeyUnavailable
from fivegms_client.fetching import Fetcher
from fivegms_client.retry import RetryPolicy
from fivegms_client.transfer import Transfer
from fivegms_manifests.encryption import KEY_BYTES
from fivegms_manifests.model import Encryption

_THIS_MACHINE = frozenset({"127.0.0.1", "::1", "localhost"})
_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class GivenKeys:
    """Keys that the app has, 32 bytes each, by key id."""

    keys: Mapping[str, bytes] = field(repr=False)


@dataclass(frozen=True, slots=True)
class OneKey:
    """The key of whatever the app opens, whatever the key is called: 32 bytes."""

    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class KeyServers:
    """Servers that give keys to who shows them `authorization`.

    `origins` are their addresses, such as `https://keys.example`; others are never asked. They are
    of https, or of this machine, because keys and tokens are for nobody else: else BadOption.
    """

    origins: tuple[str, ...]
    authorization: Authorization | None = None

    def __post_init__(self) -> None:
        for origin in self.origins:
            if not _is_private(origin):
                raise BadOption(f"{origin} is no https://HOST, and so no key server")


SegmentKeys = GivenKeys | OneKey | KeyServers


class KeyRing:
    """Gets each key once."""

    def __init__(
        self, source: SegmentKeys | None, fetcher: Fetcher, policy: RetryPolicy, clock: Clock
    ) -> None:
        self._source = source
        self._fetcher = fetcher
        self._policy = policy
        self._clock = clock
        self._kept: dict[tuple[str, str], bytes] = {}

    def absence(self, encryption: Encryption | None) -> str | None:
        """Why a variant that is encrypted so cannot be read here, as far as is known, or None."""
        if encryption is None:
            return None
        match self._source:
            case None:
                return "it is encrypted, and the app gives no keys"
            case GivenKeys(keys=keys) if encryption.key_id not in keys:
                return f"it is encrypted with key {encryption.key_id}, which the app does not give"
        return None

    async def key(self, encryption: Encryption, manifest_url: str | None) -> bytes:
        """The key of a variant. Raises KeyUnavailable, ServerUnreachable."""
        url = urljoin(manifest_url or "", encryption.key_url)
        wanted = (encryption.key_id, url)
        if wanted not in self._kept:
            self._kept[wanted] = _checked(await self._get(encryption, url), encryption)
        return self._kept[wanted]

    async def _get(self, encryption: Encryption, url: str) -> bytes:
        match self._source:
            case GivenKeys(keys=keys) if encryption.key_id in keys:
                return keys[encryption.key_id]
            case OneKey(key=key):
                return key
            case KeyServers() as servers:
                return await self._ask(servers, url)
        raise KeyUnavailable(f"key {encryption.key_id}: {self.absence(encryption)}")

    async def _ask(self, servers: KeyServers, url: str) -> bytes:
        origins = {_origin(origin) for origin in servers.origins}
        if _origin(url) not in origins:
            raise KeyUnavailable(
                f"the manifest says that its key is at {url}, which is not among the key servers "
                "of the app; it was not asked"
            )
        transfer = Transfer(
            authorised(self._fetcher, servers.authorization), self._policy, self._clock
        )
        try:
            answer = await transfer.document(url, limit_bytes=KEY_BYTES)
        except AccessRefused as error:
            raise KeyUnavailable(f"no key from {url}: {error}") from error
        if _origin(answer.url) not in origins:
            raise KeyUnavailable(f"{url} leads to {answer.url}, which is no key server of the app")
        return answer.body


def _checked(key: bytes, encryption: Encryption) -> bytes:
    if len(key) != KEY_BYTES:
        raise KeyUnavailable(
            f"key {encryption.key_id} has {len(key)} bytes; one for segments has {KEY_BYTES}"
        )
    return key


def _origin(url: str) -> tuple[str, str | None, int | None]:
    """Scheme, host and port (RFC 6454 4)."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "", None, None
    return parts.scheme, parts.hostname, port or _PORTS.get(parts.scheme)


def _is_private(url: str) -> bool:
    scheme, host, _ = _origin(url)
    return (scheme == "https" and bool(host)) or (scheme == "http" and host in _THIS_MACHINE)
