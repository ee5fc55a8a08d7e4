"""Domain names: which texts are names of a host, and which certificates speak for one. Pure.

Host names as RFC 1123 2.1 has them, internationalised ones in their ASCII form; wildcards as
RFC 6125 6.4.3 has them.
"""

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address

MAX_NAME_CHARACTERS = 253

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def host_name_fault(name: str) -> str | None:
    """Why `name` is no host name; None for one that is.

    >>> host_name_fault("media.example")
    >>> host_name_fault("192.0.2.1")
    'must be a host name, not an address'
    """
    labels = name.lower().split(".")
    if len(name) > MAX_NAME_CHARACTERS or not all(_LABEL.fullmatch(label) for label in labels):
        return "must be a host name: letters, digits and hyphens between dots, at most 253"
    if labels[-1].isdigit():
        return "must be a host name, not an address"
    return None


def address_of(name: str) -> IPv4Address | IPv6Address | None:
    """The IP address that `name` spells, if it spells one."""
    try:
        return ip_address(name)
    except ValueError:
        return None


def covers(certified: Iterable[str], name: str) -> bool:
    """Whether one of the names of a certificate speaks for `name`.

    >>> covers(["*.example"], "media.example"), covers(["*.example"], "a.media.example")
    (True, False)
    """
    wanted = name.lower()
    _, dot, parent = wanted.partition(".")
    wildcard = f"*.{parent}" if dot and address_of(wanted) is None else wanted
    return any(one.lower() in (wanted, wildcard) for one in certified)
