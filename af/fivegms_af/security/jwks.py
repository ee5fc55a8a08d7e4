"""A JSON Web Key Set (RFC 7517) read distrustfully: the public keys that may verify a token. Pure.

Each key verifies the algorithms of its own type and no others, so that a token cannot have a public
key used as the secret of an HMAC. Keys for other purposes are left out; a key of ours that is
broken, weak or private makes the whole set refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from fivegms_af.bodies import parse_json
from fivegms_af.errors import BodyMalformed
from fivegms_af.security.algorithms import BY_KEY_TYPE, CURVES, SignatureKey

MAX_BYTES = 256 * 1024
MAX_KEYS = 64
MIN_RSA_BITS, MAX_RSA_BITS = 2048, 8192
MODULUS_CHARACTERS = range(342, 1367)  # these bits in base64url
MAX_MEMBER_CHARACTERS = 2048


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """A public key, and what a token that it signed may give as `alg`."""

    key: SignatureKey
    algorithms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KeySet:
    """Keys by `kid`; a set may have one key without."""

    keys: Mapping[str | None, VerificationKey]

    def find(self, kid: str | None) -> VerificationKey | None:
        """The key of that identifier; the only key there is for a token without."""
        if kid is None and len(self.keys) == 1:
            return next(iter(self.keys.values()))
        return self.keys.get(kid)


def read_key_set(body: bytes) -> KeySet:
    """The keys in a JWK Set. Raises ValueError that says what is wrong with it."""
    if len(body) > MAX_BYTES:
        raise ValueError(f"the key set is longer than {MAX_BYTES} bytes")
    try:
        document = parse_json(body)
    except BodyMalformed as error:
        raise ValueError(f"the key set is malformed: {error}") from error
    keys = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(keys, list):
        raise ValueError("the key set has no array `keys`")
    if len(keys) > MAX_KEYS:
        raise ValueError(f"the key set has more than {MAX_KEYS} keys")
    found: dict[str | None, VerificationKey] = {}
    for jwk in keys:
        if not _verifies_tokens(jwk):
            continue
        kid = jwk.get("kid")
        if kid in found:
            raise ValueError("two keys of the key set have one kid, or none")
        found[kid] = _import(jwk)
    if not found:
        raise ValueError("the key set has no key of type EC P-256, Ed25519 or RSA for signatures")
    return KeySet(found)


def _verifies_tokens(jwk: object) -> TypeGuard[dict[str, Any]]:
    """Whether it is a key of a type and purpose that we know. Raises ValueError for no key."""
    if not isinstance(jwk, dict) or not isinstance(jwk.get("kid", ""), str):
        raise ValueError("an entry of the key set is no key, or its kid is no text")
    kty = jwk.get("kty")
    if not isinstance(kty, str) or kty not in BY_KEY_TYPE:
        return False
    if kty in CURVES and jwk.get("crv") != CURVES[kty]:
        return False
    return (
        jwk.get("use", "sig") == "sig" and jwk.get("alg", BY_KEY_TYPE[kty][0]) in BY_KEY_TYPE[kty]
    )


def _import(jwk: dict[str, Any]) -> VerificationKey:
    if "d" in jwk:
        raise ValueError("the key set has a private key; publish its public part")
    if any(isinstance(one, str) and len(one) > MAX_MEMBER_CHARACTERS for one in jwk.values()):
        raise ValueError("a key of the key set is too large")
    algorithms = (jwk["alg"],) if "alg" in jwk else BY_KEY_TYPE[jwk["kty"]]
    try:
        return VerificationKey(_imported(jwk), algorithms)
    except (JoseError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"a key of the key set is broken: {error}") from error


def _imported(jwk: dict[str, Any]) -> SignatureKey:
    key: SignatureKey
    match jwk["kty"]:
        case "EC":
            key = ECKey.import_key(jwk)
        case "OKP":
            key = OKPKey.import_key(jwk)
        case _:
            key = _rsa_key(jwk)
    key.check_use("sig")
    return key


def _rsa_key(jwk: dict[str, Any]) -> RSAKey:
    """Looks at the size before a large number is computed with."""
    if len(jwk["n"]) in MODULUS_CHARACTERS:
        key = RSAKey.import_key(jwk)
        if MIN_RSA_BITS <= key.public_key.key_size <= MAX_RSA_BITS:
            return key
    raise ValueError(f"RSA needs {MIN_RSA_BITS} to {MAX_RSA_BITS} bits")
