"""A model that is delivered as the provider's own file: it lands in the folder, and never runs."""

from hashlib import sha256
from pathlib import Path

import pytest

from fivegms_client.entry import ManifestUrl
from fivegms_client.errors import (
    CacheUnusable,
    ClientError,
    MoreThanPromised,
    NoSuitableVariant,
    WrongPayload,
)
from fivegms_client.model_access import FetchedModel, ModelAccess
from fivegms_client.options import AccessOptions
from fivegms_client.segment_keys import OneKey
from fivegms_manifests.encryption import SegmentPlace, encrypt_segment
from fivegms_manifests.file_payload import write_file_initialization, write_file_segment
from fivegms_manifests.model import (
    Composition,
    CompositionMember,
    Encryption,
    Model,
    ModelManifest,
    Recovery,
    SegmentRef,
    Subset,
    Variant,
)
from fivegms_manifests.model_mpd import write_model_mpd
from support.fake_clock import FakeClock
from support.memory_server import MemoryServer

BASE = "http://as.test/m4d/provisioning-session-1/"
FILE = bytes(range(256)) * 20
KEY = bytes(range(32))


def published(
    name: str = "net.nnef.tar",
    *,
    promised: int = len(FILE),
    encrypted: bool = False,
    initialization: bytes | None = None,
) -> dict[str, bytes]:
    """The files of an AS, by URL; FILE comes in three parts."""
    files: dict[str, bytes] = {}
    parts = [FILE[start : start + 2000] for start in range(0, len(FILE), 2000)]
    segments = []
    for number, part in enumerate(parts):
        data = write_file_segment(part, number)
        if encrypted:
            data = encrypt_segment(data, KEY, SegmentPlace("net", "as-is", number))
        segments.append(stored(data, files))
    variant = Variant(
        "as-is",
        "as-is",
        "as-is",
        Recovery.SENDER_ONLY,
        1,
        1,
        promised,
        stored(initialization or write_file_initialization(name), files),
        tuple(segments),
        container="nnef",
        encryption=Encryption("aes-256-gcm", "k", "https://keys.test/k") if encrypted else None,
    )
    whole = Composition("whole", (CompositionMember(1),))
    model = Model("net", 1, "classification", "nnef", (), 0)
    manifest = ModelManifest(model, (Subset(1, "whole", (), (), 0, (variant,)),), (whole,))
    return {**files, BASE + "model.mpd": write_model_mpd(manifest)}


def stored(data: bytes, files: dict[str, bytes]) -> SegmentRef:
    digest = sha256(data).hexdigest()
    files[f"{BASE}{digest}"] = data
    return SegmentRef(digest, digest, len(data))


async def fetched(files: dict[str, bytes], into: Path, key: bytes | None = None) -> FetchedModel:
    keys = None if key is None else OneKey(key)
    return await access(files, AccessOptions(keys=keys)).fetch(
        ManifestUrl(BASE + "model.mpd"), into
    )


def access(files: dict[str, bytes], options: AccessOptions) -> ModelAccess:
    return ModelAccess(MemoryServer(files), options, clock=FakeClock().clock())


@pytest.mark.requirement("R090")
@pytest.mark.parametrize("encrypted", [False, True])
async def test_the_providers_file_lands_in_the_folder(tmp_path: Path, encrypted: bool) -> None:
    model = await fetched(published(encrypted=encrypted), tmp_path, KEY if encrypted else None)
    assert model.files == (tmp_path / "net.nnef.tar",)
    assert model.files[0].read_bytes() == FILE
    assert {path.name for path in tmp_path.iterdir()} == {"net.nnef.tar", "model.mpd"}


@pytest.mark.requirement("R090")
async def test_it_is_not_run(tmp_path: Path) -> None:
    opening = access(published(), AccessOptions()).open(ManifestUrl(BASE + "model.mpd"))
    with pytest.raises(NoSuitableVariant, match=r"the provider's own file \(nnef\)"):
        await opening


@pytest.mark.parametrize(
    ("files", "error", "told"),
    [
        (published("model.mpd"), WrongPayload, "as the manifest is"),
        (published("model.mpd.release.json"), WrongPayload, "as the manifest is"),
        (published(promised=100), MoreThanPromised, "promises 100"),
        (
            published(initialization=write_file_initialization("net").replace(b"net", b"a/b")),
            WrongPayload,
            "no name of a file",
        ),
    ],
    ids=["manifest", "release", "longer", "path"],
)
async def test_what_is_no_such_file_leaves_nothing(
    files: dict[str, bytes], error: type[ClientError], told: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=told):
        await fetched(files, tmp_path)
    assert not [path for path in tmp_path.iterdir() if path.suffix in (".mpd", ".tar", ".json")]


async def test_a_folder_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "net.nnef.tar" / "more").mkdir(parents=True)
    with pytest.raises(CacheUnusable, match=r"net\.nnef\.tar"):
        await fetched(published(), tmp_path)
