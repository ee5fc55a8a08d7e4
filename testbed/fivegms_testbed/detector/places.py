"""Where scenes play: what the detector was made for, and what it is fine-tuned for."""

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from fivegms_testbed.detector.digits import Split, load_backgrounds
from fivegms_testbed.detector.walls import load_walls


class Place(StrEnum):
    """A kind of background."""

    PHOTOGRAPHS = "photographs"
    WALLS = "walls"


def backgrounds(place: Place, split: Split) -> tuple[NDArray[np.uint8], ...]:
    """The backgrounds of a split, [427, 320, 3] uint8 RGB each."""
    return load_walls(split) if place is Place.WALLS else load_backgrounds(split)
