"""The main job, as `make demo` runs it: a real detector, a real clip, every 5GMS step."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import av
import pytest

from support.command import fivegms


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("demo")
    done = fivegms("demo", "--json", "--output", folder, home=folder / "home")
    assert done.exit_code == 0, done.messages
    return dict(done.json())


@pytest.mark.requirement("R140")
@pytest.mark.requirement("R101")
def test_three_variants_are_offered_with_bytes_and_accuracy(demo: dict[str, Any]) -> None:
    variants = {variant["precision"]: variant for variant in demo["variants"]}
    assert set(variants) == {"fp32", "fp16", "int8"}
    assert variants["int8"]["size_bytes"] < variants["fp16"]["size_bytes"]
    assert variants["fp16"]["size_bytes"] < variants["fp32"]["size_bytes"]
    for variant in variants.values():
        accuracy = {figure["metric"]: figure["value"] for figure in variant["accuracy"]}
        assert accuracy["mAP@0.5"] >= 0.9


@pytest.mark.requirement("R088")
@pytest.mark.requirement("R099")
def test_the_ue_fetches_exactly_the_chosen_variant(demo: dict[str, Any]) -> None:
    (chosen,) = [v for v in demo["variants"] if v["id"] == demo["chosen"]]
    assert demo["bytes_fetched"] == chosen["size_bytes"]
    assert demo["reason"]


@pytest.mark.requirement("R020")
@pytest.mark.requirement("R022")
def test_objects_are_recognised_in_the_clip(demo: dict[str, Any]) -> None:
    assert demo["frames"] == 250
    assert demo["precision"] >= 0.9
    assert demo["recall"] >= 0.85
    assert demo["ttfi_ms"] > 0
    assert demo["frame_ms_p50"] > 0


@pytest.mark.requirement("R021c")
def test_movement_counters_agree_with_the_truth(demo: dict[str, Any]) -> None:
    for name, true in demo["true_counters"].items():
        assert abs(demo["counters"][name] - true) <= 1, name


@pytest.mark.requirement("R009d")
def test_the_provider_is_told_how_it_went(demo: dict[str, Any]) -> None:
    reported = demo["reported"]
    assert (reported["metrics_reports"], reported["consumption_reports"]) == (1, 1)
    assert reported["metrics"]["inferenceLatency.count"] == demo["frames"]
    assert reported["metrics"]["timeToFirstInference"] == pytest.approx(demo["ttfi_ms"])
    weights = reported["metrics"]["bytes.weights"] + reported["metrics"]["bytes.topology"]
    assert weights == demo["bytes_fetched"]


@pytest.mark.requirement("R003a")
@pytest.mark.requirement("R003b")
def test_every_5gms_step_is_an_http_call_in_the_trace(demo: dict[str, Any]) -> None:
    points = [call["reference_point"] for call in demo["calls"]]
    assert {"M1", "M2", "M4", "M5"} <= set(points)
    assert all(0 < call["status"] < 400 for call in demo["calls"])
    assert points.index("M1") < points.index("M2") < points.index("M5") < points.index("M4")


@pytest.mark.requirement("R003a")
@pytest.mark.requirement("R003b")
@pytest.mark.requirement("R003c")
def test_model_metadata_and_media_cross_the_network_each_with_its_type(
    demo: dict[str, Any],
) -> None:
    types = {(call["reference_point"], call["media_type"]) for call in demo["calls"]}
    assert ("M4", "application/mp4") in types, "model data"
    assert ("M4", "application/dash+xml") in types, "metadata"
    assert ("M2", "video/mp4") in types, "media data"


@cache
def _frames(path: str) -> int:
    with av.open(path) as container:
        return sum(1 for _ in container.decode(video=0))


@pytest.mark.requirement("R086d")
def test_the_annotated_video_plays_from_start_to_end(demo: dict[str, Any]) -> None:
    assert _frames(demo["outputs"]["video"]) == 250


@pytest.mark.requirement("R021a")
@pytest.mark.requirement("R021b")
@pytest.mark.requirement("R086a")
@pytest.mark.requirement("R086b")
@pytest.mark.requirement("R086c")
def test_the_result_file_has_boxes_labels_and_scores(demo: dict[str, Any]) -> None:
    result = json.loads(Path(demo["outputs"]["results"]).read_text())
    detections = [one for frame in result["frames"] for one in frame["detections"]]
    assert len(result["frames"]) == 250
    for detection in detections:
        x0, y0, x1, y1 = detection["box"]
        assert 0 <= x0 < x1 <= 320
        assert 0 <= y0 < y1 <= 192
        assert detection["label"] in set("0123456789")
        assert 0 < detection["score"] <= 1
    assert detections


def test_a_picture_of_ones_own_can_be_given(tmp_path: Path) -> None:
    picture = tmp_path / "own.png"
    _save_grey_picture(picture)
    done = fivegms(
        "demo", "--json", "--input", picture, "--output", tmp_path / "out", home=tmp_path / "home"
    )
    assert done.exit_code == 0, done.messages
    assert done.json()["frames"] == 1
    assert done.json()["precision"] is None


def _save_grey_picture(path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (200, 100), (90, 90, 90)).save(path)
