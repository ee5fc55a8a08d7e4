"""Deltas from older versions: bound to what devices hold, exact or near enough, and never alone."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import ModelProto, numpy_helper

from fivegms_api.model_deltas import DeltaRequest
from fivegms_api.model_variants import DEFAULT_VARIANTS
from fivegms_engine.graph import separate
from fivegms_manifests.model import Accuracy, SegmentRef, Variant
from fivegms_prepare.decoding import Array, Decoded, Readers, decode, decode_delta
from fivegms_prepare.errors import DeltaImpossible, NothingPublishable, SourceMissing
from fivegms_prepare.evaluation import Contents, Examination
from fivegms_prepare.figures import Performance
from fivegms_prepare.journal import Journal
from fivegms_prepare.manifest import MeasuredVariant
from fivegms_prepare.recipes import batches, recipes
from fivegms_prepare.updating import Updating
from fivegms_prepare.variants import EncodedVariant
from support.onnx_graphs import classifier
from support.preparing import Prepared, prepare_model

FP32 = {"precision": "fp32", "codec": "planes+zstd"}
INT8 = {"precision": "int8", "codec": "int8+zstd"}
LOSSLESS = {"base": "old.onnx", "baseVersion": 1}
QUANTISED = {**LOSSLESS, "mode": "quantised", "step": 0.5}
IMAGES = np.random.default_rng(3).random((40, 3, 16, 16), np.float32)


def moved(model: ModelProto, *, share: float = 0.01, names: tuple[str, ...] = ()) -> ModelProto:
    """The model after a little training: each of its weights, or those named, moved somewhat."""
    new = ModelProto()
    new.CopyFrom(model)
    random = np.random.default_rng(5)
    for tensor in new.graph.initializer:
        array = numpy_helper.to_array(tensor)
        if array.dtype == np.float32 and (not names or tensor.name in names):
            step = share * array.std() * random.standard_normal(array.shape)
            moved_array = (array + step).astype(np.float32)
            tensor.CopyFrom(numpy_helper.from_array(moved_array, tensor.name))
    return new


OLD = classifier(width=64)
HEAD = moved(OLD, names=("w3",))
NEW = moved(OLD)


def update(new: ModelProto, folder: Path, old: ModelProto = OLD, /, **members: Any) -> Prepared:
    (folder / "in").mkdir(exist_ok=True)
    (folder / "in" / "old.onnx").write_bytes(old.SerializeToString())
    described = {"name": "tested", "task": "tensors", "version": 2}
    return prepare_model(new, folder, **{"model": described, "variants": [FP32], **members})


def variants(prepared: Prepared) -> dict[str, Variant]:
    return {variant.id: variant for variant in prepared.manifest.subsets[0].variants}


def weights(model: ModelProto, folder: Path, **members: Any) -> tuple[Variant, dict[str, Array]]:
    """What a device that fetched the last variant of a first version holds."""
    folder.mkdir()
    prepared = prepare_model(model, folder, **{"variants": [FP32], **members})
    variant = prepared.manifest.subsets[0].variants[-1]
    return variant, decode([variant.segments], prepared.out).tensors


def readers(tensors: dict[str, Array]) -> Readers:
    return {name: lambda name=name: tensors[name] for name in tensors}  # type: ignore[misc]


@pytest.mark.requirement("R133")
@pytest.mark.requirement("R089")
def test_a_lossless_delta_gives_every_bit_from_what_devices_hold(tmp_path: Path) -> None:
    held, tensors = weights(OLD, tmp_path / "v1")
    prepared = update(NEW, tmp_path, deltas=[LOSSLESS])
    made = variants(prepared)
    delta = made["fp32-from-1"]
    assert delta.delta is not None
    assert (delta.delta.base_sha256, delta.delta.chain) == (held.weights_sha256, 1)
    assert delta.weights_sha256 == made["fp32"].weights_sha256
    found = decode_delta(delta.segments, prepared.out, readers(tensors)).tensors
    exact = decode([made["fp32"].segments], prepared.out).tensors
    assert all(np.array_equal(found[name], exact[name]) for name in exact)
    assert delta.size_bytes < made["fp32"].size_bytes
    [told] = [each for each in prepared.result.variants if each.id == delta.id]
    assert told.delta is not None
    assert told.delta.base_version == 1


def test_what_did_not_change_is_absent(tmp_path: Path) -> None:
    made = variants(update(HEAD, tmp_path, deltas=[LOSSLESS]))
    assert made["fp32-from-1"].size_bytes < 0.08 * made["fp32"].stages[0].before.size_bytes
    assert made["fp32-from-1"].segments[0] == made["fp32"].segments[0]


def test_nothing_changed_leaves_the_topology_alone(tmp_path: Path) -> None:
    made = variants(update(OLD, tmp_path, deltas=[LOSSLESS]))
    assert made["fp32-from-1"].segments == made["fp32"].segments[:1]


def test_a_tensor_of_another_shape_is_sent_whole(tmp_path: Path) -> None:
    wider = classifier(width=32)
    made = variants(update(OLD, tmp_path, wider, deltas=[LOSSLESS]))
    assert made["fp32-from-1"].weights_sha256 == made["fp32"].weights_sha256


def test_a_delta_to_an_approximation_starts_from_the_older_approximation(tmp_path: Path) -> None:
    held, _ = weights(OLD, tmp_path / "v1", variants=[INT8])
    delta = {**LOSSLESS, "variant": "int8", "baseVariant": "int8"}
    made = variants(update(NEW, tmp_path, variants=[FP32, INT8], deltas=[delta]))
    found = made["int8-from-1"]
    assert found.delta is not None
    assert found.delta.base_sha256 == held.weights_sha256
    assert found.weights_sha256 == made["int8"].weights_sha256


@pytest.mark.requirement("R133")
def test_an_optimised_variant_is_updated_too(tmp_path: Path) -> None:
    pruned = {**FP32, "id": "pruned", "optimise": [{"stage": "prune-weights", "sparsity": 0.5}]}
    held, _ = weights(OLD, tmp_path / "v1", variants=[FP32, pruned])
    delta = {**LOSSLESS, "variant": "pruned", "baseVariant": "pruned"}
    made = variants(update(NEW, tmp_path, variants=[FP32, pruned], deltas=[delta]))
    found = made["pruned-from-1"]
    assert found.delta is not None
    assert found.delta.base_sha256 == held.weights_sha256
    assert [stage.name for stage in found.stages] == ["prune-weights", "planes+zstd", "delta"]


def labelled(folder: Path) -> dict[str, Any]:
    """An evaluation set that the new model gets right."""
    (folder / "labelling").mkdir()
    whole = prepare_model(NEW, folder / "labelling", variants=[FP32])
    labels = whole.load().run({"x": IMAGES})["y"].argmax(axis=1)
    (folder / "in").mkdir()
    np.savez(folder / "in" / "held-out.npz", x=IMAGES, labels=labels)
    return {"tensors": "held-out.npz"}


def test_the_coarsest_step_that_loses_little_enough_is_found(tmp_path: Path) -> None:
    evaluation = labelled(tmp_path)
    searched = {**LOSSLESS, "mode": "quantised", "maxAccuracyLoss": 0.0}
    made = variants(update(NEW, tmp_path, evaluation=evaluation, deltas=[LOSSLESS, searched]))
    quantised = made["fp32-from-1-quantised"]
    assert quantised.accuracy[0].value == made["fp32"].accuracy[0].value
    assert quantised.size_bytes < 0.5 * made["fp32-from-1"].size_bytes
    assert quantised.stages[-1].settings.startswith("quantised, step ")
    assert quantised.weights_sha256 != made["fp32"].weights_sha256


def test_a_step_that_was_found_can_be_stated(tmp_path: Path) -> None:
    made = variants(update(NEW, tmp_path, deltas=[QUANTISED]))
    assert "step 0.5" in made["fp32-from-1-quantised"].stages[-1].settings


def test_a_chain_goes_on_from_what_quantised_deltas_left(tmp_path: Path) -> None:
    _, first = weights(OLD, tmp_path / "v1")
    second = update(NEW, tmp_path, deltas=[QUANTISED])
    step = variants(second)["fp32-from-1-quantised"]
    held = decode_delta(step.segments, second.out, readers(first)).tensors
    (tmp_path / "v3").mkdir()
    (tmp_path / "v3" / "in").mkdir()
    for name, model in (("old.onnx", OLD), ("second.onnx", NEW)):
        (tmp_path / "v3" / "in" / name).write_bytes(model.SerializeToString())
    chained = {
        "base": "second.onnx",
        "baseVersion": 2,
        "baseVariant": "fp32-from-1-quantised",
        "baseDelta": QUANTISED,
    }
    described = {"name": "tested", "task": "tensors", "version": 3}
    third = prepare_model(
        moved(NEW), tmp_path / "v3", model=described, variants=[FP32], deltas=[chained]
    )
    delta = variants(third)["fp32-from-2"]
    assert delta.delta is not None
    assert (delta.delta.base_sha256, delta.delta.chain) == (step.weights_sha256, 2)
    found = decode_delta(delta.segments, third.out, readers(held)).tensors
    exact = decode([variants(third)["fp32"].segments], third.out).tensors
    assert all(np.array_equal(found[name], exact[name]) for name in exact)


class Unimpressed(Examination):
    """Finds every model wrong."""

    def of_model(self, decoded: Decoded, contents: Contents, *, judged: bool) -> Performance:
        return Performance((Accuracy("top1", 0.25, "held-out"),))


def test_a_delta_that_loses_too_much_at_any_step_is_refused(tmp_path: Path) -> None:
    [fp32] = recipes(batches(DEFAULT_VARIANTS[:1]))
    journal = Journal()
    models = {"new.onnx": separate(NEW), "old.onnx": separate(OLD)}
    updating = Updating(
        "new.onnx",
        lambda path, _: models[path],
        {"fp32": fp32},
        Unimpressed(None, journal, tmp_path),
        journal,
        tmp_path,
        2**20,
    )
    whole = MeasuredVariant(
        EncodedVariant(fp32, SegmentRef("i", "", 0), (), 0),
        Contents("", "", 0, 0.0),
        Performance((Accuracy("top1", 0.5, "held-out"),)),
    )
    request = DeltaRequest.model_validate({**LOSSLESS, "mode": "quantised"})
    with pytest.raises(DeltaImpossible, match=r"0\.25, more than 0\.005 below 0\.5: make it loss"):
        updating.make(request, whole)


def test_a_delta_is_withheld_with_what_it_leads_to(tmp_path: Path) -> None:
    evaluation = labelled(tmp_path)
    floor = {**INT8, "minimumAccuracy": 1.0}
    bad = {**floor, "id": "bad", "optimise": [{"stage": "prune-weights", "sparsity": 0.99}]}
    delta = {**LOSSLESS, "variant": "bad", "baseVariant": "bad"}
    prepared = update(NEW, tmp_path, variants=[FP32, bad], evaluation=evaluation, deltas=[delta])
    assert [each.id for each in prepared.result.withheld] == ["bad", "bad-from-1"]
    assert list(variants(prepared)) == ["fp32"]


def test_deltas_alone_are_nothing_to_publish(tmp_path: Path) -> None:
    evaluation = labelled(tmp_path)
    tensors = np.load(tmp_path / "in" / "held-out.npz")
    wrong = (tensors["labels"] + 1) % 10
    np.savez(tmp_path / "in" / "held-out.npz", x=tensors["x"], labels=wrong)
    floor = {**FP32, "minimumAccuracy": 1.0}
    with pytest.raises(NothingPublishable):
        update(NEW, tmp_path, variants=[floor], evaluation=evaluation, deltas=[LOSSLESS])


def test_an_older_model_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceMissing):
        update(NEW, tmp_path, deltas=[{**LOSSLESS, "base": "older.onnx"}])
