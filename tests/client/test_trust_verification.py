"""The rule of trust: who signed what, by bytes alone, and every way to cheat it."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from fivegms_client.errors import (
    BadOption,
    ModelUnexpected,
    NotTrusted,
    ReleaseExpired,
    ReleaseMismatch,
    SignatureInvalid,
    SignatureMalformed,
    SignerUnknown,
)
from fivegms_client.trust import TrustedKey, TrustMode, TrustPolicy, trusted_key
from fivegms_client.trust.bundle import MAX_BUNDLE_BYTES
from fivegms_client.trust.verification import (
    Evidence,
    VerifiedRelease,
    check_release,
    verify_signature,
)
from fivegms_manifests.model import Model
from fivegms_manifests.release import RELEASE_SUFFIX, SIGNATURE_SUFFIX, write_release
from support.authority import Authority
from support.signatures import NOW, SigningProvider, digests, encoded, statement

PROVIDER, STRANGER = SigningProvider(), SigningProvider()
MANIFEST = b"<MPD/>"
RELEASE = PROVIDER.release(MANIFEST)
SIGNED = PROVIDER.evidence(MANIFEST, RELEASE)
EVIDENCE = Evidence(MANIFEST, SIGNED[RELEASE_SUFFIX], SIGNED[SIGNATURE_SUFFIX])
BUNDLE = json.loads(EVIDENCE.bundle)
STATEMENT = statement(digests({"model.mpd": MANIFEST, RELEASE.name: EVIDENCE.release}))
MODEL = Model("perceptron", 1, "tensors", "onnx", (), 10)


def verified(evidence: Evidence = EVIDENCE, *keys: TrustedKey) -> VerifiedRelease:
    return verify_signature(evidence, keys or (PROVIDER.trusted,))


def with_statement(**members: Any) -> Evidence:
    payload = json.dumps({**STATEMENT, **members}).encode()
    return replace(EVIDENCE, bundle=PROVIDER.bundle(payload))


def with_files(files: dict[str, str]) -> Evidence:
    return with_statement(**statement(files))


def with_bundle(**members: Any) -> Evidence:
    return replace(EVIDENCE, bundle=json.dumps({**BUNDLE, **members}).encode())


def with_envelope(**members: Any) -> Evidence:
    return with_bundle(dsseEnvelope={**BUNDLE["dsseEnvelope"], **members})


@pytest.mark.requirement("R008")
@pytest.mark.requirement("R008c")
def test_a_manifest_that_the_provider_released_is_verified() -> None:
    found = verified()
    assert found.release == RELEASE
    assert found.signer == PROVIDER.fingerprint


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()])
def test_each_curve_goes_with_its_hash(curve: ec.EllipticCurve) -> None:
    provider = SigningProvider(curve)
    signed = provider.evidence(MANIFEST, provider.release(MANIFEST))
    evidence = Evidence(MANIFEST, signed[RELEASE_SUFFIX], signed[SIGNATURE_SUFFIX])
    assert verified(evidence, provider.trusted).signer == provider.fingerprint


def test_a_fingerprint_is_enough_because_the_release_brings_the_key() -> None:
    by_fingerprint = trusted_key(f"sha256:{PROVIDER.fingerprint}")
    assert by_fingerprint.public_key is None
    assert verified(EVIDENCE, by_fingerprint).signer == PROVIDER.fingerprint


def test_a_release_that_brings_another_key_does_not_help_a_stranger() -> None:
    release = replace(RELEASE, public_key=STRANGER.public_pem.decode())
    forged = STRANGER.evidence(MANIFEST, release)
    bundle = json.loads(forged[SIGNATURE_SUFFIX])
    bundle["verificationMaterial"] = BUNDLE["verificationMaterial"]
    evidence = Evidence(MANIFEST, forged[RELEASE_SUFFIX], json.dumps(bundle).encode())
    with pytest.raises(SignerUnknown):
        verified(evidence, trusted_key(PROVIDER.fingerprint))
    with pytest.raises(SignatureInvalid):
        verified(evidence)


def test_a_stranger_s_signature_is_refused() -> None:
    forged = STRANGER.evidence(MANIFEST, STRANGER.release(MANIFEST))
    with pytest.raises(SignerUnknown, match=STRANGER.fingerprint):
        verified(Evidence(MANIFEST, forged[RELEASE_SUFFIX], forged[SIGNATURE_SUFFIX]))


def test_one_of_several_keys_is_enough() -> None:
    assert verified(EVIDENCE, STRANGER.trusted, PROVIDER.trusted).signer == PROVIDER.fingerprint


def test_a_certificate_is_taken_for_the_key_in_it() -> None:
    authority = Authority.new(NOW)
    der = authority.certificate.public_bytes(Encoding.DER)
    public = authority.key.public_key()
    provider = SigningProvider()
    object.__setattr__(provider, "key", authority.key)
    signed = provider.evidence(MANIFEST, provider.release(MANIFEST))
    payload = json.dumps(
        statement(digests({"model.mpd": MANIFEST, RELEASE.name: signed[RELEASE_SUFFIX]}))
    )
    chain = {"certificates": [{"rawBytes": encoded(der)}]}
    for material in ({"x509CertificateChain": chain}, {"certificate": chain["certificates"][0]}):
        bundle = provider.bundle(payload.encode(), **material)
        evidence = Evidence(MANIFEST, signed[RELEASE_SUFFIX], bundle)
        pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        assert verified(evidence, trusted_key(pem)).signer == provider.fingerprint
        assert verified(evidence, trusted_key(provider.fingerprint)).signer == provider.fingerprint
        with pytest.raises(SignerUnknown):
            verified(evidence)


@pytest.mark.parametrize("material", [{"certificate": {"rawBytes": "AAAA"}}, {}])
def test_a_bundle_without_a_usable_key_is_refused(material: dict[str, Any]) -> None:
    with pytest.raises((SignatureMalformed, SignerUnknown)):
        verified(with_bundle(verificationMaterial=material))


@pytest.mark.requirement("R008c")
def test_another_manifest_is_refused() -> None:
    with pytest.raises(ReleaseMismatch, match="another manifest"):
        verified(replace(EVIDENCE, manifest=b"<MPD />"))


def test_another_release_of_the_same_provider_is_refused() -> None:
    other = write_release(replace(RELEASE, counter=101))
    with pytest.raises(ReleaseMismatch, match="another release"):
        verified(replace(EVIDENCE, release=other))


def test_a_release_and_a_statement_must_agree() -> None:
    lie = replace(RELEASE, manifest=replace(RELEASE.manifest, sha256="00" * 32))
    signed = PROVIDER.evidence(MANIFEST, lie)
    with pytest.raises(ReleaseMismatch):
        verified(Evidence(MANIFEST, signed[RELEASE_SUFFIX], signed[SIGNATURE_SUFFIX]))
    lie = replace(RELEASE, manifest=replace(RELEASE.manifest, size_bytes=7))
    signed = PROVIDER.evidence(MANIFEST, lie)
    with pytest.raises(ReleaseMismatch):
        verified(Evidence(MANIFEST, signed[RELEASE_SUFFIX], signed[SIGNATURE_SUFFIX]))


def test_a_signature_over_more_or_fewer_files_is_refused() -> None:
    both = digests({"model.mpd": MANIFEST, RELEASE.name: EVIDENCE.release})
    with pytest.raises(ReleaseMismatch):
        verified(with_files({RELEASE.name: both[RELEASE.name]}))
    with pytest.raises(ReleaseMismatch):
        verified(with_files({"model.mpd": both["model.mpd"]}))
    with pytest.raises(ReleaseMismatch):
        verified(with_files({**both, "more": "00" * 32}))


@pytest.mark.parametrize(
    "members",
    [
        {"_type": "https://in-toto.io/Statement/v0.1"},
        {"predicateType": "https://model_signing/Digests/v0.1"},
        {"subject": []},
        {"subject": [*STATEMENT["subject"], *STATEMENT["subject"]]},
        {"subject": [{"name": "model", "digest": {"sha256": "00" * 32}}]},
        {"predicate": {**STATEMENT["predicate"], "resources": []}},
        {"predicate": {**STATEMENT["predicate"], "serialization": {"method": "shards"}}},
        {"predicate": {"resources": STATEMENT["predicate"]["resources"]}},
        {"predicate": {**STATEMENT["predicate"], "resources": 65 * [{}]}},
    ],
)
def test_a_signed_statement_of_another_kind_is_refused(members: dict[str, Any]) -> None:
    with pytest.raises(SignatureMalformed):
        verified(with_statement(**members))


def test_a_statement_that_names_a_file_twice_is_refused() -> None:
    [first, second] = STATEMENT["predicate"]["resources"]
    twice = {**STATEMENT["predicate"], "resources": [first, second, second]}
    with pytest.raises(SignatureMalformed, match="twice"):
        verified(with_statement(predicate=twice))


@pytest.mark.parametrize("algorithm", ["blake2", "sha512", "none"])
def test_no_other_digest_is_taken(algorithm: str) -> None:
    resources = [{**one, "algorithm": algorithm} for one in STATEMENT["predicate"]["resources"]]
    with pytest.raises(SignatureMalformed):
        verified(with_statement(predicate={**STATEMENT["predicate"], "resources": resources}))


@pytest.mark.parametrize(
    "evidence",
    [
        with_bundle(mediaType="application/vnd.dev.sigstore.bundle+json;version=0.1"),
        with_bundle(dsseEnvelope=None),
        with_bundle(verificationMaterial=7),
        with_envelope(payloadType="text/plain"),
        with_envelope(payload="not base64"),
        with_envelope(payload=7),
        with_envelope(signatures=[]),
        with_envelope(signatures=2 * BUNDLE["dsseEnvelope"]["signatures"]),
        with_envelope(signatures=[{"sig": "!"}]),
        replace(EVIDENCE, bundle=b""),
        replace(EVIDENCE, bundle=b"[" * 10_000),
        replace(EVIDENCE, bundle=EVIDENCE.bundle + b" " * MAX_BUNDLE_BYTES),
        replace(EVIDENCE, bundle=EVIDENCE.bundle[:-1] + b', "mediaType": "x"}'),
        replace(EVIDENCE, release=b"{}"),
        replace(EVIDENCE, release=EVIDENCE.release + b" " * 20_000),
    ],
)
def test_a_bundle_or_release_that_is_none_is_refused(evidence: Evidence) -> None:
    with pytest.raises(SignatureMalformed):
        verified(evidence)


@pytest.mark.parametrize("signature", [b"", b"\0" * 64, bytes.fromhex("3006020100020100")])
def test_a_signature_that_is_none_is_refused(signature: bytes) -> None:
    with pytest.raises(SignatureInvalid):
        verified(with_envelope(signatures=[{"sig": encoded(signature)}]))


def test_the_algorithm_is_the_key_s_and_nobody_else_s() -> None:
    """A bundle cannot ask for another hash, another key type, or an HMAC with the public key."""
    other: list[ed25519.Ed25519PublicKey | rsa.RSAPublicKey | ec.EllipticCurvePublicKey] = [
        ed25519.Ed25519PrivateKey.generate().public_key(),
        rsa.generate_private_key(65537, 2048).public_key(),
        ec.generate_private_key(ec.SECP256K1()).public_key(),
    ]
    for key in other:
        pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        with pytest.raises(BadOption):
            trusted_key(pem)
        release = replace(RELEASE, public_key=pem.decode())
        signed = PROVIDER.evidence(MANIFEST, release)
        evidence = Evidence(MANIFEST, signed[RELEASE_SUFFIX], signed[SIGNATURE_SUFFIX])
        with pytest.raises(SignerUnknown):
            verified(evidence, trusted_key(PROVIDER.fingerprint))
    wide = SigningProvider(ec.SECP384R1())
    object.__setattr__(wide, "curve", ec.SECP256R1())  # a P-384 key that signs with SHA-256
    signed = wide.evidence(MANIFEST, wide.release(MANIFEST))
    with pytest.raises(SignatureInvalid):
        verified(Evidence(MANIFEST, signed[RELEASE_SUFFIX], signed[SIGNATURE_SUFFIX]), wide.trusted)


def test_a_certificate_of_an_unknown_version_is_refused() -> None:
    der = Authority.new(NOW).certificate.public_bytes(Encoding.DER)
    version_3 = bytes.fromhex("a003020102")
    assert der.count(version_3) == 1
    damaged = encoded(der.replace(version_3, bytes.fromhex("a003020132")))
    with pytest.raises(SignatureMalformed, match="certificate"):
        verified(with_bundle(verificationMaterial={"certificate": {"rawBytes": damaged}}))


@pytest.mark.parametrize("hint", ["\x1b[2J", "k" * 10_000])
def test_a_hint_is_shown_as_what_it_is(hint: str) -> None:
    with pytest.raises(SignerUnknown) as refusal:
        verified(with_bundle(verificationMaterial={"publicKey": {"hint": hint}}))
    assert str(refusal.value).isprintable()
    assert len(str(refusal.value)) < 1000


@given(st.integers(0, len(EVIDENCE.bundle) - 1), st.integers(1, 255))
def test_a_bundle_with_any_byte_changed_vouches_for_nothing_else(at: int, flip: int) -> None:
    bundle = bytearray(EVIDENCE.bundle)
    bundle[at] ^= flip
    try:
        assert verified(replace(EVIDENCE, bundle=bytes(bundle))) == verified()
    except NotTrusted:
        return


@given(st.integers(0, len(EVIDENCE.bundle) - 1))
def test_a_truncated_bundle_is_refused(end: int) -> None:
    with pytest.raises(SignatureMalformed):
        verified(replace(EVIDENCE, bundle=EVIDENCE.bundle[:end]))


@given(st.integers(0, len(EVIDENCE.release) - 1), st.integers(1, 255))
def test_a_release_with_any_byte_changed_is_refused(at: int, flip: int) -> None:
    release = bytearray(EVIDENCE.release)
    release[at] ^= flip
    with pytest.raises(NotTrusted):
        verified(replace(EVIDENCE, release=bytes(release)))


def test_a_release_counts_until_it_expires_and_a_little_longer() -> None:
    found = verified()
    check_release(found, MODEL, RELEASE.expires)
    late = RELEASE.expires + timedelta(minutes=4)
    with pytest.raises(ReleaseExpired):
        check_release(found, MODEL, late)
    check_release(found, MODEL, late, clock_skew=timedelta(minutes=5))


def test_a_release_may_count_until_the_end_of_time() -> None:
    found = replace(verified(), release=replace(RELEASE, expires=datetime.max.replace(tzinfo=UTC)))
    check_release(found, MODEL, NOW, clock_skew=timedelta.max)


@pytest.mark.parametrize("changes", [{"name": "other"}, {"version": 2}])
def test_a_release_of_another_model_or_version_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ReleaseMismatch):
        check_release(verified(), replace(MODEL, **changes), NOW)


def test_another_model_of_the_same_provider_is_refused_where_the_app_names_one() -> None:
    check_release(verified(), MODEL, NOW, wanted="perceptron")
    with pytest.raises(ModelUnexpected):
        check_release(verified(), MODEL, NOW, wanted="detector")


def test_a_policy_without_keys_is_refused() -> None:
    with pytest.raises(BadOption):
        TrustPolicy(TrustMode.ENFORCE)
    with pytest.raises(BadOption):
        TrustPolicy(TrustMode.WARN)
    assert TrustPolicy().mode is TrustMode.OFF


@pytest.mark.parametrize("source", ["nowhere.pem", b"", b"-----BEGIN", b"A" * 5000, "sha256:12"])
def test_a_key_that_is_none_is_refused(source: str | bytes) -> None:
    with pytest.raises(BadOption):
        trusted_key(source)
