"""A provider that signs, by `cryptography` alone: each step can be bent, as an attacker would.

What the real signer writes is held against the same verifier in tests/testbed/test_signing.py.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from fivegms_client.trust.keys import TrustedKey, fingerprint, trusted_key
from fivegms_manifests.release import (
    RELEASE_SUFFIX,
    SIGNATURE_SUFFIX,
    Release,
    ReleasedManifest,
    write_release,
)
from support.published_model import PublishedModel

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
PAYLOAD_TYPE = "application/vnd.in-toto+json"
HASHES: dict[str, hashes.HashAlgorithm] = {
    "secp256r1": hashes.SHA256(),
    "secp384r1": hashes.SHA384(),
    "secp521r1": hashes.SHA512(),
}


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def digests(files: Mapping[str, bytes]) -> dict[str, str]:
    return {name: sha256(data).hexdigest() for name, data in files.items()}


def statement(files: Mapping[str, str]) -> dict[str, Any]:
    """An in-toto statement over digests in hex by name."""
    together = sha256(b"".join(bytes.fromhex(files[name]) for name in sorted(files)))
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "model", "digest": {"sha256": together.hexdigest()}}],
        "predicateType": "https://model_signing/signature/v1.0",
        "predicate": {
            "serialization": {"method": "files", "hash_type": "sha256", "allow_symlinks": False},
            "resources": [
                {"name": name, "algorithm": "sha256", "digest": files[name]}
                for name in sorted(files)
            ],
        },
    }


@dataclass(frozen=True)
class SigningProvider:
    """A provider with a key."""

    curve: ec.EllipticCurve = field(default_factory=ec.SECP256R1)
    key: ec.EllipticCurvePrivateKey = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", ec.generate_private_key(self.curve))

    @property
    def public_pem(self) -> bytes:
        public = self.key.public_key()
        return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.key.public_key())

    @property
    def trusted(self) -> TrustedKey:
        return trusted_key(self.public_pem)

    def release(
        self,
        document: bytes,
        *,
        model: str = "perceptron",
        version: int = 1,
        counter: int = 100,
        expires: datetime = NOW + timedelta(days=30),
        name: str = "model.mpd",
    ) -> Release:
        released = ReleasedManifest(name, sha256(document).hexdigest(), len(document))
        return Release(model, version, counter, expires, released, self.public_pem.decode())

    def bundle(self, payload: bytes, **material: Any) -> bytes:
        """A bundle over any payload."""
        signed = f"DSSEv1 {len(PAYLOAD_TYPE)} {PAYLOAD_TYPE} {len(payload)} ".encode() + payload
        signature = self.key.sign(signed, ec.ECDSA(HASHES[self.curve.name]))
        document = {
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": material
            or {"publicKey": {"hint": self.fingerprint}, "tlogEntries": []},
            "dsseEnvelope": {
                "payload": encoded(payload),
                "payloadType": PAYLOAD_TYPE,
                "signatures": [{"sig": encoded(signature), "keyid": ""}],
            },
        }
        return json.dumps(document).encode()

    def evidence(self, document: bytes, release: Release) -> dict[str, bytes]:
        """What lies beside a manifest, by suffix."""
        written = write_release(release)
        files = digests({release.manifest.name: document, release.name: written})
        bundle = self.bundle(json.dumps(statement(files)).encode())
        return {RELEASE_SUFFIX: written, SIGNATURE_SUFFIX: bundle}

    def sign(self, published: PublishedModel, **changes: Any) -> dict[str, bytes]:
        """The files of a published model and its signature."""
        document = published.files[published.path]
        evidence = self.evidence(document, self.release(document, **changes))
        return published.files | {published.path + end: data for end, data in evidence.items()}
