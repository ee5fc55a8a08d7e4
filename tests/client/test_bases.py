"""A device that was restarted still has what deltas are applied to, in its cache."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

from fivegms_client.bases import MAX_KEPT, KeptBases
from fivegms_client.cache import SegmentCache
from fivegms_client.device import measure_device
from fivegms_client.entry import ManifestUrl
from fivegms_client.model_access import ModelAccess
from fivegms_client.options import AccessOptions
from fivegms_client.runnable import RunnableModel
from fivegms_client.selection import Prefer, Preferences
from fivegms_manifests.model import SegmentRef
from support.fake_clock import FakeClock
from support.memory_server import MemoryServer
from support.onnx_graphs import perceptron
from support.published_model import PublishedModel
from support.refinable_model import published_as_change, published_whole, retrained

BASE = "http://as.test/m4d/provisioning-session-1/"
OLD = perceptron(hidden=256)
NEW = retrained(OLD, "w2")
NEWEST = retrained(NEW, "w1")
FIRST = published_whole(OLD)
SECOND = published_as_change(OLD, NEW)
THIRD = published_as_change(NEW, NEWEST, version=3)
X = np.random.default_rng(7).normal(size=(3, 16)).astype(np.float32)
DEVICE = measure_device()


async def started(published: PublishedModel, cache: Path, **options: Any) -> RunnableModel:
    """A UE that is switched on while `published` is there."""
    server = MemoryServer({BASE + name: data for name, data in published.files.items()})
    settings = {"device": DEVICE, "preferences": Preferences(Prefer.ACCURACY), **options}
    access = ModelAccess(
        server, AccessOptions(cache_folder=cache, **settings), clock=FakeClock().clock()
    )
    return await access.open(ManifestUrl(BASE + "model.mpd"))


def delta_of(published: PublishedModel) -> Any:
    return published.manifest.subsets[0].variants[1]


def missing(cache: Path, *parts: SegmentRef) -> int:
    return sum(part.size_bytes for part in parts if not SegmentCache(cache).has(part))


def runs(model: RunnableModel, expected: onnx.ModelProto) -> bool:
    session = onnxruntime.InferenceSession(expected.SerializeToString())
    return np.array_equal(model.infer({"x": X})["y"], session.run(None, {"x": X})[0])


@pytest.mark.requirement("R089")
async def test_after_a_restart_what_changed_is_enough(tmp_path: Path) -> None:
    await started(FIRST, tmp_path)
    expected = missing(tmp_path, *delta_of(SECOND).parts())
    model = await started(SECOND, tmp_path)
    assert model.variant == delta_of(SECOND)
    assert model.bytes_fetched == expected
    assert runs(model, NEW)
    again = await started(SECOND, tmp_path)
    assert again.bytes_fetched == 0
    assert runs(again, NEW)


async def test_a_base_may_be_a_delta_itself(tmp_path: Path) -> None:
    for published in (FIRST, SECOND):
        await started(published, tmp_path)
    model = await started(THIRD, tmp_path)
    assert model.variant == delta_of(THIRD)
    assert runs(model, NEWEST)


async def test_a_base_that_is_damaged_gives_way_to_the_whole(tmp_path: Path) -> None:
    await started(FIRST, tmp_path)
    part = FIRST.variant("fp32").segments[1]
    kept = tmp_path / part.sha256[:2] / part.sha256
    kept.write_bytes(bytes(part.size_bytes))
    model = await started(SECOND, tmp_path)
    assert model.variant.delta is None
    assert "fp32-delta could not be applied" in str(model.steps[0].note)
    assert runs(model, NEW)


@pytest.mark.parametrize("spoiled", ["manifest", "segment", "nonsense"])
async def test_without_all_of_a_base_there_is_none(spoiled: str, tmp_path: Path) -> None:
    model = await started(FIRST, tmp_path)
    part = FIRST.variant("fp32").segments[1]
    (manifest,) = (tmp_path / "bases").glob("*.mpd")
    match spoiled:
        case "manifest":
            manifest.unlink()
        case "segment":
            (tmp_path / part.sha256[:2] / part.sha256).unlink()
        case "nonsense":
            manifest.write_bytes(b"<MPD")
    model = await started(SECOND, tmp_path)
    assert model.variant.delta is None
    assert model.steps[0].note is None


def test_the_oldest_are_forgotten(tmp_path: Path) -> None:
    kept = KeptBases(tmp_path, SegmentCache(tmp_path))
    kept.keep([f"{number:064x}" for number in range(MAX_KEPT + 3)], b"<MPD/>")
    assert len(list((tmp_path / "bases").iterdir())) == MAX_KEPT


def test_what_another_process_dropped_meanwhile_is_no_matter(tmp_path: Path) -> None:
    kept = KeptBases(tmp_path, SegmentCache(tmp_path))
    (tmp_path / "bases").mkdir()
    (tmp_path / "bases" / "dropped.mpd").symlink_to(tmp_path / "nowhere")
    kept.keep(["0" * 64], b"<MPD/>")
    assert (tmp_path / "bases" / f"{'0' * 64}.mpd").read_bytes() == b"<MPD/>"
