"""Trained arrays become the model that is shipped: with the score threshold that suits it best."""

from collections.abc import Sequence

import onnx

from fivegms_testbed.detector.evaluate import Detector, choose_score_threshold
from fivegms_testbed.detector.export import Arrays, describe, export
from fivegms_testbed.detector.places import Place

VALIDATION_SEED = 5


def with_threshold(
    arrays: Arrays, places: Sequence[Place] = (Place.PHOTOGRAPHS,)
) -> onnx.ModelProto:
    """The exported model, its threshold chosen on validation scenes before `places`."""
    detector = Detector(export(arrays, {}))
    threshold = round(choose_score_threshold(detector, VALIDATION_SEED, places=places), 3)
    return export(arrays, describe(threshold))


def threshold_of(model: onnx.ModelProto) -> float:
    """The score threshold in an exported detector's metadata."""
    properties = {entry.key: entry.value for entry in model.metadata_props}
    return float(properties["fivegms.score_threshold"])
