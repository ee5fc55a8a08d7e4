"""From an uploaded file to a folder that is ready to be published, or to nothing at all."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper

from fivegms_api.ai_models import PreparationProgress
from fivegms_manifests.model import Recovery
from fivegms_prepare.errors import (
    EvaluationFailed,
    NotDescribable,
    NotLoadable,
    OperatorCase,
    StorageFailed,
)
from fivegms_prepare.preparation import prepare
from support.onnx_graphs import classifier, model_of, node
from support.preparing import NOW, prepare_model, template_of

IMAGE = np.random.default_rng(1).random((2, 3, 16, 16), np.float32)


def files_below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.requirement("R178")
@pytest.mark.requirement("R010")
@pytest.mark.requirement("R090c")
def test_delivered_files_are_all_that_is_needed(tmp_path: Path, monkeypatch) -> None:
    prepared = prepare_model(classifier(), tmp_path)
    (tmp_path / "in" / "model.onnx").unlink()
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    direct = onnxruntime.InferenceSession(classifier().SerializeToString())
    found = prepared.load().run({"x": IMAGE})["y"]
    assert np.allclose(found, direct.run(None, {"x": IMAGE})[0], atol=1e-5)
    assert files_below(empty) == set()


@pytest.mark.requirement("R101")
def test_what_is_published(tmp_path: Path) -> None:
    prepared = prepare_model(classifier(width=64), tmp_path)
    assert files_below(prepared.out) == set(prepared.result.files)
    assert prepared.result.files[-1] == "model.mpd"
    assert prepared.manifest == prepared.result.manifest
    assert prepared.manifest.published == NOW
    (whole,) = prepared.manifest.subsets
    assert [(v.id, v.precision, v.codec, v.quality_ranking) for v in whole.variants] == [
        ("fp32", "fp32", "planes+zstd", 1),
        ("fp16", "fp16", "planes+zstd", 2),
        ("int8", "int8", "int8+zstd", 3),
    ]
    for variant in whole.variants:
        assert variant.bandwidth_bps == 8 * variant.size_bytes
        assert variant.weights_bytes == 4 * (64 * 27 + 64 + 128 * 64 * 9 + 1280)
        assert (variant.constraints.min_memory_bytes or 0) > 2 * variant.weights_bytes
        assert variant.constraints.engines == ("onnxruntime",)
        assert variant.accuracy == ()


@pytest.mark.requirement("R101")
def test_result_for_the_provider(tmp_path: Path) -> None:
    prepared = prepare_model(classifier(), tmp_path, compositions=[{"id": "s", "cuts": [["r1"]]}])
    for reported in prepared.result.variants:
        variant = next(
            variant
            for variant in prepared.manifest.subset(reported.subset).variants
            if variant.id == reported.id
        )
        assert reported.size_bytes == variant.size_bytes
        assert reported.sha256 == variant.sha256
        assert reported.segments == len(variant.segments)
        assert reported.latency_ms is not None
    assert [v.id for v in prepared.result.variants][3:5] == [
        "s-0-fp32",
        "s-0-fp16",
    ]


@pytest.mark.requirement("R144")
def test_recovery_is_labelled(tmp_path: Path) -> None:
    variants = [
        {"precision": precision, "codec": codec}
        for precision, codec in (("fp32", "raw"), ("fp16", "raw"), ("fp32", "planes+zstd"))
    ]
    prepared = prepare_model(classifier(), tmp_path, variants=variants)
    assert [variant.id for variant in prepared.manifest.subsets[0].variants] == [
        "fp32-raw",
        "fp16",
        "fp32",
    ]
    assert [variant.recovery for variant in prepared.manifest.subsets[0].variants] == [
        Recovery.SENDER_ONLY,
        Recovery.RECEIVER_ASSISTED,
        Recovery.RECEIVER_ASSISTED,
    ]


def test_manifest_in_a_folder(tmp_path: Path) -> None:
    prepared = prepare_model(classifier(), tmp_path, manifest="models/v2/classifier.mpd")
    assert prepared.result.files[-1] == "models/v2/classifier.mpd"
    assert all(name.startswith("models/v2/") for name in prepared.result.files)
    assert files_below(prepared.out) == set(prepared.result.files)


def test_same_input_same_bytes(tmp_path: Path) -> None:
    results = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        results.append(prepare_model(classifier(), tmp_path / name).result.files)
    assert results[0] == results[1]


def test_second_version_beside_the_first(tmp_path: Path) -> None:
    first = prepare_model(classifier(seed=1, width=64), tmp_path)
    second = prepare_model(classifier(seed=2, width=64), tmp_path)
    shared = set(first.result.files) & set(second.result.files)
    assert any(name.startswith("segments/") for name in shared)  # the topology
    assert files_below(second.out) == {*first.result.files, *second.result.files}
    assert second.manifest == second.result.manifest


def progress_of(tmp_path: Path) -> list[PreparationProgress]:
    source = tmp_path / "model.onnx"
    source.write_bytes(classifier().SerializeToString())
    told: list[PreparationProgress] = []
    prepare(source, template_of(), tmp_path / "out", progress=told.append, now=NOW)
    return told


def test_progress(tmp_path: Path) -> None:
    told = progress_of(tmp_path)
    fractions = [progress.fraction for progress in told]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0, 1)
    assert list(dict.fromkeys(progress.stage for progress in told)) == [
        "checking",
        "measuring source",
        "encoding fp32",
        "encoding fp16",
        "encoding int8",
        "measuring whole fp32",
        "measuring whole fp16",
        "measuring whole int8",
        "writing",
    ]


def test_refusal_leaves_nothing(tmp_path: Path) -> None:
    model = classifier()
    model.graph.node[1].op_type = "relu"
    with pytest.raises(OperatorCase):
        prepare_model(model, tmp_path)
    assert files_below(tmp_path / "out") == set()
    assert list((tmp_path / "out").iterdir()) == []


def test_model_that_onnxruntime_does_not_load(tmp_path: Path) -> None:
    model = model_of(
        [node("Concat", "x x", "y", axis=9)], {"x": ("float32", [1])}, {"y": ("float32", [2])}
    )
    with pytest.raises(NotLoadable):
        prepare_model(model, tmp_path)


def test_manifest_that_cannot_be_written(tmp_path: Path) -> None:
    model = model_of(
        [node("Relu", "x\x01", "y")], {"x\x01": ("float32", [1])}, {"y": ("float32", [1])}
    )
    with pytest.raises(NotDescribable, match="manifest"):
        prepare_model(model, tmp_path)


def test_folder_that_cannot_be_filled(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file is in the way")
    with pytest.raises(StorageFailed, match="cannot be stored: File exists") as refused:
        prepare_model(classifier(), tmp_path)
    assert str(tmp_path) not in refused.value.detail


def test_evaluation_without_its_folder(tmp_path: Path) -> None:
    source = tmp_path / "model.onnx"
    source.write_bytes(classifier().SerializeToString())
    template = template_of(evaluation={"tensors": "held-out.npz"})
    with pytest.raises(EvaluationFailed, match="folder"):
        prepare(source, template, tmp_path / "out", now=NOW)


@pytest.mark.parametrize(
    "evaluation",
    [
        {"tensors": "held-out.npz"},
        {"media": "held-out.mp4", "groundTruth": "truth.json"},
        {"media": "model.onnx", "groundTruth": "truth.json"},
        {"media": "model.onnx", "groundTruth": "model.onnx"},
    ],
)
def test_evaluation_files_are_asked_for_before_anything_is_encoded(
    evaluation: dict[str, str], tmp_path: Path
) -> None:
    source = tmp_path / "model.onnx"
    source.write_bytes(classifier().SerializeToString())
    stages: list[str] = []
    with pytest.raises(EvaluationFailed):
        prepare(
            source,
            template_of(evaluation=evaluation),
            tmp_path / "out",
            evaluation_dir=tmp_path,
            progress=lambda report: stages.append(report.stage),
            now=NOW,
        )
    assert set(stages) == {"checking"}


def test_composition_of_a_model_with_open_shapes(tmp_path: Path) -> None:
    open_shape = ("float32", [1, "width"])
    model = model_of(
        [node("Relu", "x", "a"), node("Neg", "a", "y")], {"x": open_shape}, {"y": open_shape}
    )
    with pytest.raises(EvaluationFailed, match="shape is open"):
        prepare_model(model, tmp_path, compositions=[{"id": "s", "cuts": [["a"]]}])


def test_functions_of_the_model_are_put_in_place(tmp_path: Path) -> None:
    model = model_of(
        [helper.make_node("Twice", ["x"], ["t"], domain="own"), node("Add", "t w", "y")],
        {"x": ("float32", [100])},
        {"y": ("float32", [100])},
        {"w": np.arange(100, dtype=np.float32)},
    )
    opsets = [helper.make_opsetid("", 17)]
    body = [node("Add", "a a", "b")]
    model.functions.append(helper.make_function("own", "Twice", ["a"], ["b"], body, opsets))
    model.opset_import.append(helper.make_opsetid("own", 1))
    prepared = prepare_model(model, tmp_path)
    assert [opset.domain for opset in prepared.manifest.model.opsets] == [""]
    ones = np.ones(100, np.float32)
    assert np.array_equal(prepared.load().run({"x": ones})["y"], np.arange(100) + 2)


def test_publish_time_is_a_parameter(tmp_path: Path) -> None:
    source = tmp_path / "model.onnx"
    onnx.save(classifier(), source)
    later = datetime(2027, 1, 1, tzinfo=UTC)
    result = prepare(source, template_of(), tmp_path / "out", now=later)
    assert result.manifest.published == later
