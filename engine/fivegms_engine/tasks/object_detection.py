"""Object detection: boxes with a label and a score.

The graph does the decoding. Its outputs are `boxes` float [N, K, 4] (x0, y0, x1, y1) in pixels of
the input tensor, `scores` float [N, K] in descending order, and `labels` integer [N, K].
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from fivegms_engine.tasks.detection_metrics import mean_average_precision, precision_recall
from fivegms_engine.tasks.ground_truth import TruthObject
from fivegms_engine.tasks.outputs import Outputs, output
from fivegms_engine.tasks.pictures import Placement, picture_input
from fivegms_engine.tasks.results import Detection, ModelIO
from fivegms_engine.tasks.task import Feeds


class ObjectDetection:
    """The task `object-detection`; a picture's truth is its sequence of TruthObject."""

    name = "object-detection"

    def feeds(
        self, images: Sequence[NDArray[np.uint8]], io: ModelIO
    ) -> tuple[Feeds, list[Placement]]:
        """See `Task.feeds`."""
        return picture_input(io).feed(images)

    def results(
        self,
        outputs: Outputs,
        placements: Sequence[Placement],
        io: ModelIO,
        score_threshold: float = 0.0,
    ) -> list[list[Detection]]:
        """See `Task.results`; boxes are in pixels of the source picture, clipped to it."""
        count = len(placements)
        boxes = output(outputs, "boxes", "float", (count, None, 4))
        scores = output(outputs, "scores", "float", (count, boxes.shape[1]))
        labels = output(outputs, "labels", "integer", (count, boxes.shape[1]))
        return [
            _detections(boxes[i], scores[i], labels[i], placement, io, score_threshold)
            for i, placement in enumerate(placements)
        ]

    def evaluate(
        self,
        results: Sequence[Sequence[Detection]],
        truths: Sequence[Sequence[TruthObject]],
        score_threshold: float,
    ) -> Mapping[str, float]:
        """`mAP@0.5` over all results; `precision` and `recall` of those above the threshold."""
        point = precision_recall(results, truths, score_threshold=score_threshold)
        return {
            "mAP@0.5": mean_average_precision(results, truths),
            "precision": point.precision,
            "recall": point.recall,
        }


def _detections(
    boxes: NDArray[np.generic],
    scores: NDArray[np.generic],
    labels: NDArray[np.generic],
    placement: Placement,
    io: ModelIO,
    score_threshold: float,
) -> list[Detection]:
    """The detections of one picture, those without area or finite numbers left out."""
    places = placement.to_source(boxes.astype(np.float64))
    found = []
    for box, score, index in zip(places.tolist(), scores.tolist(), labels.tolist(), strict=True):
        x0, y0, x1, y1 = box
        if score >= score_threshold and x0 < x1 and y0 < y1:
            found.append(Detection((x0, y0, x1, y1), io.label(index), index, score))
    return found
