"""A provider signs with the real library; the official tool and our devices take the result."""

import json
import stat
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from fivegms_client.device import measure_device
from fivegms_client.entry import SAI_PATH, ManifestFile, ManifestUrl
from fivegms_client.errors import SegmentCorrupt, SegmentMissing, SignerUnknown
from fivegms_client.manifest_access import AccessedManifest, parse_manifest
from fivegms_client.model_access import ModelAccess
from fivegms_client.options import AccessOptions
from fivegms_client.trust import TrustMode, TrustPolicy, trusted_key
from fivegms_client.trust.verification import Evidence, verify_signature
from fivegms_manifests.release import (
    MAX_COUNTER,
    RELEASE_SUFFIX,
    SIGNATURE_SUFFIX,
    beside,
    read_release,
)
from fivegms_testbed.signing.examination import examine
from fivegms_testbed.signing.keys import (
    KeyFileUnusable,
    SigningKey,
    make_key_pair,
    public_file,
    read_signing_key,
)
from fivegms_testbed.signing.publication import (
    NotOfSession,
    ingest_url,
    manifest_name,
    present_release,
    write_beside,
)
from fivegms_testbed.signing.release import SignedRelease, SigningRefused, Terms, sign_manifest
from support.command import fivegms
from support.memory_server import MemoryServer
from support.onnx_graphs import perceptron, save
from support.published_model import publish
from support.signatures import NOW, SigningProvider

PUBLISHED = publish(perceptron(hidden=32))
OTHER = publish(perceptron(hidden=48))
AT_ONCE = Terms(NOW)
BASE = "http://as.test/m4d/provisioning-session-1/"


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> SigningKey:
    return make_key_pair(tmp_path_factory.mktemp("key") / "provider.pem")


def accessed(published: Any = PUBLISHED) -> AccessedManifest:
    document = published.files[published.path]
    return AccessedManifest(parse_manifest(document, "model.mpd"), document, url=BASE + "model.mpd")


def signed(
    key: SigningKey, terms: Terms = AT_ONCE, replaced: Mapping[str, bytes] | None = None
) -> SignedRelease:
    return sign_manifest(accessed(), "model.mpd", key, terms, replaced or {})


def official(folder: Path, key: SigningKey, *options: str) -> subprocess.CompletedProcess[str]:
    """`model_signing verify key`, the tool of the OpenSSF."""
    public = folder.parent / "official.pub.pem"
    public.write_text(key.public_pem)
    signature = folder / f"model.mpd{SIGNATURE_SUFFIX}"
    command = (sys.executable, "-m", "model_signing", "verify", "key", str(folder))
    arguments = ("--signature", str(signature), "--public_key", str(public), *options)
    return subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)


def test_a_new_key_pair_is_for_its_owner_alone(tmp_path: Path) -> None:
    key = make_key_pair(tmp_path / "new" / "provider.pem")
    assert stat.S_IMODE(key.file.stat().st_mode) == 0o600
    assert trusted_key(public_file(key.file)).fingerprint == key.fingerprint
    assert read_signing_key(key.file).fingerprint == key.fingerprint
    with pytest.raises(KeyFileUnusable, match="never replaced"):
        make_key_pair(tmp_path / "new" / "provider.pem")


def test_half_a_key_pair_is_not_left_behind(tmp_path: Path) -> None:
    file = tmp_path / "provider.pem"
    public_file(file).write_bytes(b"")
    with pytest.raises(KeyFileUnusable, match="pub"):
        make_key_pair(file)
    assert not file.exists()


def test_a_key_with_a_password_signs_with_it_only(tmp_path: Path) -> None:
    key = make_key_pair(tmp_path / "provider.pem", "secret")
    assert signed(read_signing_key(key.file, "secret")).signer == key.fingerprint
    for password in (None, "wrong"):
        with pytest.raises(KeyFileUnusable):
            read_signing_key(key.file, password)


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    for private_key in (
        ed25519.Ed25519PrivateKey.generate(),
        ec.generate_private_key(ec.SECP256K1()),
    ):
        encryption = NoEncryption()
        file.write_bytes(private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
        with pytest.raises(KeyFileUnusable):
            read_signing_key(file)
    with pytest.raises(KeyFileUnusable):
        read_signing_key(tmp_path / "nowhere.pem")


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()])
def test_devices_take_what_the_library_signs(curve: ec.EllipticCurve, tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    encryption = BestAvailableEncryption(b"secret")
    private_key = ec.generate_private_key(curve)
    file.write_bytes(private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
    key = read_signing_key(file, "secret")
    made = signed(key)
    evidence = Evidence(
        accessed().document, made.files[RELEASE_SUFFIX], made.files[SIGNATURE_SUFFIX]
    )
    for trusted in (trusted_key(key.public_pem.encode()), trusted_key(key.fingerprint)):
        assert verify_signature(evidence, (trusted,)).release == made.release
    with pytest.raises(SignerUnknown):
        verify_signature(evidence, (SigningProvider().trusted,))


def test_devices_take_what_the_library_signs_with_a_certificate(tmp_path: Path) -> None:
    from model_signing import hashing, signing

    from support.authority import Authority

    authority = Authority.new(NOW)
    provider = SigningProvider()
    object.__setattr__(provider, "key", authority.key)
    key_file, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    key_file.write_bytes(
        authority.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    certificate.write_bytes(authority.certificate.public_bytes(Encoding.PEM))
    folder = tmp_path / "release"
    folder.mkdir()
    document = accessed().document
    by_hand = provider.evidence(document, provider.release(document))
    (folder / "model.mpd").write_bytes(document)
    (folder / "model.mpd.release.json").write_bytes(by_hand[RELEASE_SUFFIX])
    signing.Config().set_hashing_config(hashing.Config()).use_certificate_signer(
        private_key=key_file, signing_certificate=certificate, certificate_chain=[certificate]
    ).sign(folder, tmp_path / "bundle")
    bundle = (tmp_path / "bundle").read_bytes()
    assert b"x509CertificateChain" in bundle
    evidence = Evidence(document, by_hand[RELEASE_SUFFIX], bundle)
    found = verify_signature(evidence, (trusted_key(provider.fingerprint),))
    assert found.signer == provider.fingerprint


def test_the_official_tool_takes_the_folder(key: SigningKey, tmp_path: Path) -> None:
    manifest = PUBLISHED.write(tmp_path / "model")
    write_beside(manifest, signed(key).files)
    done = official(manifest.parent, key, "--ignore_unsigned_files")
    assert done.returncode == 0, done.stdout + done.stderr
    manifest.write_bytes(OTHER.files["model.mpd"])
    done = official(manifest.parent, key, "--ignore_unsigned_files")
    assert done.returncode != 0


def test_a_release_says_what_and_until_when(key: SigningKey) -> None:
    release = read_release(signed(key, Terms(NOW, timedelta(days=7))).files[RELEASE_SUFFIX])
    assert (release.model, release.version) == ("perceptron", 1)
    assert release.counter == int(NOW.timestamp())
    assert release.expires == NOW + timedelta(days=7)
    assert release.public_key == key.public_pem


@pytest.mark.parametrize(
    "terms",
    [
        Terms(NOW, counter=-1),
        Terms(NOW, counter=MAX_COUNTER + 1),
        Terms(NOW, timedelta(0)),
        Terms(NOW, timedelta(days=-1)),
        Terms(NOW, timedelta(days=4_000_000)),
    ],
)
def test_terms_that_no_device_would_take_are_refused(key: SigningKey, terms: Terms) -> None:
    with pytest.raises(SigningRefused):
        signed(key, terms)


@pytest.mark.parametrize("ending", ["..%2F..%2Fplanted", "%2E%2E", "%2Ftmp%2Fplanted", "a%00b", ""])
def test_an_address_cannot_have_files_written_elsewhere(
    key: SigningKey, ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    redirected = replace(accessed(), url=BASE + ending)
    with pytest.raises(SigningRefused, match="no name of a file"):
        sign_manifest(redirected, manifest_name(redirected), key, Terms(NOW), {})
    assert list(tmp_path.iterdir()) == []


def test_the_counter_only_grows(key: SigningKey) -> None:
    first = signed(key)
    later = signed(key, Terms(NOW + timedelta(seconds=1)), first.files)
    assert later.release.counter == first.release.counter + 1
    for terms in (Terms(NOW), Terms(NOW, counter=5)):
        with pytest.raises(SigningRefused, match="counter"):
            signed(key, terms, first.files)


def test_a_release_of_another_manifest_still_tells_the_counter(key: SigningKey) -> None:
    of_other = sign_manifest(accessed(OTHER), "model.mpd", key, Terms(NOW), {})
    with pytest.raises(SigningRefused, match="counter"):
        signed(key, Terms(NOW), of_other.files)


def test_a_stranger_s_release_cannot_use_up_the_counters(key: SigningKey) -> None:
    stranger = SigningProvider()
    document = accessed().document
    planted = stranger.evidence(document, stranger.release(document, counter=MAX_COUNTER))
    assert signed(key, Terms(NOW), planted).release.counter == int(NOW.timestamp())
    assert signed(key, Terms(NOW), {RELEASE_SUFFIX: b"{}"}).release.counter > 0


async def test_every_segment_of_every_variant_is_looked_at(tmp_path: Path) -> None:
    server = MemoryServer({BASE + name: data for name, data in PUBLISHED.files.items()})
    examined = await examine(ManifestUrl(BASE + "model.mpd"), server)
    assert {request.url for request in server.requests} == set(server.files)
    local = await examine(ManifestFile(PUBLISHED.write(tmp_path)), MemoryServer({}))
    assert local.segments == examined.segments == len(PUBLISHED.files) - 1


@pytest.mark.requirement("R008c")
async def test_what_is_damaged_or_missing_is_not_signed(tmp_path: Path) -> None:
    manifest = PUBLISHED.write(tmp_path)
    segment = max((tmp_path / "segments").iterdir(), key=lambda path: path.stat().st_size)
    data = segment.read_bytes()
    segment.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(SegmentCorrupt):
        await examine(ManifestFile(manifest), MemoryServer({}))
    segment.unlink()
    with pytest.raises(SegmentMissing):
        await examine(ManifestFile(manifest), MemoryServer({}))
    unseen = await examine(ManifestFile(manifest), MemoryServer({}), segments=False)
    assert unseen.segments == 0


async def test_what_lies_beside_a_manifest_is_found(key: SigningKey, tmp_path: Path) -> None:
    url = BASE + "model.mpd"
    files = signed(key).files
    server = MemoryServer({beside(url, suffix): data for suffix, data in files.items()})
    assert await present_release(accessed(), server) == files
    assert await present_release(accessed(), MemoryServer({})) == {}
    manifest = PUBLISHED.write(tmp_path)
    local = replace(accessed(), path=manifest, url=None)
    assert await present_release(local, MemoryServer({})) == {}
    write_beside(manifest, files)
    assert await present_release(local, MemoryServer({})) == files
    assert manifest_name(local) == manifest_name(accessed()) == "model.mpd"


def test_a_manifest_of_another_session_has_no_place_at_m2() -> None:
    hosting = {
        "ingestConfiguration": {"baseURL": "http://as/m2d/1/"},
        "distributionConfigurations": [{"baseURL": "http://as/m4d/1/"}],
    }
    with pytest.raises(NotOfSession):
        ingest_url(hosting, "http://as/m4d/2/model.mpd")


async def test_a_signed_folder_runs_under_enforcement(key: SigningKey, tmp_path: Path) -> None:
    manifest = PUBLISHED.write(tmp_path / "model")
    write_beside(manifest, signed(key, Terms(NOW, timedelta(days=36500))).files)
    trusted = (trusted_key(public_file(key.file)),)
    options = AccessOptions(
        device=measure_device(),
        trust=TrustPolicy(TrustMode.ENFORCE, trusted, tmp_path / "releases"),
    )
    with await ModelAccess(MemoryServer({}), options).open(ManifestFile(manifest)) as model:
        assert model.trust.signer == key.fingerprint


def test_the_commands_sign_and_enforce(tmp_path: Path) -> None:
    key, folder = tmp_path / "provider.pem", tmp_path / "model"
    made = fivegms("keygen", key, "--json").json()
    manifest = PUBLISHED.write(folder)
    done = fivegms("sign", manifest, "--key", key, "--json", home=tmp_path)
    assert done.exit_code == 0, done.messages
    assert done.json()["signer"] == made["fingerprint"]
    assert done.json()["segments_verified"] == len(PUBLISHED.files) - 1

    arguments = ("get", manifest, "--into", tmp_path / "kept", "--json")
    trusting = (*arguments, "--trust-key", f"sha256:{made['fingerprint']}")
    got = fivegms(*trusting, home=tmp_path)
    assert got.exit_code == 0, got.messages
    assert got.json()["trust"]["signer"] == made["fingerprint"]

    (folder / f"model.mpd{SIGNATURE_SUFFIX}").unlink()
    refused = fivegms(*trusting, home=tmp_path)
    assert refused.exit_code == 6
    assert json.loads(refused.output)["error"]["type"] == "SignatureMissing"
    warned = fivegms(*trusting, "--trust", "warn", home=tmp_path)
    assert warned.exit_code == 0, warned.messages
    assert warned.json()["trust"]["warning"]["type"] == "SignatureMissing"
    assert "not trusted" in warned.messages


def test_the_commands_encrypt_sign_and_open(tmp_path: Path) -> None:
    """Offline all the way: what lies in the folder is for those who have the key."""
    source = save(perceptron(), tmp_path / "net.onnx")
    segment_key, other_key = tmp_path / "segment.key", tmp_path / "other.key"
    segment_key.write_bytes(bytes(range(32)))
    other_key.write_bytes(bytes(32))
    out = tmp_path / "out"
    arguments = ("prepare", source, "--task", "toy", "--out", out, "--json")
    half = fivegms(*arguments, "--encrypt-key", segment_key)
    assert half.exit_code == 2
    made = fivegms(*arguments, "--encrypt-key", segment_key, "--key-url", "https://keys.test/net")
    assert made.exit_code == 0, made.messages
    manifest = made.json()["manifest"]
    assert fivegms("keygen", tmp_path / "provider.pem").exit_code == 0
    assert fivegms("sign", manifest, "--key", tmp_path / "provider.pem").exit_code == 0

    np.savez(tmp_path / "x.npz", x=np.zeros((3, 16), np.float32))
    trusting = ("--trust-key", tmp_path / "provider.pub.pem", "--no-cache", "--json")
    run = ("run", manifest, "--input", tmp_path / "x.npz", *trusting)
    ran = fivegms(*run, "--segment-key", segment_key, home=tmp_path)
    assert ran.exit_code == 0, ran.messages
    assert fivegms(*run, home=tmp_path).exit_code == 7
    wrong = fivegms(*run, "--segment-key", other_key, home=tmp_path)
    assert wrong.exit_code == 6
    assert wrong.json()["error"]["type"] == "WrongKey"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("http://127.0.0.1:1/model.mpd",), "--session"),
        (("model.mpd", "--expires-days", "1e9"), "36500"),
        ((f"http://127.0.0.1:1{SAI_PATH}1", "--session", "1"), "name the model MPD"),
    ],
)
def test_a_command_line_that_cannot_work_is_said(
    key: SigningKey, arguments: tuple[str, ...], words: str
) -> None:
    done = fivegms("sign", *arguments, "--key", key.file)
    assert done.exit_code != 0
    assert words in done.messages
