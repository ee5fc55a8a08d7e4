"""Models whose task is not known here: they run, and their outputs are summarised as numbers."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from fivegms_engine.tasks.outputs import Outputs
from fivegms_engine.tasks.pictures import Placement, picture_input
from fivegms_engine.tasks.results import ModelIO, TensorSummary
from fivegms_engine.tasks.task import Feeds


class Tensors:
    """Any other task, under its own name; nothing is known of its truth."""

    def __init__(self, name: str) -> None:
        self.name = name

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
    ) -> list[list[TensorSummary]]:
        """One summary per output for each picture.

        An output whose first dimension counts the pictures is divided among them; any other is the
        whole batch's and given to each. A summary has no score, so the threshold plays no part.
        """
        count = len(placements)
        return [
            [summarise(name, _share(tensor, i, count)) for name, tensor in outputs.items()]
            for i in range(count)
        ]

    def evaluate(
        self,
        results: Sequence[Sequence[TensorSummary]],
        truths: Sequence[object],
        score_threshold: float,
    ) -> Mapping[str, float]:
        """Nothing: what would be right is not known."""
        return {}


def summarise(name: str, tensor: NDArray[np.generic]) -> TensorSummary:
    """The numbers of one tensor of any numeric or boolean type; of others, the shape alone."""
    dtype, shape = str(tensor.dtype), tuple(tensor.shape)
    if tensor.dtype.kind not in "biuf":
        return TensorSummary(name, dtype, shape, None, None, None, finite=True)
    values = tensor.astype(np.float64)
    known = values[np.isfinite(values)]
    if not known.size:
        return TensorSummary(name, dtype, shape, None, None, None, finite=not values.size)
    low, high, mean = float(known.min()), float(known.max()), float(known.mean())
    return TensorSummary(name, dtype, shape, low, high, mean, finite=known.size == values.size)


def _share(tensor: NDArray[np.generic], index: int, count: int) -> NDArray[np.generic]:
    return tensor[index] if tensor.ndim and tensor.shape[0] == count else tensor
