"""Average precision, precision and recall against cases worked out by hand."""

import numpy as np
import pytest

from fivegms_engine.tasks import Detection, TruthObject
from fivegms_engine.tasks.detection_metrics import (
    PrecisionRecall,
    average_precisions,
    best_score_threshold,
    mean_average_precision,
    overlap,
    precision_recall,
)

Box = tuple[float, float, float, float]
HERE: Box = (0, 0, 10, 10)
THERE: Box = (50, 50, 60, 60)
NOWHERE: Box = (100, 0, 110, 10)


def found(box: Box, score: float, label: str = "a") -> Detection:
    return Detection(box, label, 0, score)


def true(box: Box, label: str = "a") -> TruthObject:
    return TruthObject(track=0, label=label, box=box)


def test_overlap_of_pairs() -> None:
    boxes = np.array([HERE, THERE], np.float64)
    others = np.array([(0, 0, 10, 5), (5, 0, 15, 10), THERE, (3, 3, 3, 3)], np.float64)
    expected = [[0.5, 1 / 3, 0, 0], [0, 0, 1, 0]]
    np.testing.assert_allclose(overlap(boxes, others), expected)


def test_overlap_of_nothing_with_nothing() -> None:
    assert overlap(np.empty((0, 4)), np.empty((0, 4))).shape == (0, 0)
    point = np.array([[1.0, 1.0, 1.0, 1.0]])
    assert overlap(point, point)[0, 0] == 0


def test_right_wrong_right_gives_five_sixths() -> None:
    detections = [[found(HERE, 0.9), found(NOWHERE, 0.8), found(THERE, 0.7)]]
    precisions = average_precisions(detections, [[true(HERE), true(THERE)]])
    assert precisions == {"a": pytest.approx(0.5 * 1 + 0.5 * 2 / 3)}


def test_precision_is_made_monotonic() -> None:
    """Wrong, right, right: precision 0, 1/2, 2/3 counts as 2/3 at both recalls."""
    detections = [[found(NOWHERE, 0.9), found(HERE, 0.8), found(THERE, 0.7)]]
    assert mean_average_precision(detections, [[true(HERE), true(THERE)]]) == pytest.approx(2 / 3)


def test_scores_rank_over_all_pictures() -> None:
    detections = [[found(HERE, 0.3)], [found(NOWHERE, 0.6)]]
    assert mean_average_precision(detections, [[true(HERE)], []]) == pytest.approx(0.5)


def test_an_object_is_found_once() -> None:
    detections = [[found(HERE, 0.9), found(HERE, 0.8)]]
    assert mean_average_precision(detections, [[true(HERE)]]) == 1.0
    assert precision_recall(detections, [[true(HERE)]]) == PrecisionRecall(1, 1, 0)


def test_a_second_detection_takes_the_object_that_is_left() -> None:
    near = (1.0, 0.0, 11.0, 10.0)
    detections = [[found(HERE, 0.9), found(HERE, 0.8)]]
    assert precision_recall(detections, [[true(HERE), true(near)]]) == PrecisionRecall(2, 0, 0)


def test_another_label_is_wrong_and_the_mean_is_over_labels() -> None:
    detections = [[found(HERE, 0.9, "a"), found(THERE, 0.9, "a")]]
    truths = [[true(HERE, "a"), true(THERE, "b")]]
    assert average_precisions(detections, truths) == {"a": 1.0, "b": 0.0}
    assert mean_average_precision(detections, truths) == 0.5
    assert precision_recall(detections, truths) == PrecisionRecall(1, 1, 1)


def test_a_label_that_never_occurs_is_wrong_but_has_no_average_precision() -> None:
    detections = [[found(HERE, 0.9), found(HERE, 0.9, "z")]]
    assert average_precisions(detections, [[true(HERE)]]) == {"a": 1.0}
    assert precision_recall(detections, [[true(HERE)]]).false_positives == 1


def test_the_wanted_overlap_decides() -> None:
    detections, truths = [[found((0, 0, 10, 6), 0.9)]], [[true(HERE)]]
    assert mean_average_precision(detections, truths, iou=0.6) == 1.0
    assert mean_average_precision(detections, truths, iou=0.61) == 0.0


def test_precision_and_recall_at_a_threshold() -> None:
    detections = [[found(HERE, 0.9), found(NOWHERE, 0.5), found(THERE, 0.4)]]
    point = precision_recall(detections, [[true(HERE), true(THERE)]], score_threshold=0.5)
    assert point == PrecisionRecall(1, 1, 1)
    assert (point.precision, point.recall) == (0.5, 0.5)


def test_shares_of_nothing_are_whole() -> None:
    nothing = precision_recall([[]], [[]])
    assert (nothing.precision, nothing.recall) == (1.0, 1.0)


def test_the_best_threshold_lies_between_the_last_right_and_the_first_wrong() -> None:
    detections = [[found(HERE, 0.9), found(THERE, 0.6), found(NOWHERE, 0.2)]]
    truths = [[true(HERE), true(THERE)]]
    assert best_score_threshold(detections, truths) == pytest.approx(0.4)
    assert best_score_threshold([[found(HERE, 0.6)]], [[true(HERE)]]) == pytest.approx(0.3)


def test_judging_by_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no object"):
        mean_average_precision([[found(HERE, 0.9)]], [[]])
    with pytest.raises(ValueError, match="no detection"):
        best_score_threshold([[]], [[true(HERE)]])


def test_pictures_and_truths_go_in_pairs() -> None:
    with pytest.raises(ValueError, match="argument"):
        mean_average_precision([], [[true(HERE)]])
