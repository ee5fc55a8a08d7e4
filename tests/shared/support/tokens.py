"""An authorisation server of a test's own: keys, JWK Sets, and tokens with whatever claims."""

import base64
import hmac
import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from joserfc import jws
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

ISSUER = "https://issuer.example"
AUDIENCE = "af.example"

Kind = Literal["EC", "OKP", "RSA"]
ALGORITHMS: dict[Kind, str] = {"EC": "ES256", "OKP": "Ed25519", "RSA": "RS256"}


@dataclass(frozen=True)
class Key:
    """A key pair with a `kid`."""

    kid: str
    kind: Kind = "EC"
    pair: Any = field(default=None, repr=False)

    @classmethod
    def make(cls, kid: str, kind: Kind = "EC") -> "Key":
        """A new one."""
        match kind:
            case "EC":
                return cls(kid, kind, ECKey.generate_key("P-256"))
            case "OKP":
                return cls(kid, kind, OKPKey.generate_key("Ed25519"))
        return cls(kid, kind, RSAKey.generate_key(2048))

    @property
    def jwk(self) -> dict[str, Any]:
        """The public part."""
        return dict(self.pair.as_dict(private=False)) | {"kid": self.kid, "use": "sig"}

    def sign(self, claims: Any, **header: Any) -> str:
        """A token; `header` overrides what is usual."""
        usual = {"alg": ALGORITHMS[self.kind], "kid": self.kid, "typ": "JWT"}
        return signed(claims, self.pair, usual | header)


def jwks(*keys: Key | dict[str, Any]) -> bytes:
    """A JWK Set."""
    return json.dumps({"keys": [one.jwk if isinstance(one, Key) else one for one in keys]}).encode()


class _Lax(JWSRegistry):
    """Signs whatever it is asked to."""

    def get_alg(self, name: str) -> Any:
        return self.algorithms[name]

    def check_header(self, header: dict[str, Any]) -> None:
        return


def signed(claims: Any, key: Any, header: dict[str, Any]) -> str:
    """A JWS by any algorithm, good or bad."""
    payload = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    return jws.serialize_compact(header, payload, key, registry=_Lax())


def hmac_with(secret: bytes, claims: Any, **header: Any) -> str:
    """A token whose secret is a public key: the algorithm confusion of RFC 8725 2.1."""
    parts = ({"alg": "HS256", "typ": "JWT"} | header, claims)
    signing = b".".join(_base64url(json.dumps(part).encode()) for part in parts)
    signature = _base64url(hmac.digest(secret, signing, "sha256"))
    return b".".join((signing, signature)).decode()


def _base64url(content: bytes) -> bytes:
    return base64.urlsafe_b64encode(content).rstrip(b"=")


def claims(now: datetime, **others: Any) -> dict[str, Any]:
    """Those of a good token for ten minutes; None takes one away."""
    seconds = int(now.timestamp())
    usual = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "somebody",
        "iat": seconds,
        "exp": seconds + 600,
        "scope": "3gpp-m1",
        "asp_id": "acme",
    }
    return {name: value for name, value in (usual | others).items() if value is not None}
