"""The boxes that a detector starts from: some of each shape at every cell of a grid."""

from collections.abc import Sequence
from math import sqrt

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float32]
BoxShape = tuple[float, float]
"""Width and height in pixels."""


def grid(cells: int, stride: float, shapes: Sequence[BoxShape]) -> Boxes:
    """Boxes [cells * cells * len(shapes), 4]: centre x, centre y, width, height, in pixels."""
    centres = (np.arange(cells) + 0.5) * stride
    y, x = np.meshgrid(centres, centres, indexing="ij")
    places = np.stack([x, y], axis=-1).reshape(-1, 1, 2)
    sizes = np.asarray(shapes).reshape(1, -1, 2)
    both = np.broadcast_arrays(places, sizes)
    return np.concatenate(both, axis=-1).reshape(-1, 4).astype(np.float32)


def shaped(size: float, ratios: Sequence[float]) -> list[BoxShape]:
    """Boxes of one area, `size` squared, one for each ratio of width to height."""
    return [(size * sqrt(ratio), size / sqrt(ratio)) for ratio in ratios]
