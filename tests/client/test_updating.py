"""A newer version takes the place of what runs: by what changed, or whole; or not at all."""

import gc
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread
from threading import enumerate as enumerate_threads
from typing import Any
from weakref import ref

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray

from fivegms_client.device import measure_device
from fivegms_client.entry import ManifestUrl
from fivegms_client.errors import (
    BadOption,
    ClientError,
    ManifestRefused,
    ModelClosed,
    NoSuitableVariant,
    SegmentMissing,
)
from fivegms_client.loaded import Way
from fivegms_client.model_access import ModelAccess
from fivegms_client.options import AccessOptions
from fivegms_client.runnable import RunnableModel
from fivegms_client.selection import Prefer, Preferences, Verdict
from fivegms_codecs.deltas import DeltaMode
from fivegms_manifests.model import SegmentRef
from support.fake_clock import FakeClock
from support.memory_server import MemoryServer, Status
from support.onnx_graphs import perceptron
from support.published_model import PublishedModel, publish
from support.refinable_model import published_as_change, published_whole, resent, retrained

BASE = "http://as.test/m4d/provisioning-session-1/"
MPD = ManifestUrl(BASE + "model.mpd")
OLD = perceptron(hidden=256)
X = np.random.default_rng(7).normal(size=(3, 16)).astype(np.float32)
DEVICE = measure_device()


NEW = retrained(OLD, "w2")
FIRST = published_whole(OLD)
SECOND = published_as_change(OLD, NEW)
WHOLE, DELTA = SECOND.manifest.subsets[0].variants


def answer(model: onnx.ModelProto) -> NDArray[np.float32]:
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return np.asarray(session.run(None, {"x": X})[0])


class Ue:
    """A UE with a server in memory, where the first version is published."""

    def __init__(self, **options: Any) -> None:
        self.server = MemoryServer({})
        self.serve(FIRST)
        settings = {"device": DEVICE, "preferences": Preferences(Prefer.ACCURACY), **options}
        clock = FakeClock().clock()
        self.access = ModelAccess(self.server, AccessOptions(**settings), clock=clock)

    def serve(self, published: PublishedModel) -> None:
        """Publish it beside what is there, under the same manifest's address."""
        self.server.files |= {BASE + name: data for name, data in published.files.items()}

    async def open(self) -> RunnableModel:
        return await self.access.open(MPD)

    def asked_for(self, parts: Iterable[SegmentRef]) -> bool:
        return any(self.server.asked(BASE + part.url) for part in parts)


def runs(model: RunnableModel, expected: onnx.ModelProto) -> bool:
    return np.array_equal(model.infer({"x": X})["y"], answer(expected))


@pytest.mark.requirement("R089")
async def test_a_new_version_arrives_as_what_changed() -> None:
    ue = Ue()
    model = await ue.open()
    assert model.update() is None
    ue.serve(SECOND)
    step = model.update()
    assert step is not None
    assert (step.way, step.version, step.note) == (Way.DELTA, 2, None)
    assert step.variants == (DELTA,)
    assert step.bytes_fetched == DELTA.size_bytes
    assert not ue.asked_for(set(WHOLE.parts()) - set(FIRST.variant("fp32").parts()))
    assert runs(model, NEW)
    assert model.manifest.model.version == 2
    assert model.update() is None


async def test_what_did_not_change_is_the_same_memory() -> None:
    ue = Ue()
    model = await ue.open()
    before = model._running.subsets[0].tensors
    ue.serve(SECOND)
    model.update()
    after = model._running.subsets[0].tensors
    assert after["w1"] is before["w1"]
    assert after["w2"] is not before["w2"]


@pytest.mark.requirement("R089")
async def test_an_app_without_the_base_fetches_the_whole() -> None:
    ue = Ue()
    ue.serve(SECOND)
    model = await ue.open()
    assert model.variant == WHOLE
    told = {candidate.variant.id: candidate for candidate in model.selection.candidates}
    assert told["fp32-delta"].verdict is Verdict.REFUSED
    assert "what changed since fp32 of version 1, which this device does not hold" in (
        told["fp32-delta"].cause
    )
    assert runs(model, NEW)


async def test_segments_that_did_not_change_are_not_fetched_again(tmp_path: Path) -> None:
    ue = Ue(cache_folder=tmp_path, preferences=Preferences(variant="fp32"))
    model = await ue.open()
    second = published_whole(NEW, version=2)
    ue.serve(second)
    step = model.update()
    assert step is not None
    kept = {part.sha256 for part in FIRST.variant("fp32").parts()}
    changed = [part for part in second.variant("fp32").parts() if part.sha256 not in kept]
    assert step.way is Way.WHOLE
    assert step.bytes_fetched == sum(part.size_bytes for part in changed)
    assert len(changed) == 1


def truncated(units: Sequence[bytes]) -> Sequence[bytes]:
    return [unit[:-3] for unit in units]


def another_tensor(units: Sequence[bytes]) -> Sequence[bytes]:
    return [resent("w2", retrained(OLD, "w2", "w1"))]


@pytest.mark.requirement("R089")
@pytest.mark.parametrize(
    ("damage", "told"),
    [(truncated, "cannot be read"), (another_tensor, "leads to weights with SHA-256")],
)
async def test_a_damaged_delta_gives_way_to_the_whole_and_says_so(damage: Any, told: str) -> None:
    ue = Ue()
    model = await ue.open()
    damaged = published_as_change(OLD, NEW, damage=damage)
    ue.serve(damaged)
    sent_before = ue.server.bytes_sent
    step = model.update()
    assert step is not None
    assert (step.way, step.variants[0].id) == (Way.WHOLE, "fp32")
    assert step.note is not None
    assert "fp32-delta could not be applied" in step.note
    assert told in step.note
    manifest_bytes = len(damaged.files["model.mpd"])
    assert step.bytes_fetched == ue.server.bytes_sent - sent_before - manifest_bytes
    told_now = {candidate.variant.id: candidate.cause for candidate in model.selection.candidates}
    assert "it failed here" in told_now["fp32-delta"]
    assert runs(model, NEW)


async def test_a_delta_that_is_not_there_gives_way_to_the_whole() -> None:
    ue = Ue()
    model = await ue.open()
    ue.serve(SECOND)
    ue.server.spoil(BASE + DELTA.segments[-1].url, Status(404))
    step = model.update()
    assert step is not None
    assert "could not be applied" in str(step.note)
    assert runs(model, NEW)


async def test_a_delta_on_other_numbers_than_it_says_gives_way_to_the_whole() -> None:
    ue = Ue()
    model = await ue.open()
    elsewhere = published_as_change(retrained(OLD, "w2"), retrained(OLD, "w1", "w2"))
    whole, delta = elsewhere.manifest.subsets[0].variants
    assert delta.delta is not None
    lying = replace(delta, delta=replace(delta.delta, base_sha256=_base_digest()))
    subset = replace(elsewhere.manifest.subsets[0], variants=(whole, lying))
    ue.serve(elsewhere.with_manifest(replace(elsewhere.manifest, subsets=(subset,))))
    step = model.update()
    assert step is not None
    assert "made against other numbers" in str(step.note)


def _base_digest() -> str:
    digest = FIRST.variant("fp32").weights_sha256
    assert digest is not None
    return digest


@pytest.mark.requirement("R089")
async def test_an_update_that_fails_leaves_what_runs_alone() -> None:
    ue = Ue()
    model = await ue.open()
    second = published_whole(NEW, version=2)
    ue.serve(second)
    ue.server.spoil(BASE + second.variant("fp32").segments[-1].url, Status(404))
    with pytest.raises(SegmentMissing):
        model.update()
    assert runs(model, OLD)
    assert [step.version for step in model.steps] == [1]
    assert model.update() is not None
    assert runs(model, NEW)


@pytest.mark.parametrize(
    ("published", "error"),
    [
        (publish(OLD, name="another"), ManifestRefused),
        (
            published_whole(NEW, version=2).with_manifest(
                replace(
                    published_whole(NEW, version=2).manifest,
                    model=replace(FIRST.manifest.model, version=2, ir_version=99),
                )
            ),
            NoSuitableVariant,
        ),
    ],
    ids=["another model", "needs another engine"],
)
async def test_a_version_that_cannot_run_here_is_refused(
    published: PublishedModel, error: type[ClientError]
) -> None:
    ue = Ue()
    model = await ue.open()
    ue.serve(published)
    with pytest.raises(error):
        model.update()
    assert runs(model, OLD)


async def test_more_deltas_in_a_row_than_eight_are_refused() -> None:
    ue = Ue()
    model = await ue.open()
    document = SECOND.files["model.mpd"].replace(b'chain="1"', b'chain="9"')
    assert document != SECOND.files["model.mpd"]
    ue.serve(replace(SECOND, files={**SECOND.files, "model.mpd": document}))
    with pytest.raises(ManifestRefused, match="chain"):
        model.update()
    assert runs(model, OLD)


async def test_a_provider_can_go_back() -> None:
    ue = Ue()
    ue.serve(SECOND)
    model = await ue.open()
    ue.serve(FIRST)
    step = model.update()
    assert step is not None
    assert (step.version, step.way) == (1, Way.WHOLE)
    assert runs(model, OLD)


@pytest.mark.requirement("R089")
async def test_every_inference_is_of_one_version_while_it_changes() -> None:
    ue = Ue()
    model = await ue.open()
    answers: list[NDArray[Any]] = []
    began, done = Event(), Event()

    def infer() -> None:
        while not done.is_set():
            answers.append(model.infer({"x": X})["y"])
            began.set()

    thread = Thread(target=infer)
    thread.start()
    began.wait()
    ue.serve(SECOND)
    model.update()
    done.set()
    thread.join()
    told = [one.tobytes() for one in answers]
    possible = [answer(OLD).tobytes(), answer(NEW).tobytes()]
    versions = [possible.index(one) for one in told]
    assert versions == sorted(versions)


@pytest.mark.parametrize("every_s", [0, -1, float("nan"), float("inf"), 1e12])
def test_never_is_no_number_of_seconds(every_s: float) -> None:
    with pytest.raises(BadOption, match="None for never"):
        AccessOptions(update_every_s=every_s)


async def test_newer_versions_are_looked_for_while_it_is_in_use() -> None:
    ue = Ue(update_every_s=0.01)
    model = await ue.open()
    ue.serve(SECOND)
    changed = Event()

    def watch() -> None:
        while model.manifest.model.version != 2:
            model.infer({"x": X})
        changed.set()

    Thread(target=watch, daemon=True).start()
    assert changed.wait(60)
    assert runs(model, NEW)
    model.close()


async def test_what_failed_in_the_background_is_kept() -> None:
    ue = Ue(update_every_s=0.01)
    ue.serve(publish(OLD, name="another"))
    ue.server.files[MPD.url] = FIRST.files["model.mpd"]
    model = await ue.open()
    ue.server.files[MPD.url] = b"<MPD/>"
    failed = Event()

    def watch() -> None:
        while model.upkeep_error is None:
            model.infer({"x": X})
        failed.set()

    Thread(target=watch, daemon=True).start()
    assert failed.wait(60)
    assert isinstance(model.upkeep_error, ManifestRefused)
    assert runs(model, OLD)
    model.close()


async def test_a_failure_that_is_kept_keeps_no_tensors() -> None:
    ue = Ue(update_every_s=0.01)
    model = await ue.open()
    tensor = ref(model._running.subsets[0].tensors["w1"])
    ue.server.files[MPD.url] = b"<MPD/>"
    while model.upkeep_error is None:
        model.infer({"x": X})
    model.close()
    for thread in enumerate_threads():
        if thread.name == "fivegms-upkeep":
            thread.join(60)
    gc.collect()
    assert model.upkeep_error is not None
    assert tensor() is None


async def test_a_model_closed_meanwhile_stays_closed() -> None:
    ue = Ue()
    model = await ue.open()
    ue.serve(SECOND)
    model.close()
    with pytest.raises(ModelClosed):
        model.update()


@pytest.mark.parametrize("mode", list(DeltaMode))
async def test_both_kinds_of_delta_lead_to_what_the_manifest_says(mode: DeltaMode) -> None:
    ue = Ue()
    model = await ue.open()
    new = retrained(OLD, "w1")
    ue.serve(published_as_change(OLD, new, mode))
    step = model.update()
    assert step is not None
    assert (step.way, step.note) == (Way.DELTA, None)
    assert np.allclose(model.infer({"x": X})["y"], answer(new), atol=1e-2)
    assert runs(model, new) is (mode is DeltaMode.LOSSLESS)
