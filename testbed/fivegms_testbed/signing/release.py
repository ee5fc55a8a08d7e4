"""The next release of a model: pure, but for the signature that `bundle` makes.

The counter is the Unix time, which only grows, unless the provider says otherwise; it is held
against the release that is there, where that one is the provider's own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256

from fivegms_client.errors import ClientError
from fivegms_client.manifest_access import AccessedManifest
from fivegms_client.trust.keys import TrustedKey
from fivegms_client.trust.verification import (
    Evidence,
    check_release,
    verify_release,
    verify_signature,
)
from fivegms_manifests.errors import FileNameUnsafe
from fivegms_manifests.file_names import check_file_name
from fivegms_manifests.release import (
    MAX_COUNTER,
    RELEASE_SUFFIX,
    SIGNATURE_SUFFIX,
    Release,
    ReleasedManifest,
    write_release,
)
from fivegms_testbed.errors import SigningError
from fivegms_testbed.signing.bundle import sign_files
from fivegms_testbed.signing.keys import SigningKey

DEFAULT_LIFETIME = timedelta(days=30)


class SigningRefused(SigningError):
    """What was asked to be signed would be refused by devices."""


@dataclass(frozen=True, slots=True)
class SignedRelease:
    """A release and what lies beside its manifest, by suffix."""

    release: Release
    signer: str
    files: Mapping[str, bytes] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Terms:
    """When a release is made, for how long it counts, and its counter: None, the time."""

    now: datetime
    lifetime: timedelta = DEFAULT_LIFETIME
    counter: int | None = None


def sign_manifest(
    accessed: AccessedManifest,
    name: str,
    key: SigningKey,
    terms: Terms,
    replaced: Mapping[str, bytes],
) -> SignedRelease:
    """Sign the next release of a manifest that is called `name`.

    `replaced` is what lies beside the manifest now, by suffix.
    Raises SigningRefused, SigningFailed, SignerMissing.
    """
    release = _next_release(accessed, name, key, terms, _counter_of(replaced, key))
    written = write_release(release)
    bundle = sign_files({name: accessed.document, release.name: written}, release.model, key)
    _check(accessed, Evidence(accessed.document, written, bundle), key, terms.now)
    files = {RELEASE_SUFFIX: written, SIGNATURE_SUFFIX: bundle}
    return SignedRelease(release, key.fingerprint, files)


def _next_release(
    accessed: AccessedManifest, name: str, key: SigningKey, terms: Terms, before: int | None
) -> Release:
    counter = int(terms.now.timestamp()) if terms.counter is None else terms.counter
    if not 0 <= counter <= MAX_COUNTER:
        raise SigningRefused(f"the counter is {counter}; it lies between 0 and {MAX_COUNTER}")
    if before is not None and counter <= before:
        raise SigningRefused(
            f"the counter would be {counter}, and the release that is there has {before}; devices "
            "that have seen it refuse a lower one: check the clock, or give a higher --counter"
        )
    model = accessed.manifest.model
    digest = sha256(accessed.document).hexdigest()
    return Release(
        model.name,
        model.version,
        counter,
        _expiry(terms),
        ReleasedManifest(_file_name(name), digest, len(accessed.document)),
        key.public_pem,
    )


def _expiry(terms: Terms) -> datetime:
    if terms.lifetime <= timedelta(0):
        raise SigningRefused("a release must count for some time")
    try:
        return (terms.now + terms.lifetime).replace(microsecond=0)
    except OverflowError as error:
        raise SigningRefused("a release must end before the year 10000") from error


def _file_name(name: str) -> str:
    """The address of a manifest is its server's choice, and files of that name are written here."""
    try:
        return check_file_name(name)
    except FileNameUnsafe as error:
        raise SigningRefused(f"the manifest's address cannot be signed: {error}") from error


def _counter_of(replaced: Mapping[str, bytes], key: SigningKey) -> int | None:
    """The counter of the provider's own release; what somebody else put there counts for nothing.

    Of whichever manifest it is: a model that was prepared anew has a release of the one before.
    """
    try:
        before = verify_release(
            replaced[RELEASE_SUFFIX], replaced[SIGNATURE_SUFFIX], _trusting(key)
        )
    except (KeyError, ClientError):
        return None
    return before.release.counter


def _check(accessed: AccessedManifest, evidence: Evidence, key: SigningKey, now: datetime) -> None:
    """Nothing is published that a device would refuse."""
    try:
        check_release(verify_signature(evidence, _trusting(key)), accessed.manifest.model, now)
    except ClientError as error:
        raise SigningRefused(f"devices would refuse what was signed: {error}") from error


def _trusting(key: SigningKey) -> tuple[TrustedKey, ...]:
    return (TrustedKey(key.fingerprint, key.public_key),)
