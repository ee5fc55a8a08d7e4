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
