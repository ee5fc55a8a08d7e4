"""The shipped detector is what its card says, on the media that it says."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image

from fivegms_engine.annotation import draw_detections
from fivegms_engine.media import AnnotatedVideo, open_frames
from fivegms_engine.tasks import Detection
from fivegms_engine.tasks.detection_metrics import precision_recall
from fivegms_testbed import assets
from fivegms_testbed.detector.digits import LABELS
from fivegms_testbed.detector.evaluate import Detector, measure


@pytest.fixture(scope="module")
def model() -> onnx.ModelProto:
    return onnx.load(assets.detector_model())


@pytest.fixture(scope="module")
def detector(model: onnx.ModelProto) -> Detector:
    return Detector(model)


@pytest.fixture(scope="module")
def threshold(model: onnx.ModelProto) -> float:
    return float(metadata(model)["fivegms.score_threshold"])


def metadata(model: onnx.ModelProto) -> dict[str, str]:
    return {entry.key: entry.value for entry in model.metadata_props}


def figures() -> dict[str, dict[str, float]]:
    document: dict[str, dict[str, float]] = json.loads(assets.detector_figures().read_bytes())
    return document


def shapes(values: "list[onnx.ValueInfoProto]") -> dict[str, list[str | int]]:
    return {
        value.name: [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]
        for value in values
    }


def test_the_graph_keeps_the_detection_contract(model: onnx.ModelProto) -> None:
    onnx.checker.check_model(model, full_check=True)
    assert shapes(list(model.graph.input)) == {"images": ["N", 3, 192, 320]}
    assert shapes(list(model.graph.output)) == {
        "boxes": ["N", 32, 4],
        "scores": ["N", 32],
        "labels": ["N", 32],
    }
    assert model.opset_import[0].version == 17
    assert "BatchNormalization" not in {node.op_type for node in model.graph.node}


def test_the_graph_says_what_it_takes_and_gives(model: onnx.ModelProto) -> None:
    hints = metadata(model)
    assert hints["fivegms.task"] == "object-detection"
    assert json.loads(hints["fivegms.labels"]) == list(LABELS)
    assert json.loads(hints["fivegms.input"]) == {
        "layout": "NCHW",
        "color": "RGB",
        "mean": [0, 0, 0],
        "std": [1, 1, 1],
        "resize": "letterbox",
    }
    assert 0 < float(hints["fivegms.score_threshold"]) < 1


def test_assets_are_small() -> None:
    assert assets.detector_model().stat().st_size < 1_000_000
    assert assets.clip().stat().st_size < 2_000_000
    assert assets.evaluation_set().stat().st_size < 1_500_000


def test_accuracy_is_what_the_card_says(detector: Detector, threshold: float) -> None:
    claimed = figures()["evaluation.mp4"]
    measured = measure(detector, assets.evaluation_set(), assets.evaluation_truth(), threshold)
    assert measured.mean_average_precision >= 0.9
    for name in ("mean_average_precision", "precision", "recall"):
        assert getattr(measured, name) == pytest.approx(claimed[name], abs=0.005)
    assert (measured.pictures, measured.objects) == (claimed["pictures"], claimed["objects"])


def test_the_card_has_the_measured_figures(threshold: float) -> None:
    card = assets.detector_card().read_text(encoding="utf-8")
    for media, claimed in figures().items():
        row = next(line for line in card.splitlines() if line.startswith(f"| `{media}` | "))
        shares = [claimed[name] for name in ("mean_average_precision", "precision", "recall")]
        assert row == " | ".join(
            [
                f"| `{media}`",
                *(f"{share:.4f}" for share in shares),
                f"{claimed['pictures']} | {claimed['objects']} |",
            ]
        )
    assert f"| Score threshold | {threshold:.3f}," in card


def test_a_batch_finds_what_single_pictures_do(detector: Detector) -> None:
    with open_frames(assets.evaluation_set()) as frames:
        pictures = [frame.pixels for frame, _ in zip(frames, range(4), strict=False)]
    together = list(detector.detect(pictures))
    for picture, expected in zip(pictures, together, strict=True):
        (alone,) = detector.detect([picture])
        assert [one.label for one in alone] == [one.label for one in expected]
        np.testing.assert_allclose(
            [one.box for one in alone], [one.box for one in expected], atol=0.01
        )


def found_in(detector: Detector, media: Path, threshold: float) -> list[list[Detection]]:
    with open_frames(media) as frames:
        found = list(detector.detect(frame.pixels for frame in frames))
    return [[one for one in picture if one.score >= threshold] for picture in found]


@pytest.mark.requirement("R020")
@pytest.mark.requirement("R021a")
@pytest.mark.requirement("R021b")
def test_objects_are_recognised_in_a_single_image(
    detector: Detector, threshold: float, tmp_path: Path
) -> None:
    path = tmp_path / "image.png"
    with open_frames(assets.clip()) as frames:
        Image.fromarray(next(iter(frames)).pixels).save(path)
    truth = [assets.clip_truth().frame(0).objects]
    assert sorted(item.label for item in truth[0]) == ["3", "6", "7"]
    point = precision_recall(found_in(detector, path, threshold), truth)
    assert (point.precision, point.recall) == (1.0, 1.0)


@pytest.mark.requirement("R020")
@pytest.mark.requirement("R086d")
def test_objects_are_recognised_in_a_video_and_drawn_into_it(
    detector: Detector, threshold: float, tmp_path: Path
) -> None:
    truth = assets.clip_truth()
    found = found_in(detector, assets.clip(), threshold)
    point = precision_recall(found, [truth.frame(index).objects for index in range(250)])
    assert point.precision > 0.9
    assert point.recall > 0.9
    path = tmp_path / "annotated.mp4"
    with (
        open_frames(assets.clip()) as source,
        AnnotatedVideo(path, source.width, source.height, source.frame_rate) as video,
    ):
        for frame, detections in zip(source, found[:3], strict=False):
            video.write(draw_detections(frame.pixels, detections, line=truth.line))
    with open_frames(path) as frames:
        assert len(list(frames)) == 3
