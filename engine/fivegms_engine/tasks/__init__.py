"""What a model's tensors mean: pictures to input tensors, output tensors to results.

`task_named("object-detection")` gives the task that a manifest names. A task is pure: numpy and
values in, values out; running the model between `feeds` and `results` is the session's part, and
reading pictures is `fivegms_engine.media`'s.
"""

from fivegms_engine.tasks.ground_truth import GroundTruth, TruthObject, load_ground_truth
from fivegms_engine.tasks.pictures import Placement
from fivegms_engine.tasks.registry import task_named
from fivegms_engine.tasks.results import (
    Classification,
    Detection,
    ModelIO,
    Result,
    TensorSummary,
)
from fivegms_engine.tasks.task import Task

__all__ = [
    "Classification",
    "Detection",
    "GroundTruth",
    "ModelIO",
    "Placement",
    "Result",
    "Task",
    "TensorSummary",
    "TruthObject",
    "load_ground_truth",
    "task_named",
]
