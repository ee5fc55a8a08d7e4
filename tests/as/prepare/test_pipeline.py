"""Stages, layers, floors and containers: what a template asks for is what is published and told."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fivegms_api.model_preparation import MediaCalibration, MediaEvaluation
from fivegms_manifests.file_payload import assemble_file, read_file_initialization
from fivegms_manifests.model import ModelManifest, Recovery, Variant
from fivegms_prepare.calibration_set import refuse_overlap
from fivegms_prepare.decoding import decode, load
from fivegms_prepare.errors import (
    CalibrationMissing,
    EvaluationFailed,
    KeyMissing,
    NothingPublishable,
    StageImpossible,
)
from support.onnx_graphs import classifier, model_of, node
from support.preparing import Prepared, prepare_model

LARGE = classifier(width=64)
FP32 = {"precision": "fp32", "codec": "planes+zstd"}
INT8 = {"precision": "int8", "codec": "int8+zstd"}
LAYERED = {"precision": "fp32", "codec": "layered"}
PRUNED = {"stage": "prune-weights", "sparsity": 0.5}
RANDOM = np.random.default_rng(3)
IMAGES = RANDOM.random((40, 3, 16, 16), np.float32)


def labelled(folder: Path, *, right: float = 1.0) -> dict[str, Any]:
    """An evaluation set that the large classifier gets `right` that share of the time."""
    whole = prepare_model(LARGE, folder / "labelling", variants=[FP32])
    labels = whole.load().run({"x": IMAGES})["y"].argmax(axis=1)
    wrong = np.arange(len(labels)) >= right * len(labels)
    path = folder / "in" / "held-out.npz"
    path.parent.mkdir(exist_ok=True)
    np.savez(path, x=IMAGES, labels=np.where(wrong, (labels + 1) % 10, labels))
    return {"tensors": "held-out.npz"}


def variants(manifest: ModelManifest) -> dict[str, Variant]:
    return {variant.id: variant for variant in manifest.subsets[0].variants}


def stage_names(variant: Variant) -> list[str]:
    return [stage.name for stage in variant.stages]


def run(prepared: Prepared, *layers: str) -> np.ndarray:
    known = variants(prepared.manifest)
    decoded = decode([known[name].segments for name in layers], prepared.out)
    return load(decoded).run({"x": IMAGES[:2]})["y"]


@pytest.fixture(autouse=True)
def labelling(tmp_path: Path) -> None:
    (tmp_path / "labelling").mkdir()


@pytest.mark.requirement("R181")
@pytest.mark.requirement("R144")
@pytest.mark.requirement("R174")
@pytest.mark.requirement("R133")
def test_stages_are_chained_and_each_says_what_it_did(tmp_path: Path) -> None:
    chain = {**INT8, "optimise": [{"stage": "low-rank", "ratio": 0.5}, PRUNED]}
    evaluation = labelled(tmp_path)
    prepared = prepare_model(LARGE, tmp_path, variants=[FP32, chain], evaluation=evaluation)
    made = variants(prepared.manifest)
    variant = made["int8-low-rank-prune-weights"]
    assert stage_names(variant) == ["low-rank", "prune-weights", "int8", "int8+zstd"]
    recovery = [stage.recovery for stage in variant.stages]
    assert recovery == [Recovery.SENDER_ONLY] * 2 + [Recovery.RECEIVER_ASSISTED] * 2
    for earlier, later in zip(variant.stages, variant.stages[1:], strict=False):
        assert earlier.after == later.before
    first, last = variant.stages[0].before, variant.stages[-1].after
    assert first.size_bytes > last.size_bytes == variant.size_bytes
    assert (first.accuracy, last.accuracy) == (1.0, variant.accuracy[0].value)
    assert variant.weights_bytes < made["fp32"].weights_bytes
    assert variant.segments[0] != made["fp32"].segments[0]  # a topology of its own
    [told] = [each for each in prepared.result.variants if each.id == variant.id]
    assert [stage.name for stage in told.stages] == stage_names(variant)
    assert told.decode_ms == variant.decode_ms is not None


def test_stages_that_begin_alike_are_gone_through_once(tmp_path: Path) -> None:
    rank = {"stage": "low-rank", "ratio": 0.5}
    asked = [
        {**FP32, "optimise": [rank]},
        {**FP32, "optimise": [rank, PRUNED]},
        {**FP32, "optimise": [PRUNED]},
    ]
    made = variants(prepare_model(LARGE, tmp_path, variants=asked).manifest)
    alone, both = made["fp32-low-rank"], made["fp32-low-rank-prune-weights"]
    assert alone.stages[0] == both.stages[0]
    assert alone.segments[0] == both.segments[0]  # zeros change no graph


def test_optimised_variants_are_of_the_whole_alone(tmp_path: Path) -> None:
    asked = [FP32, {**FP32, "optimise": [PRUNED]}]
    split = [{"id": "split", "cuts": [["r1"]]}]
    manifest = prepare_model(LARGE, tmp_path, variants=asked, compositions=split).manifest
    ids = [[variant.id for variant in subset.variants] for subset in manifest.subsets]
    assert ids == [["fp32", "fp32-prune-weights"], ["split-0-fp32"], ["split-1-fp32"]]


@pytest.mark.requirement("R096")
def test_a_lossless_variant_performs_as_the_source_did(tmp_path: Path) -> None:
    asked = [FP32, {"precision": "fp32", "codec": "raw"}]
    first, second = prepare_model(LARGE, tmp_path, variants=asked).manifest.subsets[0].variants
    assert first.weights_sha256 == second.weights_sha256
    assert first.latency == second.latency  # measured once
    assert second.stages == ()
    assert second.recovery is Recovery.SENDER_ONLY


@pytest.mark.requirement("R065")
@pytest.mark.requirement("R066")
@pytest.mark.requirement("R067")
def test_layers_lead_from_int8_to_every_bit(tmp_path: Path) -> None:
    evaluation = labelled(tmp_path)
    asked = [FP32, INT8, LAYERED]
    prepared = prepare_model(LARGE, tmp_path, variants=asked, evaluation=evaluation)
    made = variants(prepared.manifest)
    middle, last = made["fp16-layer"], made["fp32-layer"]
    assert (middle.depends_on, last.depends_on) == ("int8", "fp16-layer")
    assert (middle.precision, last.precision) == ("fp16", "fp32")
    exact = run(prepared, "fp32")
    assert np.array_equal(run(prepared, "int8", "fp16-layer", "fp32-layer"), exact)
    assert (
        np.abs(run(prepared, "int8", "fp16-layer") - exact).max()
        < 0.1 * np.abs(run(prepared, "int8") - exact).max()
    )
    assert last.weights_sha256 == made["fp32"].weights_sha256
    assert all(variant.accuracy for variant in made.values())
    fetched = sum(made[name].size_bytes for name in ("int8", "fp16-layer", "fp32-layer"))
    shared = 2 * made["int8"].initialization.size_bytes
    assert last.stages[-1].after.size_bytes == fetched - shared


def test_layers_bring_their_base_along(tmp_path: Path) -> None:
    prepared = prepare_model(LARGE, tmp_path, variants=[LAYERED])
    assert list(variants(prepared.manifest)) == ["int8", "fp16-layer", "fp32-layer"]


def test_a_model_that_int8_leaves_exact_has_no_layers(tmp_path: Path) -> None:
    small = classifier(width=2)
    prepared = prepare_model(small, tmp_path, variants=[LAYERED])
    assert list(variants(prepared.manifest)) == ["int8"]


def test_a_variant_below_its_floor_is_withheld_and_told(tmp_path: Path) -> None:
    evaluation = labelled(tmp_path)
    ruined = {**FP32, "optimise": [{"stage": "prune-weights", "sparsity": 0.99}]}
    floor = {**ruined, "minimumAccuracy": 0.9}
    prepared = prepare_model(LARGE, tmp_path, variants=[FP32, floor], evaluation=evaluation)
    assert list(variants(prepared.manifest)) == ["fp32"]
    [withheld] = prepared.result.withheld
    assert withheld.id == "fp32-prune-weights"
    assert withheld.minimum_accuracy == 0.9
    assert withheld.accuracy[0].value < 0.9
    assert "below the 0.9 asked for" in withheld.reason
    published = {part.url for part in variants(prepared.manifest)["fp32"].parts()}
    assert set(prepared.result.files) == published | {"model.mpd"}


def test_layers_are_withheld_with_what_they_stand_on(tmp_path: Path) -> None:
    evaluation = labelled(tmp_path, right=0.5)
    asked = [FP32, {**INT8, "minimumAccuracy": 0.9}, LAYERED]
    prepared = prepare_model(LARGE, tmp_path, variants=asked, evaluation=evaluation)
    assert list(variants(prepared.manifest)) == ["fp32"]
    assert [each.id for each in prepared.result.withheld] == ["int8", "fp16-layer", "fp32-layer"]


def test_a_split_goes_with_its_last_variant(tmp_path: Path) -> None:
    evaluation = labelled(tmp_path, right=0.5)
    asked = [{**INT8, "minimumAccuracy": 0.9}, {**FP32, "optimise": [PRUNED]}]
    split = [{"id": "split", "cuts": [["r1"]]}]
    prepared = prepare_model(
        LARGE, tmp_path, variants=asked, evaluation=evaluation, compositions=split
    )
    assert [subset.name for subset in prepared.manifest.subsets] == ["whole"]
    assert [composition.id for composition in prepared.manifest.compositions] == ["whole"]


def test_nothing_that_may_be_published_is_a_refusal(tmp_path: Path) -> None:
    evaluation = labelled(tmp_path, right=0.5)
    asked = [{**FP32, "minimumAccuracy": 0.9}]
    with pytest.raises(NothingPublishable, match=r"fp32: top1 0\.5 is below the 0\.9 asked for"):
        prepare_model(LARGE, tmp_path, variants=asked, evaluation=evaluation)


def test_static_quantisation_is_calibrated_on_its_own_set(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    np.savez(tmp_path / "in" / "seen.npz", x=IMAGES[:8])
    asked = [{**FP32, "optimise": [{"stage": "quantise-static"}]}]
    calibration = {"tensors": "seen.npz", "samples": 4}
    prepared = prepare_model(LARGE, tmp_path, variants=asked, calibration=calibration)
    [variant] = prepared.manifest.subsets[0].variants
    assert stage_names(variant)[0] == "quantise-static"
    assert variant.weights_bytes < 0.5 * sum(4 * n for n in (64 * 27, 128 * 64 * 9, 1280))


def test_a_calibration_set_that_is_not_there_is_named(tmp_path: Path) -> None:
    asked = [{**FP32, "optimise": [{"stage": "quantise-static"}]}]
    with pytest.raises(EvaluationFailed, match=r"seen\.npz"):
        prepare_model(LARGE, tmp_path, variants=asked, calibration={"tensors": "seen.npz"})


def test_an_empty_calibration_set_is_named(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    np.savez(tmp_path / "in" / "seen.npz", x=IMAGES[:0])
    asked = [{**FP32, "optimise": [{"stage": "quantise-static"}]}]
    with pytest.raises(CalibrationMissing):
        prepare_model(LARGE, tmp_path, variants=asked, calibration={"tensors": "seen.npz"})


def test_a_calibration_set_of_evaluated_samples_is_refused(tmp_path: Path) -> None:
    evaluation = labelled(tmp_path)
    np.savez(tmp_path / "in" / "seen.npz", x=np.concatenate([IMAGES[:3] + 1, IMAGES[7:9]]))
    asked = [{**FP32, "optimise": [{"stage": "quantise-static"}]}]
    data = {"evaluation": evaluation, "calibration": {"tensors": "seen.npz"}}
    with pytest.raises(EvaluationFailed, match=r"2 samples of seen\.npz are in held-out\.npz too"):
        prepare_model(LARGE, tmp_path, variants=asked, **data)
    data["calibration"]["samples"] = 3
    assert prepare_model(LARGE, tmp_path, variants=asked, **data).manifest.subsets


def test_calibration_media_that_is_a_copy_of_the_evaluated_is_refused(tmp_path: Path) -> None:
    for name, content in (("a.mp4", b"film"), ("b.mp4", b"film"), ("c.mp4", b"other")):
        (tmp_path / name).write_bytes(content)
    evaluation = MediaEvaluation(media="a.mp4", ground_truth="a.json", metric="mAP@0.5")
    refuse_overlap(MediaCalibration(media="c.mp4"), evaluation, tmp_path, ())
    with pytest.raises(EvaluationFailed, match=r"b\.mp4 is the same file as a\.mp4"):
        refuse_overlap(MediaCalibration(media="b.mp4"), evaluation, tmp_path, ())


@pytest.mark.parametrize("shape", [(), (4,)], ids=["no samples", "too few of one input"])
def test_a_calibration_set_of_uneven_inputs_is_refused(
    tmp_path: Path, shape: tuple[int, ...]
) -> None:
    model = model_of(
        [node("MatMul", "a w", "1"), node("Add", "1 b", "y")],
        {"a": ("float32", ["N", 64]), "b": ("float32", ["N"])},
        {"y": ("float32", ["N", "N"])},
        {"w": np.ones((64, 64), np.float32)},
    )
    (tmp_path / "in").mkdir()
    np.savez(tmp_path / "in" / "seen.npz", a=np.ones((8, 64)), b=np.ones(shape))
    asked = [{**FP32, "optimise": [{"stage": "quantise-static"}]}]
    with pytest.raises(EvaluationFailed, match="differ in length"):
        prepare_model(model, tmp_path, variants=asked, calibration={"tensors": "seen.npz"})


def test_a_stage_that_has_nothing_to_do_is_named(tmp_path: Path) -> None:
    asked = [{**FP32, "optimise": [{"stage": "low-rank", "rank": 60_000}]}]
    with pytest.raises(StageImpossible):
        prepare_model(LARGE, tmp_path, variants=asked)


@pytest.mark.requirement("R090c")
@pytest.mark.requirement("R090")
def test_a_file_is_published_as_it_is(tmp_path: Path) -> None:
    prepared = prepare_model(LARGE, tmp_path, container="as-is", segment_size_bytes=65536)
    [variant] = prepared.manifest.subsets[0].variants
    assert (variant.container, variant.precision, variant.codec) == ("onnx", "as-is", "as-is")
    assert prepared.manifest.model.framework == "onnx"
    initialization, *segments = ((prepared.out / p.url).read_bytes() for p in variant.parts())
    assert read_file_initialization(initialization) == "tested.onnx"
    assert len(segments) > 2
    with (tmp_path / "delivered").open("wb") as file:
        assemble_file(segments, file)
    source = (tmp_path / "in" / "model.onnx").read_bytes()
    assert (tmp_path / "delivered").read_bytes() == source
    assert prepared.result.variants[0].container == "onnx"


def test_encryption_without_the_key_is_refused_before_any_work(tmp_path: Path) -> None:
    reference = {"keyId": "k", "keyUrl": "https://keys.example/k"}
    with pytest.raises(KeyMissing):
        prepare_model(LARGE, tmp_path, encryption=reference)


@pytest.mark.requirement("R089")
def test_segments_of_tensors_that_did_not_change_keep_their_names(tmp_path: Path) -> None:
    def urls(seed: int, folder: str) -> list[set[str]]:
        model = classifier(width=64)
        other = classifier(width=64, seed=seed)
        model.graph.initializer[-1].CopyFrom(other.graph.initializer[-1])
        (tmp_path / folder).mkdir()
        made = prepare_model(model, tmp_path / folder, segment_size_bytes=65536).manifest
        return [{ref.url for ref in variant.segments} for variant in made.subsets[0].variants]

    for before, after in zip(urls(0, "v1"), urls(1, "v2"), strict=True):
        assert len(after - before) == 1
