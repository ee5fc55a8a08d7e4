"""A JSON Web Token (RFC 7519) as this AF takes it: read, its signature checked, its claims judged.

Pure: text, a key and `now` in, a `Caller` out. Which key is the verifier's business. Signatures
are asymmetric only (RFC 8725 3.1, 3.2); what an algorithm's name allows is said by the key, never
by the token.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jws import CompactSignature

from fivegms_af.bodies import parse_json
from fivegms_af.errors import BodyMalformed
from fivegms_af.security import scopes
from fivegms_af.security.algorithms import ALLOWED, REGISTRY
from fivegms_af.security.caller import Caller
from fivegms_af.security.errors import (
    TokenExpired,
    TokenForAnother,
    TokenMalformed,
    TokenNotYetValid,
    TokenUntrusted,
)
from fivegms_af.security.jwks import VerificationKey

LEEWAY_S = 30
MAX_CHARACTERS = 16 * 1024
MAX_CLAIM_CHARACTERS = 1024
MAX_LISTED = 256

_TYPES = frozenset({"jwt", "at+jwt", "application/at+jwt"})


@dataclass(frozen=True, slots=True)
class BearerToken:
    """A token that was read and not yet believed."""

    kid: str | None
    algorithm: str
    claims: Mapping[str, Any]
    signed: CompactSignature

    @property
    def issuer(self) -> str:
        """`iss`; raises TokenMalformed without one."""
        issuer = _text(self.claims, "iss")
        if issuer is None:
            raise TokenMalformed("the token has no iss")
        return issuer

    def check_signature(self, key: VerificationKey) -> None:
        """Raises TokenUntrusted unless `key` signed this, by an algorithm of its own."""
        if self.algorithm not in key.algorithms:
            raise TokenUntrusted("the token's alg is not one of its key's")
        try:
            holds = jws.validate_compact(self.signed, key.key, registry=REGISTRY)
        except (JoseError, ValueError, TypeError):
            holds = False
        if not holds:
            raise TokenUntrusted("the token's signature does not hold")

    def expires_at(self) -> float:
        """`exp` in seconds since 1970; raises TokenMalformed without one."""
        expires_at = _time(self.claims, "exp")
        if expires_at is None:
            raise TokenMalformed("the token has no exp")
        return expires_at

    def check_claims(self, audience: str, now: float) -> None:
        """Raises TokenForAnother, TokenNotYetValid, TokenExpired, TokenMalformed."""
        if audience not in _texts(self.claims, "aud"):
            raise TokenForAnother
        for name in ("nbf", "iat"):
            instant = _time(self.claims, name)
            if instant is not None and instant > now + LEEWAY_S:
                raise TokenNotYetValid
        if self.expires_at() + LEEWAY_S <= now:
            raise TokenExpired

    def caller(self) -> Caller:
        """Who the token says asks; raises TokenMalformed.

        One that is bound to a provider, an application or a session is no operator's, whatever its
        scope says.
        """
        profiles = self.claims.get("data_access_profile_ids")
        caller = Caller(
            subject=_text(self.claims, "client_id") or _text(self.claims, "sub") or "",
            scopes=frozenset(self._scope().split()),
            asp_id=_text(self.claims, "asp_id"),
            app_id=_text(self.claims, "app_id"),
            provisioning_session_id=_text(self.claims, "provisioning_session_id"),
            data_access_profile_ids=None
            if profiles is None
            else frozenset(_texts(self.claims, "data_access_profile_ids")),
        )
        return caller.without(scopes.OPERATORS) if caller.is_bound else caller

    def _scope(self) -> str:
        return "" if self.claims.get("scope") == "" else _text(self.claims, "scope") or ""


def read_token(text: str) -> BearerToken:
    """The parts of a JWS in compact form (RFC 7515 7.1). Raises TokenMalformed."""
    if len(text) > MAX_CHARACTERS:
        raise TokenMalformed(f"the token is longer than {MAX_CHARACTERS} characters")
    try:
        signed = jws.extract_compact(text.encode(), registry=REGISTRY)
        header = signed.headers()
        REGISTRY.check_header(header)
        claims = parse_json(signed.payload)
    except (JoseError, BodyMalformed, ValueError, TypeError, AttributeError, RecursionError) as e:
        raise TokenMalformed("the token is no JWT in the compact form of JWS") from e
    algorithm, kid, typ = header.get("alg"), header.get("kid"), header.get("typ", "JWT")
    if algorithm not in ALLOWED:
        raise TokenMalformed(f"the token's alg is none of {', '.join(sorted(ALLOWED))}")
    if not isinstance(typ, str) or typ.lower() not in _TYPES or "b64" in header:
        raise TokenMalformed("the token is of another type than JWT and at+jwt")
    if not isinstance(claims, dict) or not (kid is None or isinstance(kid, str)):
        raise TokenMalformed("the token's claims are no object, or its kid is no text")
    return BearerToken(kid, algorithm, claims, signed)


def _text(claims: Mapping[str, Any], name: str) -> str | None:
    value = claims.get(name)
    if value is None:
        return None
    limit = MAX_CHARACTERS if name == "scope" else MAX_CLAIM_CHARACTERS
    if not isinstance(value, str) or not value or len(value) > limit:
        raise TokenMalformed(f"the token's {name} is no text of 1 to {limit} characters")
    return value


def _texts(claims: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """An array of texts, or one text alone."""
    value = claims.get(name)
    values = value if isinstance(value, list) else [value]
    if len(values) > MAX_LISTED or not all(isinstance(one, str) for one in values):
        raise TokenMalformed(f"the token's {name} is no text and no array of texts")
    return tuple(values)


def _time(claims: Mapping[str, Any], name: str) -> float | None:
    """A NumericDate (RFC 7519 2)."""
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e12:
        raise TokenMalformed(f"the token's {name} is no time")
    return float(value)
