"""The client credentials grant (RFC 6749 4.4) as rules: a request read, and what it is answered.

Pure: bytes and header fields in, values out. The errors are RFC 6749's own (5.2), which is why they
are no problem documents.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import parse_qsl, unquote_plus

from fivegms_af.security.client_secret import MAX_SECRET_CHARACTERS
from fivegms_af.security.clients import Client
from fivegms_af.security.scopes import covers
from fivegms_api.media_type import essence

FORM = "application/x-www-form-urlencoded"
MAX_BODY_BYTES = 16 * 1024
MAX_FIELDS = 16
GRANT = "client_credentials"


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """Who asks for a token, and of which scopes; None for all that the client has."""

    client_id: str
    client_secret: str = field(repr=False)
    scopes: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class GrantRefused:
    """RFC 6749 5.2: a code, and words for a person."""

    error: str
    description: str
    status: HTTPStatus = HTTPStatus.BAD_REQUEST
    retry_after_s: int | None = None


INVALID_CLIENT = GrantRefused(
    "invalid_client", "the client is unknown or its secret is wrong", HTTPStatus.UNAUTHORIZED
)


def too_many_failures(wait_s: float) -> GrantRefused:
    """The answer to a client that failed too often."""
    return GrantRefused(
        "temporarily_unavailable",
        "the client failed to authenticate too often",
        HTTPStatus.TOO_MANY_REQUESTS,
        int(wait_s) + 1,
    )


def read_token_request(
    content_type: str | None, body: bytes, authorization: str | None
) -> TokenRequest | GrantRefused:
    """A request to the token endpoint; the client authenticates by one way, header or form."""
    form = _form(content_type, body)
    if isinstance(form, GrantRefused):
        return form
    if form.get("grant_type") != GRANT:
        missing = "grant_type" not in form
        error = "invalid_request" if missing else "unsupported_grant_type"
        return GrantRefused(error, f"grant_type must be {GRANT}")
    credentials = _credentials(form, authorization)
    if isinstance(credentials, GrantRefused):
        return credentials
    wanted = form.get("scope")
    return TokenRequest(*credentials, None if wanted is None else frozenset(wanted.split()))


def granted_scopes(client: Client, wanted: frozenset[str] | None) -> frozenset[str] | GrantRefused:
    """What the token opens: all that the client has, or the part of it that was asked for."""
    own = frozenset(client.scopes)
    if wanted is None:
        return own
    if not wanted or not all(covers(own, scope) for scope in wanted):
        return GrantRefused("invalid_scope", "the client has none, or not all, of these scopes")
    return wanted


def _form(content_type: str | None, body: bytes) -> Mapping[str, str] | GrantRefused:
    if essence(content_type) != FORM or len(body) > MAX_BODY_BYTES:
        return _invalid(f"send {FORM} of at most {MAX_BODY_BYTES} bytes")
    try:
        fields = parse_qsl(
            body.decode("utf-8"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=MAX_FIELDS,
        )
    except ValueError:
        return _invalid("the body is no form")
    if len(dict(fields)) != len(fields):
        return _invalid("a parameter is given twice")
    return {name: value for name, value in fields if value}  # RFC 6749 3.2: empty is absent


def _credentials(
    form: Mapping[str, str], authorization: str | None
) -> tuple[str, str] | GrantRefused:
    if authorization is None:
        client_id, secret = form.get("client_id"), form.get("client_secret")
        if client_id is None or secret is None:
            return GrantRefused(
                "invalid_client", "the client does not authenticate", HTTPStatus.UNAUTHORIZED
            )
    elif "client_secret" in form:
        return _invalid("the client authenticates in two ways")
    else:
        named = _basic(authorization)
        if named is None or form.get("client_id", named[0]) != named[0]:
            return INVALID_CLIENT
        client_id, secret = named
    if len(secret) > MAX_SECRET_CHARACTERS:
        return INVALID_CLIENT
    return client_id, secret


def _basic(authorization: str) -> tuple[str, str] | None:
    """RFC 6749 2.3.1: both halves are form-encoded before they are joined."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode("utf-8")
        client_id, colon, secret = text.partition(":")
        named = unquote_plus(client_id, errors="strict"), unquote_plus(secret, errors="strict")
    except (binascii.Error, ValueError):
        return None
    return named if colon else None


def _invalid(description: str) -> GrantRefused:
    return GrantRefused("invalid_request", description)
