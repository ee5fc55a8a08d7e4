"""A layered model runs from its lowest layer on, and gets better while it is in use."""

import asyncio
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import numpy_helper

from fivegms_client.clock import Clock
from fivegms_client.device import measure_device
from fivegms_client.entry import ManifestFile, ManifestUrl
from fivegms_client.errors import ModelClosed, SegmentMissing
from fivegms_client.layers import layers_above, layers_of, missing_bytes, parts_of
from fivegms_client.loaded import Way
from fivegms_client.model_access import ModelAccess
from fivegms_client.options import AccessOptions
from fivegms_client.refinement import Refine
from fivegms_client.runnable import RunnableModel
from fivegms_client.selection import Prefer, Preferences, Verdict
from support.fake_clock import FakeClock
from support.memory_server import MemoryServer, Status
from support.onnx_graphs import perceptron
from support.refinable_model import published_in_layers, published_sparse

BASE = "http://as.test/m4d/provisioning-session-1/"
MPD = ManifestUrl(BASE + "model.mpd")
MODEL = perceptron(hidden=256)
PUBLISHED = published_in_layers(MODEL)
VARIANTS = PUBLISHED.manifest.subsets[0].variants
INT8, FP16, FP32 = VARIANTS
X = np.random.default_rng(7).normal(size=(3, 16)).astype(np.float32)
DEVICE = measure_device()
TO_THE_TOP = Preferences(variant="fp32-layer")


def reference() -> NDArray[np.float32]:
    session = onnxruntime.InferenceSession(MODEL.SerializeToString())
    return np.asarray(session.run(None, {"x": X})[0])


REFERENCE = reference()


class Ue:
    """A UE with a server in memory."""

    def __init__(self, clock: Clock | None = None, **options: Any) -> None:
        files = {BASE + name: data for name, data in PUBLISHED.files.items()}
        self.server = MemoryServer(files)
        settings = {"device": DEVICE, "preferences": TO_THE_TOP, **options}
        self.access = ModelAccess(
            self.server, AccessOptions(**settings), clock=clock or FakeClock().clock()
        )

    async def open(self) -> RunnableModel:
        return await self.access.open(MPD)

    def times_asked(self) -> set[int]:
        """How often each segment was asked for."""
        urls = {request.url for request in self.server.requests} - {MPD.url}
        return {len(self.server.asked(url)) for url in urls}


def error_of(model: RunnableModel) -> float:
    return float(np.abs(model.infer({"x": X})["y"] - REFERENCE).max())


async def test_all_layers_together_are_the_model_to_every_bit() -> None:
    ue = Ue()
    model = await ue.open()
    assert model.variant == FP32
    assert error_of(model) == 0
    assert model.bytes_fetched == missing_bytes(VARIANTS)
    assert ue.times_asked() == {1}
    assert model.refine() is None


@pytest.mark.requirement("R011")
@pytest.mark.requirement("R065")
@pytest.mark.requirement("R066")
async def test_the_base_runs_first_and_nothing_is_fetched_twice() -> None:
    ue = Ue(refine=Refine.MANUAL)
    model = await ue.open()
    assert model.variant == INT8
    assert model.selection.chosen == FP32
    assert model.bytes_fetched == INT8.size_bytes
    errors = [error_of(model)]
    while step := model.refine():
        assert step.way is Way.LAYER
        assert step.timings.decode_ms
        errors.append(error_of(model))
    assert errors[0] > errors[1] > errors[2] == 0
    assert [step.variants[0] for step in model.steps] == [INT8, FP16, FP32]
    assert [step.accuracy[0].value for step in model.steps] == [0.90, 0.95, 0.97]
    assert model.bytes_fetched == missing_bytes(VARIANTS)
    assert ue.times_asked() == {1}


@pytest.mark.parametrize("kept", ["cache", "folder"])
async def test_lower_layers_are_read_again_from_where_they_are_kept(
    kept: str, tmp_path: Path
) -> None:
    if kept == "cache":
        ue = Ue(refine=Refine.MANUAL, cache_folder=tmp_path)
        model = await ue.open()
    else:
        ue = Ue(refine=Refine.MANUAL)
        await ue.access.fetch(MPD, tmp_path)
        model = await ue.access.open(ManifestFile(tmp_path))
        assert model.bytes_fetched == 0
    while model.refine():
        pass
    assert error_of(model) == 0
    assert ue.times_asked() == {1}


async def test_without_a_wish_refinement_goes_to_the_top() -> None:
    model = await Ue(refine=Refine.MANUAL, preferences=Preferences(Prefer.SPEED)).open()
    assert model.selection.chosen == INT8
    while model.refine():
        pass
    assert model.variant == FP32


async def test_a_variant_that_was_asked_for_is_the_end() -> None:
    model = await Ue(refine=Refine.MANUAL, preferences=Preferences(variant="int8")).open()
    assert model.refine() is None


async def test_a_layer_that_was_chosen_is_not_the_end() -> None:
    preferences = Preferences(Prefer.SPEED, min_accuracy=0.94)
    ue = Ue(refine=Refine.MANUAL, preferences=preferences)
    model = await ue.open()
    assert [model.variant, model.selection.chosen] == [FP16, FP16]
    while model.refine():
        pass
    assert model.variant == FP32
    assert ue.times_asked() == {1}


async def test_it_runs_first_what_is_as_accurate_as_was_asked_for() -> None:
    preferences = Preferences(variant="fp32-layer", min_accuracy=0.94)
    model = await Ue(refine=Refine.MANUAL, preferences=preferences).open()
    assert model.variant == FP16
    assert model.bytes_fetched == missing_bytes([INT8, FP16])


async def test_an_update_brings_all_layers_at_once() -> None:
    ue = Ue(refine=Refine.MANUAL)
    model = await ue.open()
    manifest = PUBLISHED.manifest
    newer = replace(manifest, model=replace(manifest.model, version=2))
    ue.server.files[MPD.url] = PUBLISHED.with_manifest(newer).files["model.mpd"]
    step = model.update()
    assert step is not None
    assert (step.version, step.variants) == (2, (FP32,))


async def test_closing_ends_what_is_on_its_way() -> None:
    waits, ended = Event(), Event()

    async def for_ever(_duration_s: float) -> None:
        waits.set()
        await asyncio.Event().wait()

    clock = Clock(now=lambda: 0.0, sleep=for_ever, jitter=lambda: 0.0)
    ue = Ue(refine=Refine.MANUAL, clock=clock)
    model = await ue.open()
    ue.server.down = True

    def refine() -> None:
        with pytest.raises(ModelClosed):
            model.refine()
        ended.set()

    Thread(target=refine, daemon=True).start()
    assert waits.wait(60)
    model.close()
    assert ended.wait(60)


async def test_it_gets_better_by_itself() -> None:
    ue = Ue(refine=Refine.BACKGROUND)
    arrived = Event()
    model = await ue.open()

    def watch() -> None:
        while model.variant != FP32:
            model.infer({"x": X})
        arrived.set()

    Thread(target=watch, daemon=True).start()
    assert arrived.wait(60)
    assert error_of(model) == 0


async def test_no_inference_is_lost_or_mixed_while_layers_arrive() -> None:
    """Each answer, of two threads, is that of one of the three models, in their order."""
    model = await Ue(refine=Refine.MANUAL).open()
    answers: list[list[NDArray[Any]]] = [[], []]
    done = Event()

    def infer(into: list[NDArray[Any]]) -> None:
        while not done.is_set():
            into.append(model.infer({"x": X})["y"])

    threads = [Thread(target=infer, args=(into,)) for into in answers]
    for thread in threads:
        thread.start()
    expected = [model.infer({"x": X})["y"]]
    while model.refine():
        expected.append(model.infer({"x": X})["y"])
    done.set()
    for thread in threads:
        thread.join()
    for got in answers:
        order = [next(i for i, e in enumerate(expected) if np.array_equal(a, e)) for a in got]
        assert order == sorted(order)


async def test_a_layer_that_cannot_be_had_changes_nothing() -> None:
    ue = Ue(refine=Refine.MANUAL)
    model = await ue.open()
    url = BASE + FP16.segments[-1].url
    ue.server.spoil(url, Status(404))
    with pytest.raises(SegmentMissing):
        model.refine()
    assert model.variant == INT8
    assert len(model.steps) == 1
    assert model.refine() is not None
    assert model.variant == FP16


async def test_a_closed_model_is_not_refined() -> None:
    model = await Ue(refine=Refine.MANUAL).open()
    model.close()
    with pytest.raises(ModelClosed):
        model.refine()


@pytest.mark.requirement("R079")
async def test_what_is_in_the_cache_costs_nothing(tmp_path: Path) -> None:
    await Ue(cache_folder=tmp_path, preferences=Preferences(variant="int8")).open()
    model = await Ue(cache_folder=tmp_path).open()
    assert model.bytes_fetched == missing_bytes(VARIANTS) - INT8.size_bytes
    assert model.bytes_from_cache == INT8.size_bytes


async def test_layers_are_candidates_with_what_they_cost() -> None:
    model = await Ue(preferences=Preferences(Prefer.ACCURACY)).open()
    assert model.selection.chosen == FP32
    told = {c.variant.id: c for c in model.selection.candidates}
    assert told["int8"].verdict is Verdict.TURNED_DOWN
    more = missing_bytes(VARIANTS) - missing_bytes([INT8])
    assert f"{more:,} bytes smaller than fp32-layer" in told["int8"].cause


def test_layers_by_name() -> None:
    assert layers_of(FP32, VARIANTS) == VARIANTS
    assert layers_above(INT8, VARIANTS) == (FP16, FP32)
    assert layers_above(FP32, VARIANTS) == ()
    digests = [part.sha256 for part in parts_of(VARIANTS)]
    assert len(digests) == len(set(digests))
    assert missing_bytes(VARIANTS, lambda part: True) == 0
    with pytest.raises(KeyError):
        layers_of(FP32, [FP32])


@pytest.mark.requirement("R135")
async def test_a_sparse_variant_is_made_dense_at_the_ue() -> None:
    pruned = onnx.ModelProto()
    pruned.CopyFrom(MODEL)
    for tensor in pruned.graph.initializer:
        array = numpy_helper.to_array(tensor).copy()
        if array.ndim == 2:
            array[np.abs(array) < np.quantile(np.abs(array), 0.8)] = 0
            tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
    sparse = published_sparse(pruned)
    files = {BASE + name: data for name, data in sparse.files.items()}
    options = AccessOptions(device=DEVICE, preferences=Preferences(variant="sparse"))
    model = await ModelAccess(MemoryServer(files), options, clock=FakeClock().clock()).open(MPD)
    assert model.variant.codec == "sparse+zstd"
    session = onnxruntime.InferenceSession(pruned.SerializeToString())
    assert np.array_equal(model.infer({"x": X})["y"], session.run(None, {"x": X})[0])
    assert model.bytes_fetched < 0.5 * model.variant.weights_bytes
