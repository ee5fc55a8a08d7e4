"""How good detections are: average precision, and precision and recall at a threshold.

A detection is right when it overlaps a true object of its label, that no better-scored detection
of the same picture has taken, by at least the given intersection over union. Average precision is
the area under the precision-recall curve with precision made monotonic, at every recall reached
(all-point interpolation, as in PASCAL VOC 2010 and later); its mean is over the labels that occur
in the truth.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fivegms_engine.tasks.ground_truth import TruthObject
from fivegms_engine.tasks.results import Detection

Detections = Sequence[Sequence[Detection]]
"""Per picture, what was found."""

Truths = Sequence[Sequence[TruthObject]]
"""Per picture, what is there."""


@dataclass(frozen=True, slots=True)
class PrecisionRecall:
    """Counts over all labels at one threshold. A share of nothing is 1."""

    true_positives: int
    false_positives: int
    false_negatives: int

    @property
    def precision(self) -> float:
        """The share of detections that are right."""
        found = self.true_positives + self.false_positives
        return self.true_positives / found if found else 1.0

    @property
    def recall(self) -> float:
        """The share of true objects that were found."""
        there = self.true_positives + self.false_negatives
        return self.true_positives / there if there else 1.0


@dataclass(frozen=True, slots=True)
class _Judged:
    """Detections in descending order of score and whether each is right; how many objects exist."""

    scores: NDArray[np.float64]
    right: NDArray[np.bool_]
    truths: int


def mean_average_precision(detections: Detections, truths: Truths, iou: float = 0.5) -> float:
    """The mean of `average_precisions`. Raises ValueError when the truth has no object at all."""
    precisions = average_precisions(detections, truths, iou)
    if not precisions:
        raise ValueError("no object to judge by")
    return sum(precisions.values()) / len(precisions)


def average_precisions(
    detections: Detections, truths: Truths, iou: float = 0.5
) -> dict[str, float]:
    """Average precision by label, for every label that occurs in the truth."""
    labels = sorted({item.label for picture in truths for item in picture})
    return {label: _average_precision(_judge(detections, truths, iou, label)) for label in labels}


def precision_recall(
    detections: Detections, truths: Truths, iou: float = 0.5, score_threshold: float = 0.5
) -> PrecisionRecall:
    """Precision and recall of the detections of at least that score, all labels together."""
    kept = [[one for one in picture if one.score >= score_threshold] for picture in detections]
    judged = _judge_all(kept, truths, iou)
    right = int(judged.right.sum())
    return PrecisionRecall(right, len(judged.right) - right, judged.truths - right)


def best_score_threshold(detections: Detections, truths: Truths, iou: float = 0.5) -> float:
    """The score that, as a threshold, gives the largest F1. Raises ValueError without detections.

    It is the middle between the last score kept and the first dropped, so that a slightly
    different engine decides the same.
    """
    judged = _judge_all(detections, truths, iou)
    if not judged.scores.size:
        raise ValueError("no detection to choose a threshold from")
    kept = np.arange(1, len(judged.right) + 1)
    f1 = 2 * np.cumsum(judged.right) / (kept + judged.truths)
    best = int(np.argmax(f1))
    following = judged.scores[best + 1] if best + 1 < len(judged.scores) else 0.0
    return float((judged.scores[best] + following) / 2)


def overlap(boxes: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Intersection over union of every pair of boxes, [A, 4] and [B, 4] -> [A, B]."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    union = _areas(boxes)[:, None] + _areas(others)[None, :] - shared
    share: NDArray[np.float64] = np.zeros_like(shared)
    np.divide(shared, union, out=share, where=union > 0)
    return share


def _areas(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray((boxes[:, 2:] - boxes[:, :2]).prod(axis=1))


def _average_precision(judged: _Judged) -> float:
    right = np.cumsum(judged.right)
    precision = right / np.arange(1, len(right) + 1)
    falling = np.maximum.accumulate(precision[::-1])[::-1]
    return float(falling[judged.right].sum() / judged.truths)


def _judge_all(detections: Detections, truths: Truths, iou: float) -> _Judged:
    labels = {one.label for picture in detections for one in picture}
    labels |= {one.label for picture in truths for one in picture}
    parts = [_judge(detections, truths, iou, label) for label in sorted(labels)]
    scores = np.concatenate([part.scores for part in parts] or [np.empty(0)])
    right = np.concatenate([part.right for part in parts] or [np.empty(0, bool)])
    order = np.argsort(-scores, kind="stable")
    return _Judged(scores[order], right[order], sum(part.truths for part in parts))


def _judge(detections: Detections, truths: Truths, iou: float, label: str) -> _Judged:
    """Judge the detections of one label over all pictures."""
    scores: list[float] = []
    right: list[bool] = []
    objects = 0
    for found, there in zip(detections, truths, strict=True):
        ranked = sorted((d for d in found if d.label == label), key=lambda d: -d.score)
        boxes = [item.box for item in there if item.label == label]
        scores += [detection.score for detection in ranked]
        right += _match([detection.box for detection in ranked], boxes, iou)
        objects += len(boxes)
    order = np.argsort(-np.array(scores, np.float64), kind="stable")
    return _Judged(np.array(scores, np.float64)[order], np.array(right, bool)[order], objects)


def _match(
    found: Sequence[tuple[float, float, float, float]],
    there: Sequence[tuple[float, float, float, float]],
    iou: float,
) -> list[bool]:
    """For each box found, best first, whether it takes an object that is still free."""
    overlaps = overlap(_array(found), _array(there))
    right = []
    for row in overlaps:
        best = int(np.argmax(row)) if row.size else -1
        right.append(best >= 0 and bool(row[best] >= iou))
        if right[-1]:
            overlaps[:, best] = -1.0
    return right


def _array(boxes: Sequence[tuple[float, float, float, float]]) -> NDArray[np.float64]:
    return np.array(boxes, np.float64).reshape(-1, 4)
