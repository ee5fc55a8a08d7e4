"""Image classification: what a whole picture shows.

The model's one output is logits or probabilities, float [N, classes]. A row that is not already a
distribution is turned into one by softmax, so a score is always a probability.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from fivegms_engine.tasks.errors import UnsupportedOutput
from fivegms_engine.tasks.outputs import Outputs, output
from fivegms_engine.tasks.pictures import Placement, picture_input
from fivegms_engine.tasks.results import Classification, ModelIO
from fivegms_engine.tasks.task import Feeds

MOST_RESULTS = 5
"""How many of the best classes are reported for a picture."""


class ImageClassification:
    """The task `image-classification`; a picture's truth is the name of its label."""

    name = "image-classification"

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
    ) -> list[list[Classification]]:
        """See `Task.results`; at most the five best classes of each picture."""
        if len(outputs) != 1:
            raise UnsupportedOutput(f"one output was expected, not {', '.join(outputs) or 'none'}")
        scores = output(outputs, next(iter(outputs)), "float", (len(placements), None))
        return [_best(row, io, score_threshold) for row in _probabilities(scores)]

    def evaluate(
        self,
        results: Sequence[Sequence[Classification]],
        truths: Sequence[str],
        score_threshold: float,
    ) -> Mapping[str, float]:
        """`top1`; the threshold plays no part."""
        return {"top1": top1(results, truths)}


def top1(results: Sequence[Sequence[Classification]], truths: Sequence[str]) -> float:
    """The share of pictures whose best class is the true one. Raises ValueError without any."""
    if not truths:
        raise ValueError("no picture to judge by")
    right = sum(
        bool(found) and found[0].label == truth
        for found, truth in zip(results, truths, strict=True)
    )
    return right / len(truths)


def _best(row: NDArray[np.float64], io: ModelIO, score_threshold: float) -> list[Classification]:
    order = np.argsort(-row, kind="stable")[:MOST_RESULTS]
    return [
        Classification(io.label(int(index)), int(index), float(row[index]))
        for index in order
        if row[index] >= score_threshold
    ]


def _probabilities(scores: NDArray[np.generic]) -> NDArray[np.float64]:
    values = scores.astype(np.float64)
    if np.all(values >= 0) and np.allclose(values.sum(axis=1), 1, atol=1e-3):
        return values
    raised = np.exp(values - values.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))
