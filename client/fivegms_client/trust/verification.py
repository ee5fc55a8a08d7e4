"""Whether a manifest is what a trusted provider released: a pure rule, in the order of attack.

    1  the bundle is one, and small            SignatureMalformed
    2  its key is one that the app trusts      SignerUnknown
    3  the signature is the key's              SignatureInvalid
    4  it is over this release and manifest    ReleaseMismatch
    5  they are of the model that is wanted    ModelUnexpected
    6  the release has not expired             ReleaseExpired

Nothing that was delivered is believed before step 3 but which of the trusted keys to try. Whether
a newer release was seen before is `memory`'s part.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec

from fivegms_client.errors import (
    ModelUnexpected,
    ReleaseExpired,
    ReleaseMismatch,
    SignatureInvalid,
    SignatureMalformed,
    SignerUnknown,
)
from fivegms_client.trust.bundle import Bundle, read_bundle
from fivegms_client.trust.keys import (
    HASHES,
    PublicKey,
    TrustedKey,
    fingerprint,
    read_public_key,
)
from fivegms_client.trust.statement import signed_files
from fivegms_manifests.errors import ManifestError
from fivegms_manifests.model import Model
from fivegms_manifests.release import Release, read_release

_HINT_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was delivered: the manifest, its release, and the signature over both, byte for byte."""

    manifest: bytes = field(repr=False)
    release: bytes = field(repr=False)
    bundle: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class VerifiedRelease:
    """A release that `signer` (a fingerprint) made; `sha256` is that of the release's bytes."""

    release: Release
    signer: str
    sha256: str


def verify_signature(evidence: Evidence, keys: Sequence[TrustedKey]) -> VerifiedRelease:
    """The release, where one of `keys` signed it and the manifest.

    Raises SignatureMalformed, SignerUnknown, SignatureInvalid, ReleaseMismatch.
    """
    verified = verify_release(evidence.release, evidence.bundle, keys)
    manifest = verified.release.manifest
    found = (sha256(evidence.manifest).hexdigest(), len(evidence.manifest))
    if found != (manifest.sha256, manifest.size_bytes):
        raise ReleaseMismatch(
            "the signature is over another manifest: the model was prepared anew since, and the "
            "provider must sign again, or the server mixes two releases"
        )
    return verified


def verify_release(
    document: bytes, signature: bytes, keys: Sequence[TrustedKey]
) -> VerifiedRelease:
    """The release in `document`, where one of `keys` signed it, of whichever manifest.

    Raises as `verify_signature`.
    """
    bundle, release = read_bundle(signature), _read(document)
    key = _key_of(bundle, release, keys)
    try:
        key.verify(bundle.signature, bundle.signed_bytes, ec.ECDSA(HASHES[key.curve.name]))
    except InvalidSignature:
        raise SignatureInvalid(
            f"the signature is not that of key {fingerprint(key)}: what was signed was changed, or "
            "the signature was; get the manifest from elsewhere, or tell the provider"
        ) from None
    digest = sha256(document).hexdigest()
    signed = {release.name: digest, release.manifest.name: release.manifest.sha256}
    if signed_files(bundle.payload) != signed:
        raise ReleaseMismatch("the signature is over another release; the provider must sign again")
    return VerifiedRelease(release, fingerprint(key), digest)


def check_release(
    verified: VerifiedRelease,
    model: Model,
    now: datetime,
    *,
    wanted: str | None = None,
    clock_skew: timedelta = timedelta(0),
) -> None:
    """That the release is of the manifest's `model`, which is the one `wanted`, and counts `now`.

    Raises ReleaseMismatch, ModelUnexpected, ReleaseExpired.
    """
    release = verified.release
    if (release.model, release.version) != (model.name, model.version):
        raise ReleaseMismatch(
            f"the release is of {release.model} version {release.version}, the manifest of "
            f"{model.name} version {model.version}; the provider must sign again"
        )
    if wanted is not None and release.model != wanted:
        raise ModelUnexpected(f"the model is {release.model}; the app wants {wanted}")
    if now - release.expires > clock_skew:
        raise ReleaseExpired(
            f"the release of {release.model} version {release.version} counted until "
            f"{release.expires:%Y-%m-%d %H:%M} UTC; the provider must sign again, or the server "
            "keeps newer releases back, or this device's clock is wrong"
        )


def _read(document: bytes) -> Release:
    try:
        return read_release(document)
    except ManifestError as error:
        raise SignatureMalformed(f"the release cannot be read: {error}") from error


def _key_of(bundle: Bundle, release: Release, keys: Sequence[TrustedKey]) -> PublicKey:
    """The trusted key that the bundle says it was signed with; the release may bring it along."""
    brought = bundle.certificate_key or read_public_key(release.public_key.encode())
    named = fingerprint(brought) if bundle.certificate_key and brought else bundle.key_hint
    for trusted in keys:
        if trusted.fingerprint != named:
            continue
        if trusted.public_key is not None:
            return trusted.public_key
        if brought is not None and fingerprint(brought) == trusted.fingerprint:
            return brought
    raise SignerUnknown(
        f"the manifest is signed with key {_shown(named)}, which is not trusted here; if the "
        "provider has a new key, get its fingerprint from the provider, never from the server"
    )


def _shown(hint: str | None) -> str:
    """A hint for people to read: nobody vouches for it, so it brings no control characters."""
    return "unnamed" if hint is None else ascii(hint)[1:-1][:_HINT_SHOWN]
