"""Which signature algorithms tokens may have: asymmetric ones, each for one type of key.

Both the reader and the writer of tokens stand on `REGISTRY`. HMAC is not among them, so a public
key can never be taken for a shared secret; nor is `none` (RFC 8725 3.1, 3.2).
"""

from collections.abc import Mapping
from typing import Any

from joserfc.errors import UnsupportedAlgorithmError
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

SignatureKey = ECKey | OKPKey | RSAKey

BY_KEY_TYPE: Mapping[str, tuple[str, ...]] = {
    "EC": ("ES256",),
    "OKP": ("EdDSA", "Ed25519"),
    "RSA": ("RS256", "PS256"),
}
"""By `kty`, the one that we sign with first. EdDSA is Ed25519's older name (RFC 9864)."""

CURVES: Mapping[str, str] = {"EC": "P-256", "OKP": "Ed25519"}
ALLOWED = frozenset(name for names in BY_KEY_TYPE.values() for name in names)


class _Registry(JWSRegistry):
    """joserfc's algorithms, without its warning about the older name, which issuers go on using."""

    max_header_length = 4096

    def get_alg(self, name: str) -> Any:
        if name not in ALLOWED:
            raise UnsupportedAlgorithmError
        return self.algorithms[name]


# Unknown header parameters are ignored, as RFC 7515 4 asks; `crit` is still honoured.
REGISTRY = _Registry(algorithms=ALLOWED, strict_check_header=False)
