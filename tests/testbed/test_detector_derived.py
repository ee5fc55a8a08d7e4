"""The detectors that were fine-tuned and distilled from the shipped one."""

import json
from typing import Any

import onnx
import pytest

from fivegms_testbed import assets
from fivegms_testbed.detector.derived import write_card
from fivegms_testbed.detector.evaluate import Detector, measure
from fivegms_testbed.detector.export import learned
from fivegms_testbed.detector.finish import threshold_of


def figures() -> dict[str, dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(assets.derived_figures().read_bytes())
    return {row["model"]: row for row in rows}


def accuracy(model: str, media: str) -> float:
    return float(figures()[model][media]["mean_average_precision"])


def test_the_card_has_the_figures() -> None:
    rows = json.loads(assets.derived_figures().read_bytes())
    assert assets.derived_card().read_text(encoding="utf-8") == write_card(rows)


@pytest.mark.parametrize(
    "path",
    [assets.walls_detector(), assets.heads_detector(), assets.small_detector()],
    ids=lambda path: path.name,
)
def test_assets_are_small(path: Any) -> None:
    assert path.stat().st_size < 1_000_000


def test_fine_tuning_gains_the_new_place_and_keeps_the_old() -> None:
    before, after = "digits_detector.onnx", "digits_detector_walls.onnx"
    assert accuracy(after, "evaluation_walls.mp4") > accuracy(before, "evaluation_walls.mp4") + 0.1
    assert accuracy(after, "evaluation.mp4") > accuracy(before, "evaluation.mp4") - 0.005


def test_the_figures_of_the_fine_tuned_detector_are_measured() -> None:
    model = onnx.load(assets.walls_detector())
    measured = measure(
        Detector(model),
        assets.walls_evaluation_set(),
        assets.walls_evaluation_truth(),
        threshold_of(model),
    )
    expected = accuracy("digits_detector_walls.onnx", "evaluation_walls.mp4")
    assert measured.mean_average_precision == pytest.approx(expected, abs=0.005)


def test_fine_tuning_the_heads_changes_nothing_else() -> None:
    before, after = (
        learned(onnx.load(path)) for path in (assets.detector_model(), assets.heads_detector())
    )
    changed = {name for name, array in before.items() if not (array == after[name]).all()}
    assert {name.split(".")[0] for name in changed} == {"heat_unit", "heat", "box_unit", "box"}


@pytest.mark.requirement("R143")
def test_a_distilled_student_is_better_than_one_without_a_teacher() -> None:
    model = onnx.load(assets.small_detector())
    student = figures()["digits_detector_small.onnx"]
    teacher, untaught = figures()["digits_detector.onnx"], figures()["hard targets only"]
    measured = measure(
        Detector(model), assets.evaluation_set(), assets.evaluation_truth(), threshold_of(model)
    ).mean_average_precision
    assert student["parameters"] * 3 < teacher["parameters"]
    assert student["parameters"] == untaught["parameters"]
    assert measured == pytest.approx(accuracy(student["model"], "evaluation.mp4"), abs=0.005)
    assert measured > accuracy("hard targets only", "evaluation.mp4") + 0.01
