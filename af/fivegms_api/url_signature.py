"""Signed M4d URLs: one construction for those who sign and the AS that checks (TS 26.512 7.6.4.5).

The text that is hashed is the request's path and query, without the token, followed by what only
the two of them know:

    PATH?QUERY[&ipAddressName=ADDRESS]&passphraseName=PASSPHRASE

QUERY holds `tokenExpiryName=SECONDS`, in UTC since 1970. The token is the SHA-512 of that text in
UTF-8, in base64url without padding; it is added to the URL as the last parameter. Scheme, host and
port are not covered, so a URL holds at an alias and behind a proxy. Percent-encoding is normalised
before hashing, because clients spell it as they like. docs/delivery.md has a worked example.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterator, Sequence
from ipaddress import IPv6Address, ip_address
from urllib.parse import quote, unquote_to_bytes

from fivegms_api.content_hosting import UrlSignature

MAX_EXPIRY_DIGITS = 12
_NAME = re.compile(r"[A-Za-z0-9._~-]{1,64}")
_PATH_CHARACTERS = "/:@!$&'()*+,;="


class UrlSignatureRefused(Exception):
    """Base of why a URL is not honoured."""


class SignatureMissing(UrlSignatureRefused):
    """The token or its expiry is not in the URL."""


class SignatureInvalid(UrlSignatureRefused):
    """The token is not that of this URL, or the URL can have none."""


class SignatureExpired(UrlSignatureRefused):
    """The token was right, until its expiry."""


def sign(url: str, signature: UrlSignature, expires: int, ip: str | None = None) -> str:
    """`url` with expiry and token added; it is honoured before `expires`, in UTC seconds.

    `ip` is the address that the UE will ask from: required where the signature uses it, ignored
    where it does not. Raises ValueError for a URL that cannot be signed.
    """
    if "#" in url:
        raise ValueError("a URL to be signed has no fragment")
    if not 0 <= expires < 10**MAX_EXPIRY_DIGITS:
        raise ValueError("an expiry is UTC seconds since 1970")
    if signature.use_ip_address and ip is None:
        raise ValueError("the signature covers the UE's address")
    if any(_named(signature, name) for name, _ in _parameters(_target(url)[1])):
        raise ValueError("the URL has a parameter of the signature already")
    separator = "&" if "?" in url else "?"
    expiring = f"{url}{separator}{signature.token_expiry_name}={expires}"
    return f"{expiring}&{signature.token_name}={_token(expiring, signature, ip or '')}"


def verify(url: str, signature: UrlSignature, *, now: float, ip: str) -> None:
    """Check a URL, absolute or from its path on, asked for by `ip` at `now` in UTC seconds.

    Raises SignatureMissing, SignatureInvalid, SignatureExpired.
    """
    parameters = _parameters(_target(url)[1])
    token = _only(parameters, signature.token_name)
    expiry = _only(parameters, signature.token_expiry_name)
    if any(name == signature.passphrase_name for name, _ in parameters):
        raise SignatureInvalid(f"{signature.passphrase_name} does not belong in a URL")
    if not (expiry.isascii() and expiry.isdigit() and len(expiry) <= MAX_EXPIRY_DIGITS):
        raise SignatureInvalid(f"{signature.token_expiry_name} is not UTC seconds since 1970")
    expected = _token(url, signature, ip)
    if not hmac.compare_digest(expected.encode(), token.encode()):
        raise SignatureInvalid(f"{signature.token_name} is not that of this URL")
    if now >= int(expiry):
        raise SignatureExpired(f"the URL was good until {expiry}")


def signature_faults(signature: UrlSignature) -> Iterator[tuple[str, str]]:
    """Every member, in 3GPP's spelling, that cannot be used as it is, and why."""
    names = {
        "tokenName": signature.token_name,
        "tokenExpiryName": signature.token_expiry_name,
        "passphraseName": signature.passphrase_name,
    }
    if signature.use_ip_address:
        if signature.ip_address_name is None:
            yield "ipAddressName", "is required where useIPAddress is true"
        else:
            names["ipAddressName"] = signature.ip_address_name
    for member, name in names.items():
        if not _NAME.fullmatch(name):
            yield member, "must have 1 to 64 letters, digits, '.', '_', '~' or '-'"
        elif list(names.values()).count(name) > 1:
            yield member, "must differ from the other names"
    if not signature.passphrase:
        yield "passphrase", "must not be empty"


def _token(url: str, signature: UrlSignature, ip: str) -> str:
    text = _canonical(url, signature, ip)
    digest = hashlib.sha512(text.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _canonical(url: str, signature: UrlSignature, ip: str) -> str:
    path, asked = _target(url)
    query = [f"{n}={v}" for n, v in _parameters(asked) if n != signature.token_name]
    if signature.use_ip_address:
        query.append(f"{signature.ip_address_name}={_address(ip)}")
    query.append(f"{signature.passphrase_name}={signature.passphrase}")
    return f"{_normal(path, _PATH_CHARACTERS)}?{'&'.join(query)}"


def _target(url: str) -> tuple[str, str]:
    """Path and query of a URL that is absolute or begins with its path."""
    if not url.startswith("/"):
        url = "/" + url.partition("://")[2].partition("/")[2]
    path, _, query = url.partition("?")
    return path, query


def _address(ip: str) -> str:
    """The canonical text of an address, IPv4 also where it came mapped into IPv6."""
    address = ip_address(ip)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(address)


def _parameters(query: str) -> list[tuple[str, str]]:
    """Names and values in order, each percent-encoded in the one normal way."""
    pairs = [part.partition("=") for part in query.split("&") if part]
    return [(_normal(name), _normal(value)) for name, _, value in pairs]


def _normal(text: str, kept: str = "") -> str:
    """Every octet percent-encoded but the unreserved and `kept` (RFC 3986 6.2.2)."""
    return quote(unquote_to_bytes(text.encode("utf-8", "surrogateescape")), kept)


def _named(signature: UrlSignature, name: str) -> bool:
    return name in (signature.token_name, signature.token_expiry_name, signature.passphrase_name)


def _only(parameters: Sequence[tuple[str, str]], name: str) -> str:
    values = [value for found, value in parameters if found == name]
    if not values:
        raise SignatureMissing(f"the URL needs the parameters of a signature; {name} is missing")
    if len(values) > 1:
        raise SignatureInvalid(f"{name} occurs more than once")
    return values[0]
