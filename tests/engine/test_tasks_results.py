"""Output tensors become results, whatever the task."""

import numpy as np
import pytest

from fivegms_engine.tasks import (
    Classification,
    Detection,
    ModelIO,
    Placement,
    TensorSummary,
    TruthObject,
    task_named,
)
from fivegms_engine.tasks.errors import UnsupportedOutput
from fivegms_engine.tasks.object_detection import ObjectDetection
from fivegms_engine.tasks.tensors import summarise
from fivegms_manifests.model import TensorInfo

KNOWN_TASKS = ("object-detection", "image-classification")
IO = ModelIO((TensorInfo("images", "float32", ("N", 3, 4, 8)),), (), labels=("cat", "dog"))
PLACE = Placement(100, 50)


def detector_outputs(
    boxes: list[list[float]], scores: list[float], labels: list[int]
) -> dict[str, np.ndarray]:
    return {
        "boxes": np.array([boxes], np.float32),
        "scores": np.array([scores], np.float32),
        "labels": np.array([labels], np.int64),
    }


def test_every_known_task_answers_to_its_name() -> None:
    assert [task_named(name).name for name in KNOWN_TASKS] == list(KNOWN_TASKS)
    assert len({type(task_named(name)) for name in (*KNOWN_TASKS, "unknown")}) == 3


def test_an_unknown_task_keeps_its_name_and_gives_summaries() -> None:
    task = task_named("depth-estimation")
    assert task.name == "depth-estimation"
    depth = np.array([[[1.0, 3.0]], [[5.0, 5.0]]], np.float32)
    first, second = task.results({"depth": depth}, [PLACE, PLACE], IO)
    assert first == [TensorSummary("depth", "float32", (1, 2), 1.0, 3.0, 2.0, finite=True)]
    assert second[0].mean == 5.0
    assert task.evaluate([first, second], [None, None], 0.0) == {}


def test_every_task_feeds_pictures_alike() -> None:
    image = np.zeros((4, 8, 3), np.uint8)
    for name in (*KNOWN_TASKS, "depth-estimation"):
        feeds, placements = task_named(name).feeds([image], IO)
        assert feeds["images"].shape == (1, 3, 4, 8)
        assert placements == [Placement(8, 4)]


@pytest.mark.requirement("R021a")
@pytest.mark.requirement("R021b")
@pytest.mark.requirement("R086a")
@pytest.mark.requirement("R086b")
@pytest.mark.requirement("R086c")
def test_a_detection_has_label_score_and_box() -> None:
    outputs = detector_outputs([[10, 5, 20, 15], [0, 0, 4, 4]], [0.75, 0.25], [1, 0])
    (found,) = task_named("object-detection").results(outputs, [PLACE], IO, 0.5)
    assert found == [Detection((10.0, 5.0, 20.0, 15.0), "dog", 1, 0.75)]


def test_detections_are_placed_in_the_source_picture() -> None:
    outputs = detector_outputs([[10, 15, 20, 25]], [0.5], [0])
    (found,) = task_named("object-detection").results(
        outputs, [Placement(100, 50, 0.5, 0.5, 0, 10)], IO
    )
    assert found[0].box == (20.0, 10.0, 40.0, 30.0)


def test_a_label_number_without_a_name_is_its_own_name() -> None:
    outputs = detector_outputs([[0, 0, 4, 4]], [0.5], [7])
    (found,) = task_named("object-detection").results(outputs, [PLACE], IO)
    assert found[0].label == "7"


@pytest.mark.parametrize(
    "box", [[4, 4, 4, 8], [8, 0, 4, 4], [-9, -9, -1, -1], [float("nan"), 0, 4, 4]]
)
def test_a_box_without_area_is_no_detection(box: list[float]) -> None:
    outputs = detector_outputs([box], [0.5], [0])
    assert task_named("object-detection").results(outputs, [PLACE], IO) == [[]]


def test_a_score_that_is_no_number_is_no_detection() -> None:
    outputs = detector_outputs([[0, 0, 4, 4]], [float("nan")], [0])
    assert task_named("object-detection").results(outputs, [PLACE], IO) == [[]]


@pytest.mark.parametrize("name", ["boxes", "scores", "labels"])
def test_a_detector_without_one_of_its_outputs_is_refused(name: str) -> None:
    outputs = detector_outputs([[0, 0, 4, 4]], [0.5], [0])
    del outputs[name]
    with pytest.raises(UnsupportedOutput, match=f"no output {name}"):
        task_named("object-detection").results(outputs, [PLACE], IO)


@pytest.mark.parametrize(
    ("name", "tensor"),
    [
        ("boxes", np.zeros((1, 1, 5), np.float32)),
        ("boxes", np.zeros((2, 1, 4), np.float32)),
        ("boxes", np.zeros((1, 1, 4), np.int64)),
        ("scores", np.zeros((1, 2), np.float32)),
        ("labels", np.zeros((1, 1), np.float32)),
        ("labels", np.zeros(1, np.int64)),
    ],
)
def test_a_detector_output_of_another_shape_or_type_is_refused(
    name: str, tensor: np.ndarray
) -> None:
    outputs = detector_outputs([[0, 0, 4, 4]], [0.5], [0]) | {name: tensor}
    with pytest.raises(UnsupportedOutput, match=f"output {name} is"):
        task_named("object-detection").results(outputs, [PLACE], IO)


def test_detections_are_judged_by_three_figures() -> None:
    truth = TruthObject(track=1, label="dog", box=(0, 0, 10, 10))
    right, wrong = (
        Detection((0, 0, 10, 10), "dog", 1, 0.9),
        Detection((50, 0, 60, 9), "dog", 1, 0.1),
    )
    figures = ObjectDetection().evaluate([[right, wrong]], [[truth]], 0.5)
    assert figures == {"mAP@0.5": 1.0, "precision": 1.0, "recall": 1.0}


@pytest.mark.requirement("R086a")
@pytest.mark.requirement("R086b")
def test_logits_become_probabilities() -> None:
    logits = np.array([[0.0, np.log(3.0)]], np.float32)
    (found,) = task_named("image-classification").results({"logits": logits}, [PLACE], IO)
    assert [one.label for one in found] == ["dog", "cat"]
    assert [one.score for one in found] == pytest.approx([0.75, 0.25])


def test_probabilities_stay_as_they_are() -> None:
    scores = np.array([[0.2, 0.8]], np.float64)
    (found,) = task_named("image-classification").results({"p": scores}, [PLACE], IO, 0.5)
    assert found == [Classification("dog", 1, 0.8)]


def test_only_the_five_best_classes_are_reported() -> None:
    scores = np.linspace(-3, 3, 40, dtype=np.float32)[None]
    (found,) = task_named("image-classification").results({"logits": scores}, [PLACE], IO)
    assert [one.label_index for one in found] == [39, 38, 37, 36, 35]


@pytest.mark.parametrize(
    "outputs",
    [{}, {"a": np.zeros((1, 2), np.float32), "b": np.zeros((1, 2), np.float32)}],
    ids=["none", "two"],
)
def test_a_classifier_has_one_output(outputs: dict[str, np.ndarray]) -> None:
    with pytest.raises(UnsupportedOutput, match="one output was expected"):
        task_named("image-classification").results(outputs, [PLACE], IO)


def test_top1_is_the_share_of_right_pictures() -> None:
    task = task_named("image-classification")
    results = [[Classification("cat", 0, 0.9)], [Classification("dog", 1, 0.6)], []]
    assert task.evaluate(results, ["cat", "cat", "dog"], 0.0) == {"top1": pytest.approx(1 / 3)}


def test_top1_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no picture"):
        task_named("image-classification").evaluate([], [], 0.0)


def test_a_tensor_that_is_the_whole_batchs_is_given_to_each_picture() -> None:
    results = task_named("anything").results({"anchor": np.arange(3)}, [PLACE, PLACE], IO)
    assert (
        results[0] == results[1] == [TensorSummary("anchor", "int64", (3,), 0, 2, 1, finite=True)]
    )


@pytest.mark.parametrize(
    ("tensor", "expected"),
    [
        (np.array([1.0, np.inf, np.nan, 3.0]), (1.0, 3.0, 2.0, False)),
        (np.array([np.nan]), (None, None, None, False)),
        (np.empty((0, 4), np.float32), (None, None, None, True)),
        (np.array([True, False]), (0.0, 1.0, 0.5, True)),
        (np.array(["text"], object), (None, None, None, True)),
    ],
)
def test_summaries_of_unusual_tensors(
    tensor: np.ndarray, expected: tuple[float | None, float | None, float | None, bool]
) -> None:
    summary = summarise("t", tensor)
    assert (summary.minimum, summary.maximum, summary.mean, summary.finite) == expected
