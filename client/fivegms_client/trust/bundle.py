"""The Sigstore bundle: who says to have signed, and a DSSE envelope with what was signed.

Of the bundle format (version 0.3, JSON) this reads what OpenSSF model-signing writes for keys and
for certificates. Nothing in it is believed: `key_hint` and `certificate_key` choose among the keys
that the app trusts, and which algorithm verifies is the key's own affair. A certificate is taken
for the key in it; chains, dates and transparency logs are not looked at.
"""

import base64
import binascii
from dataclasses import dataclass
from typing import Annotated, Literal

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from fivegms_client.errors import SignatureMalformed
from fivegms_client.trust.keys import PublicKey, usable
from fivegms_manifests.errors import ManifestError
from fivegms_manifests.json_safety import parse_json_object

MAX_BUNDLE_BYTES = 64 * 1024
PAYLOAD_TYPE = "application/vnd.in-toto+json"


@dataclass(frozen=True, slots=True)
class Bundle:
    """One signature over one payload; the payload's type is always PAYLOAD_TYPE."""

    payload: bytes
    signature: bytes
    key_hint: str | None = None
    certificate_key: PublicKey | None = None

    @property
    def signed_bytes(self) -> bytes:
        """What the signature is over: DSSE's pre-authentication encoding (DSSE 1.0 protocol)."""
        header = f"DSSEv1 {len(PAYLOAD_TYPE)} {PAYLOAD_TYPE} {len(self.payload)} "
        return header.encode() + self.payload


def read_bundle(document: bytes) -> Bundle:
    """Parse a bundle. Raises SignatureMalformed."""
    try:
        members = parse_json_object(document, max_bytes=MAX_BUNDLE_BYTES)
        read = _BundleDocument.model_validate(members)
    except ManifestError as error:
        raise SignatureMalformed(f"the signature is no Sigstore bundle: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(step) for step in first["loc"])
        raise SignatureMalformed(
            f"the signature is no Sigstore bundle that is read here: {where}: {first['msg']}"
        ) from error
    material, envelope = read.verification_material, read.dsse_envelope
    return Bundle(
        envelope.payload,
        envelope.signatures[0].sig,
        material.public_key.hint if material.public_key else None,
        _certificate_key(material.leaf),
    )


def _certificate_key(certificate: bytes | None) -> PublicKey | None:
    if certificate is None:
        return None
    try:
        key = usable(x509.load_der_x509_certificate(certificate).public_key())
    except (ValueError, UnsupportedAlgorithm, x509.InvalidVersion) as error:
        raise SignatureMalformed(f"the signer's certificate cannot be read: {error}") from error
    if key is None:
        raise SignatureMalformed("the signer's certificate has a key of a kind that is not taken")
    return key


def _decoded(text: object) -> bytes:
    if not isinstance(text, str):
        raise ValueError("not text")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"not base64: {error}") from error


_Base64 = Annotated[bytes, BeforeValidator(_decoded)]


class _Part(BaseModel):
    """Members that are not named here are for other verifiers: logs, timestamps."""

    model_config = ConfigDict(strict=True, frozen=True, alias_generator=to_camel)


class _PublicKeyHint(_Part):
    hint: str | None = None


class _Certificate(_Part):
    raw_bytes: _Base64


class _CertificateChain(_Part):
    certificates: Annotated[list[_Certificate], Field(min_length=1, max_length=8)]


class _VerificationMaterial(_Part):
    public_key: _PublicKeyHint | None = None
    x509_certificate_chain: Annotated[
        _CertificateChain | None, Field(alias="x509CertificateChain")
    ] = None
    certificate: _Certificate | None = None

    @property
    def leaf(self) -> bytes | None:
        if self.certificate is not None:
            return self.certificate.raw_bytes
        chain = self.x509_certificate_chain
        return None if chain is None else chain.certificates[0].raw_bytes


class _Signature(_Part):
    sig: _Base64


class _Envelope(_Part):
    payload: _Base64
    payload_type: Literal["application/vnd.in-toto+json"]
    signatures: Annotated[list[_Signature], Field(min_length=1, max_length=1)]


class _BundleDocument(_Part):
    media_type: Literal["application/vnd.dev.sigstore.bundle.v0.3+json"]
    verification_material: _VerificationMaterial
    dsse_envelope: _Envelope
