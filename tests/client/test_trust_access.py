"""A UE that asks for a signature: what it fetches, runs, keeps and refuses."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fivegms_client.device import measure_device
from fivegms_client.entry import ManifestFile, ManifestUrl
from fivegms_client.errors import (
    ModelUnexpected,
    NotTrusted,
    ReleaseExpired,
    ReleaseMismatch,
    ReleaseOlderThanSeen,
    SegmentCorrupt,
    ServerUnreachable,
    SignatureInvalid,
    SignatureMalformed,
    SignatureMissing,
    SignerUnknown,
    TrustStateUnusable,
)
from fivegms_client.model_access import ModelAccess
from fivegms_client.options import AccessOptions
from fivegms_client.retry import RetryPolicy
from fivegms_client.runnable import RunnableModel
from fivegms_client.trust import Trust, TrustMode, TrustPolicy
from fivegms_client.trust.guard import REPLACEMENT_PAUSE_S
from fivegms_manifests.release import RELEASE_SUFFIX, SIGNATURE_SUFFIX
from support.fake_clock import FakeClock
from support.memory_server import Body, MemoryServer, Status
from support.onnx_graphs import perceptron
from support.published_model import PublishedModel, publish
from support.signatures import NOW, SigningProvider

BASE = "http://as.test/m4d/provisioning-session-1/"
MPD = BASE + "model.mpd"
RELEASE, BUNDLE = MPD + RELEASE_SUFFIX, MPD + SIGNATURE_SUFFIX
DEVICE = measure_device()
PROVIDER, STRANGER = SigningProvider(), SigningProvider()
PUBLISHED = publish(perceptron(hidden=32))
OTHER = publish(perceptron(hidden=48))
SIGNED = PROVIDER.sign(PUBLISHED)


class Ue:
    """A UE that trusts PROVIDER; its state lies in a folder that outlives it."""

    def __init__(
        self,
        folder: Path,
        files: dict[str, bytes] = SIGNED,
        mode: TrustMode = TrustMode.ENFORCE,
        now: datetime = NOW,
        model: str | None = None,
        **options: Any,
    ) -> None:
        self.server = MemoryServer({BASE + name: data for name, data in files.items()})
        self.time = FakeClock()
        policy = TrustPolicy(mode, (PROVIDER.trusted,), folder / "releases", model)
        settings = {"device": DEVICE, "trust": policy, **options}
        clock = replace(self.time.clock(), utc=lambda: now)
        self.access = ModelAccess(self.server, AccessOptions(**settings), clock=clock)

    async def open(self) -> RunnableModel:
        return await self.access.open(ManifestUrl(MPD))

    async def refused(self, kind: type[NotTrusted]) -> None:
        """Nothing but the manifest and what lies beside it was asked for."""
        with pytest.raises(kind):
            await self.open()
        assert {request.url for request in self.server.requests} <= {MPD, RELEASE, BUNDLE}


def resigned(published: PublishedModel = PUBLISHED, **changes: Any) -> dict[str, bytes]:
    return PROVIDER.sign(published, **changes)


@pytest.mark.requirement("R008c")
async def test_a_signed_model_runs_and_says_who_signed_it(tmp_path: Path) -> None:
    ue = Ue(tmp_path)
    with await ue.open() as model:
        assert model.trust.signer == PROVIDER.fingerprint
        assert model.trust.release is not None
        assert model.trust.release.counter == 100
        assert model.trust.warning is None
    order = [request.url for request in ue.server.requests]
    assert order[:3] == [MPD, RELEASE, BUNDLE]


@pytest.mark.requirement("R008c")
@pytest.mark.parametrize(
    ("files", "refusal"),
    [
        (OTHER.files, SignatureMissing),
        (STRANGER.sign(OTHER), SignerUnknown),
        (PROVIDER.sign(OTHER, counter=99), ReleaseOlderThanSeen),
    ],
    ids=["unsigned", "stranger", "older"],
)
async def test_an_update_is_held_to_the_same(
    tmp_path: Path, files: dict[str, bytes], refusal: type[NotTrusted]
) -> None:
    ue = Ue(tmp_path)
    with await ue.open() as model:
        ue.server.files = {BASE + name: data for name, data in files.items()}
        ue.server.requests.clear()
        with pytest.raises(refusal):
            model.update()
        assert {request.url for request in ue.server.requests} <= {MPD, RELEASE, BUNDLE}
        assert model.manifest == PUBLISHED.manifest


async def test_nothing_is_asked_for_when_nobody_looks(tmp_path: Path) -> None:
    ue = Ue(tmp_path, mode=TrustMode.OFF)
    with await ue.open() as model:
        assert model.trust == Trust()
    assert not ue.server.asked(RELEASE)
    assert not (tmp_path / "releases").exists()


@pytest.mark.requirement("R008c")
@pytest.mark.parametrize("lacking", [RELEASE_SUFFIX, SIGNATURE_SUFFIX])
async def test_a_stripped_signature_is_refused(tmp_path: Path, lacking: str) -> None:
    files = {name: data for name, data in SIGNED.items() if not name.endswith(lacking)}
    await Ue(tmp_path, files).refused(SignatureMissing)


async def test_a_warning_comes_with_a_model_that_runs(tmp_path: Path) -> None:
    ue = Ue(tmp_path, PUBLISHED.files, TrustMode.WARN)
    with await ue.open() as model:
        assert isinstance(model.trust.warning, SignatureMissing)
        assert model.trust.signer is None


@pytest.mark.requirement("R008c")
async def test_a_substituted_segment_is_refused(tmp_path: Path) -> None:
    ue = Ue(tmp_path, retry=RetryPolicy(give_up_after_s=1))
    for name, data in PUBLISHED.files.items():
        if name.startswith("segments/"):
            ue.server.files[BASE + name] = data[:-1] + bytes([data[-1] ^ 1])
    with pytest.raises(SegmentCorrupt):
        await ue.open()


async def test_a_manifest_of_another_model_is_refused(tmp_path: Path) -> None:
    await Ue(tmp_path, SIGNED | OTHER.files).refused(ReleaseMismatch)


async def test_a_manifest_and_signature_by_a_stranger_are_refused(tmp_path: Path) -> None:
    await Ue(tmp_path, STRANGER.sign(OTHER)).refused(SignerUnknown)


async def test_a_model_of_another_name_is_refused(tmp_path: Path) -> None:
    await Ue(tmp_path, model="detector").refused(ModelUnexpected)
    with await Ue(tmp_path, model="perceptron").open() as model:
        assert model.trust.signer is not None


async def test_an_expired_release_is_refused(tmp_path: Path) -> None:
    await Ue(tmp_path, now=NOW + timedelta(days=31)).refused(ReleaseExpired)


@pytest.mark.requirement("R008c")
async def test_a_replayed_older_release_is_refused(tmp_path: Path) -> None:
    with await Ue(tmp_path, resigned(OTHER, counter=101)).open():
        pass
    await Ue(tmp_path).refused(ReleaseOlderThanSeen)
    with await Ue(tmp_path, resigned(counter=102)).open() as model:
        assert model.trust.signer == PROVIDER.fingerprint  # the provider wants it back


async def test_what_warned_is_remembered_as_well(tmp_path: Path) -> None:
    with await Ue(tmp_path, resigned(counter=101), TrustMode.WARN).open():
        pass
    with await Ue(tmp_path, mode=TrustMode.WARN).open() as model:
        assert isinstance(model.trust.warning, ReleaseOlderThanSeen)


async def test_a_huge_bundle_is_not_read_on(tmp_path: Path) -> None:
    ue = Ue(tmp_path, SIGNED | {"model.mpd" + SIGNATURE_SUFFIX: b" " * 10**6})
    await ue.refused(SignatureMissing)
    assert ue.server.bytes_sent < 200_000


async def test_a_bundle_that_is_none_is_refused(tmp_path: Path) -> None:
    files = SIGNED | {"model.mpd" + SIGNATURE_SUFFIX: b"{}"}
    await Ue(tmp_path, files).refused(SignatureMalformed)


async def test_a_release_that_is_just_being_replaced_is_asked_for_again(tmp_path: Path) -> None:
    ue = Ue(tmp_path, resigned(counter=101))
    ue.server.spoil(BUNDLE, Body(SIGNED["model.mpd" + SIGNATURE_SUFFIX]))
    with await ue.open() as model:
        assert model.trust.release is not None
        assert model.trust.release.counter == 101
    assert ue.time.slept == [REPLACEMENT_PAUSE_S]


async def test_a_wrong_signature_is_asked_for_twice_and_no_more(tmp_path: Path) -> None:
    damaged = SIGNED["model.mpd" + SIGNATURE_SUFFIX].replace(b'"payload": "', b'"payload": "ICAg')
    ue = Ue(tmp_path, SIGNED | {"model.mpd" + SIGNATURE_SUFFIX: damaged})
    await ue.refused(SignatureInvalid)
    assert len(ue.server.asked(BUNDLE)) == 2


async def test_a_server_that_forbids_the_signature_has_none(tmp_path: Path) -> None:
    ue = Ue(tmp_path)
    ue.server.spoil(RELEASE, Status(403))
    await ue.refused(SignatureMissing)


@pytest.mark.parametrize("mode", [TrustMode.WARN, TrustMode.ENFORCE])
async def test_a_server_that_has_trouble_with_the_signature(
    tmp_path: Path, mode: TrustMode
) -> None:
    ue = Ue(tmp_path, mode=mode, retry=RetryPolicy(give_up_after_s=1))
    ue.server.spoil(BUNDLE, *[Status(503)] * 50)
    if mode is TrustMode.ENFORCE:
        with pytest.raises(ServerUnreachable):
            await ue.open()
        assert {request.url for request in ue.server.requests} == {MPD, RELEASE, BUNDLE}
        return
    with await ue.open() as model:
        assert isinstance(model.trust.warning, SignatureMissing)


async def test_a_state_that_cannot_be_kept_is_refused(tmp_path: Path) -> None:
    (tmp_path / "releases").write_bytes(b"")
    await Ue(tmp_path).refused(TrustStateUnusable)


async def test_a_fetched_folder_keeps_its_signature(tmp_path: Path) -> None:
    fetched = await Ue(tmp_path).access.fetch(ManifestUrl(MPD), tmp_path / "kept")
    offline = Ue(tmp_path, {})
    with await offline.access.open(ManifestFile(fetched.path)) as model:
        assert model.trust.signer == PROVIDER.fingerprint
    assert offline.server.requests == []
    (tmp_path / "kept" / ("model.mpd" + SIGNATURE_SUFFIX)).unlink()
    with pytest.raises(SignatureMissing):
        await Ue(tmp_path, {}).access.open(ManifestFile(fetched.path))


async def test_a_query_stays_with_what_lies_beside(tmp_path: Path) -> None:
    query = "?token=1"
    ue = Ue(tmp_path)
    ue.server.files |= {url + query: ue.server.files[url] for url in (MPD, RELEASE, BUNDLE)}
    with await ue.access.open(ManifestUrl(MPD + query)) as model:
        assert model.trust.signer == PROVIDER.fingerprint
