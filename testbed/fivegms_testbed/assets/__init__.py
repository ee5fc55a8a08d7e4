"""The model and media that the project ships, as files and as what they hold.

`digits_detector.md` says what the detector is, how good it is, and what the media are made of.
Paths are valid for as long as the package is installed as files, which is how it is distributed.
"""

from importlib.resources import files
from pathlib import Path

from fivegms_engine.tasks.ground_truth import GroundTruth, load_ground_truth


def _file(name: str) -> Path:
    return Path(str(files(__name__) / name))


def detector_model() -> Path:
    """`digits_detector.onnx`: finds handwritten digits in pictures of 320 x 192 pixels."""
    return _file("digits_detector.onnx")


def detector_card() -> Path:
    """`digits_detector.md`, its model card."""
    return _file("digits_detector.md")


def detector_figures() -> Path:
    """`digits_detector.json`, the card's figures by media file."""
    return _file("digits_detector.json")


def clip() -> Path:
    """`clip.mp4`: ten seconds, 25 frames per second, digits that cross a panning landscape."""
    return _file("clip.mp4")


def clip_truth() -> GroundTruth:
    """What every frame of the clip shows, with movement counters and their line."""
    return load_ground_truth(_file("clip.json"))


def evaluation_set() -> Path:
    """`evaluation.mp4`: 120 independent pictures to measure a detector with."""
    return _file("evaluation.mp4")


def evaluation_truth() -> GroundTruth:
    """What every picture of the evaluation set shows."""
    return load_ground_truth(_file("evaluation.json"))


def walls_detector() -> Path:
    """`digits_detector_walls.onnx`: the detector fine-tuned for walls, all layers."""
    return _file("digits_detector_walls.onnx")


def heads_detector() -> Path:
    """`digits_detector_heads.onnx`: the detector with its heads fine-tuned for walls."""
    return _file("digits_detector_heads.onnx")


def small_detector() -> Path:
    """`digits_detector_small.onnx`: a quarter of the parameters, distilled from the detector."""
    return _file("digits_detector_small.onnx")


def derived_figures() -> Path:
    """`digits_detector_derived.json`: the figures of the three above, beside the detector's."""
    return _file("digits_detector_derived.json")


def derived_card() -> Path:
    """`digits_detector_derived.md`, the model card of the three."""
    return _file("digits_detector_derived.md")


def walls_evaluation_set() -> Path:
    """`evaluation_walls.mp4`: the pictures of `evaluation.mp4` before walls."""
    return _file("evaluation_walls.mp4")


def walls_evaluation_truth() -> GroundTruth:
    """What every picture of it shows."""
    return load_ground_truth(_file("evaluation_walls.json"))
