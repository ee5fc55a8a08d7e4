"""The values that go into a task and come out of it.

`ModelIO` is what a task must know of a model, whoever read it: a manifest, or the model's own
metadata. The result kinds are those of TR 26.927 5.1.1.1: a textual indication, a score and a box;
the fourth, enhanced media, is drawn from them by `fivegms_engine.annotation`.
"""

from dataclasses import dataclass

from fivegms_manifests.model import InputProcessing, TensorInfo

Box = tuple[float, float, float, float]
"""(x0, y0, x1, y1) in pixels, the origin the upper left corner, x1 and y1 exclusive."""


@dataclass(frozen=True, slots=True)
class ModelIO:
    """A model seen from outside: its tensors, its labels, how pixels become its input."""

    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    labels: tuple[str, ...] = ()
    input_processing: InputProcessing | None = None

    def label(self, index: int) -> str:
        """The name of a label number; the number itself where the model names none."""
        return self.labels[index] if 0 <= index < len(self.labels) else str(index)


@dataclass(frozen=True, slots=True)
class Detection:
    """An object found in a picture, its box in pixels of the source picture.

    `track` is the object's number across frames, where a tracker has given it one.
    """

    box: Box
    label: str
    label_index: int
    score: float
    track: int | None = None


@dataclass(frozen=True, slots=True)
class Classification:
    """One class that a picture may show, with its probability."""

    label: str
    label_index: int
    score: float


@dataclass(frozen=True, slots=True)
class TensorSummary:
    """An output tensor of which nothing but its numbers is known.

    `minimum`, `maximum` and `mean` are over the finite elements, None where there are none.
    `finite` tells whether all elements are.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    minimum: float | None
    maximum: float | None
    mean: float | None
    finite: bool


Result = Detection | Classification | TensorSummary
