"""Who may have the content of a distribution: the guards of TS 26.512 7.6.3, in one order. Pure.

The right name, then TLS, then the place, then the signature: what is cheap and says least comes
first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Protocol

from fivegms_api.content_hosting import UrlSignature
from fivegms_api.locators import contains
from fivegms_api.url_signature import (
    SignatureExpired,
    SignatureInvalid,
    SignatureMissing,
    verify,
)
from fivegms_as import errors
from fivegms_as.distribution import Distribution

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
_MAX_HOPS = 32


class Places(Protocol):
    """Where addresses are."""

    def place(self, address: Address) -> str | None:
        """The ISO 3166 code of where an address is; None where that is not known."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as the guards see it.

    `host` is the Host field's name without its port, `path` relative to the distribution's base URL
    and decoded, `url` the request target as it came; `now` is UTC seconds since 1970.
    """

    host: str
    path: str
    url: str
    secure: bool
    client: Address
    now: float


def admit(
    distribution: Distribution, asked: Asked, own_names: frozenset[str], places: Places
) -> None:
    """Let a request through, or raise what stands against it.

    Raises MisdirectedRequest, TlsRequired, OutsideGeoFence, UrlSignatureMissing,
    UrlSignatureInvalid, UrlSignatureExpired.
    """
    names = distribution.names
    if names and asked.host not in names and asked.host not in own_names:
        raise errors.MisdirectedRequest(f"this is not {asked.host}")
    if distribution.certificate is not None and not asked.secure:
        raise errors.TlsRequired("this distribution is delivered by TLS only")
    if distribution.locators:
        _check_place(distribution.locators, places.place(asked.client))
    if distribution.signed is not None and distribution.signed.pattern.found_in(asked.path):
        _check_signature(distribution.signed.signature, asked)


def client_address(peer: str, forwarded: str, proxies: Sequence[Network]) -> Address:
    """Whose request it is: the peer, or whom trusted proxies say that they speak for.

    `forwarded` is X-Forwarded-For, its lines joined, which every proxy extends on the right; it is
    read from there for as long as trusted proxies wrote it.
    """
    client = read_address(peer)
    hops = forwarded.split(",")[-_MAX_HOPS:]
    while hops and any(client in network for network in proxies):
        try:
            client = read_address(hops.pop().strip())
        except ValueError:
            break
    return client


def read_address(text: str) -> Address:
    """An address from text, IPv4 also where it is mapped into IPv6. Raises ValueError."""
    address = ip_address(text)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _check_place(locators: Sequence[str], place: str | None) -> None:
    if place is None:
        raise errors.OutsideGeoFence("the content has a geo-fence, and your place is not known")
    if not any(contains(locator, place) for locator in locators):
        raise errors.OutsideGeoFence(f"the content may not be consumed in {place}")


def _check_signature(signature: UrlSignature, asked: Asked) -> None:
    try:
        verify(asked.url, signature, now=asked.now, ip=str(asked.client))
    except SignatureMissing as error:
        raise errors.UrlSignatureMissing(str(error)) from error
    except SignatureExpired as error:
        raise errors.UrlSignatureExpired(str(error)) from error
    except SignatureInvalid as error:
        raise errors.UrlSignatureInvalid(str(error)) from error
