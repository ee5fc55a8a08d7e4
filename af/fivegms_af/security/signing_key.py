"""The private key that signs the tokens of the embedded authorisation server, as a PEM file."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from fivegms_af.bodies import canonical_json
from fivegms_af.security.algorithms import BY_KEY_TYPE, REGISTRY, SignatureKey
from fivegms_af.security.errors import SettingsRefused
from fivegms_af.security.jwks import KeySet, read_key_set

FILE_NAME = "oauth-signing-key.pem"
MAX_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key; `kid` is the thumbprint of its public part (RFC 7638)."""

    private: SignatureKey = field(repr=False)
    kid: str
    key_set: bytes

    def sign(self, claims: dict[str, object]) -> str:
        """A JWT access token (RFC 9068)."""
        algorithm = BY_KEY_TYPE[self.private.key_type][0]
        header = {"alg": algorithm, "kid": self.kid, "typ": "at+jwt"}
        return jwt.encode(header, claims, self.private, registry=REGISTRY)

    @property
    def keys(self) -> KeySet:
        """What verifies its tokens."""
        return read_key_set(self.key_set)


def load_signing_key(file: Path) -> SigningKey:
    """The key in `file`: EC P-256, Ed25519 or RSA, not encrypted. Raises SettingsRefused."""
    try:
        with file.open("rb") as opened:
            pem = opened.read(MAX_BYTES)
        load_pem_private_key(pem, password=None)
        return _signing_key(pem)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm, JoseError) as error:
        raise SettingsRefused(file, error) from error


def keep_signing_key(folder: Path) -> SigningKey:
    """The key that lies in `folder`, made there if there is none, for its owner alone.

    Raises SettingsRefused, OSError.
    """
    file = folder / FILE_NAME
    if not file.exists():
        _create(file)
    return load_signing_key(file)


def _create(file: Path) -> None:
    """Write it beside first: a key that is cut short must not be found later."""
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    draft = file.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
        opened.write(pem)
        opened.flush()
        os.fsync(opened.fileno())
    draft.replace(file)


def _signing_key(pem: bytes) -> SigningKey:
    """Raises ValueError for a key of another kind, which the reader of key sets refuses."""
    for kind in (ECKey, OKPKey, RSAKey):
        try:
            private: SignatureKey = kind.import_key(pem)
        except (JoseError, ValueError, TypeError):
            continue
        kid = private.thumbprint()
        public = private.as_dict(private=False) | {"kid": kid, "use": "sig"}
        key_set = canonical_json({"keys": [public]})
        read_key_set(key_set)
        return SigningKey(private, kid, key_set)
    raise ValueError("it is no EC P-256, Ed25519 or RSA key")
