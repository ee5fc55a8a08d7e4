"""How good a detector is: figures over a media file and its ground truth, or over scenes.

The detector under test runs as it will in service: the same engine, the same task, the frames that
a decoder gives. This module owns the figures and no opinion of them.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from fivegms_engine.graph import separate
from fivegms_engine.media import open_frames
from fivegms_engine.session import InferenceEngine
from fivegms_engine.tasks.detection_metrics import (
    average_precisions,
    best_score_threshold,
    precision_recall,
)
from fivegms_engine.tasks.ground_truth import GroundTruth, TruthObject
from fivegms_engine.tasks.object_detection import ObjectDetection
from fivegms_engine.tasks.results import Detection, ModelIO
from fivegms_testbed.detector.digits import LABELS, Split, load_glyphs
from fivegms_testbed.detector.footage import frame_truth
from fivegms_testbed.detector.places import Place, backgrounds
from fivegms_testbed.detector.scenes import compose_still

_BATCH = 8

Picture = NDArray[np.uint8]
Truth = Sequence[TruthObject]


@dataclass(frozen=True, slots=True)
class Figures:
    """Accuracy over a set of pictures. Precision and recall are those at `score_threshold`."""

    pictures: int
    objects: int
    mean_average_precision: float
    precision: float
    recall: float
    score_threshold: float
    average_precisions: dict[str, float]

    def to_json(self) -> dict[str, Any]:
        """As JSON members, shares rounded to four places."""
        members = asdict(self)
        members["average_precisions"] = {
            label: round(value, 4) for label, value in self.average_precisions.items()
        }
        return {
            name: round(value, 4) if isinstance(value, float) else value
            for name, value in members.items()
        }


class Detector:
    """An ONNX object detector, ready to run."""

    def __init__(self, model: onnx.ModelProto) -> None:
        parts = separate(model)
        weights = {weight.name: weight.array() for weight in parts.weights}
        self._model = InferenceEngine.load(parts.topology(), weights)
        self._task = ObjectDetection()
        self._io = ModelIO(self._model.inputs, self._model.outputs, LABELS)

    def detect(self, pictures: Iterable[Picture]) -> Iterator[list[Detection]]:
        """Everything that is found in each picture, whatever its score."""
        waiting = iter(pictures)
        while batch := list(islice(waiting, _BATCH)):
            feeds, placements = self._task.feeds(batch, self._io)
            yield from self._task.results(self._model.run(feeds), placements, self._io)


def measure(detector: Detector, media: Path, truth: GroundTruth, score_threshold: float) -> Figures:
    """Figures over every frame of a media file."""
    with open_frames(media) as frames:
        found = list(detector.detect(frame.pixels for frame in frames))
    truths = [truth.frame(index).objects for index in range(len(found))]
    point = precision_recall(found, truths, score_threshold=score_threshold)
    by_label = average_precisions(found, truths)
    return Figures(
        pictures=len(found),
        objects=sum(len(objects) for objects in truths),
        mean_average_precision=sum(by_label.values()) / len(by_label),
        precision=point.precision,
        recall=point.recall,
        score_threshold=score_threshold,
        average_precisions=by_label,
    )


def choose_score_threshold(
    detector: Detector,
    seed: int,
    scenes: int = 200,
    places: Sequence[Place] = (Place.PHOTOGRAPHS,),
) -> float:
    """The threshold of the largest F1 on fresh scenes of validation digits.

    Neither their digits nor those of the held-out media were trained on, and no held-out picture
    has a say in it. The scenes are shared out among `places`.
    """
    each = scenes // len(places)
    rendered = [item for place in places for item in _validation_scenes(seed, each, place)]
    pictures, truths = zip(*rendered, strict=True)
    return best_score_threshold(list(detector.detect(pictures)), truths)


def _validation_scenes(seed: int, count: int, place: Place) -> Iterator[tuple[Picture, Truth]]:
    glyphs, behind = load_glyphs(Split.VALIDATION), backgrounds(place, Split.VALIDATION)
    for index in range(count):
        scene = compose_still(np.random.default_rng([seed, index]), glyphs, behind)
        pixels, objects = scene.render(0)
        yield pixels, frame_truth(index, objects).objects
