"""The material of every scene: handwritten digits and photographs, divided before any use.

Digits are scikit-learn's copy of the UCI "Optical Recognition of Handwritten Digits" test set:
1,797 bitmaps of 8x8 pixels by 13 writers, in the order in which they were collected. The division
is by contiguous index, so the held-out digits are largely of writers the training never saw.
Photographs are scikit-learn's two sample images; training and validation see only their left half,
held-out scenes only their right half.

This module owns the division and how one bitmap becomes a smooth sprite. It knows nothing of
motion, frames or networks.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

LABELS = tuple(str(digit) for digit in range(10))

GLYPH_SIDE = 8
GLYPH_MAXIMUM = 16
_MARGIN = 2  # blank cells around a bitmap, so that neither rotation nor outline is cut off
_OVERSAMPLING = 4


class Split(StrEnum):
    """The part of the material a scene may be made of."""

    TRAINING = "training"
    VALIDATION = "validation"
    HELD_OUT = "held-out"


_DIGIT_SHARES = {
    Split.TRAINING: (0.0, 0.7),
    Split.VALIDATION: (0.7, 0.8),
    Split.HELD_OUT: (0.8, 1.0),
}
_PHOTOGRAPH_SHARES = {
    Split.TRAINING: (0.0, 0.5),
    Split.VALIDATION: (0.0, 0.5),
    Split.HELD_OUT: (0.5, 1.0),
}


@dataclass(frozen=True, slots=True)
class Glyph:
    """One handwritten digit: `pixels` [8, 8] uint8 in 0..16, as the data set has it."""

    pixels: NDArray[np.uint8]
    label: int
    index: int


@dataclass(frozen=True, slots=True)
class Sprite:
    """A digit drawn at its final size.

    `stroke` and `outline` are [h, w] float32 coverage in 0..1, the outline reaching beyond the
    stroke; `box` (x0, y0, x1, y1) bounds the stroke within them, in pixels, x1 and y1 exclusive.
    """

    stroke: NDArray[np.float32]
    outline: NDArray[np.float32]
    box: tuple[int, int, int, int]


def load_glyphs(split: Split) -> tuple[Glyph, ...]:
    """The digits of one part of the data set, in its order."""
    from sklearn.datasets import load_digits

    data = load_digits()
    first, end = (round(share * len(data.images)) for share in _DIGIT_SHARES[split])
    return tuple(
        Glyph(data.images[index].astype(np.uint8), int(data.target[index]), index)
        for index in range(first, end)
    )


def load_backgrounds(split: Split) -> tuple[NDArray[np.uint8], ...]:
    """The part of each photograph that scenes of `split` may show, [427, 320, 3] uint8 RGB."""
    from sklearn.datasets import load_sample_images

    regions = []
    for photograph in load_sample_images().images:
        first, end = (round(share * photograph.shape[1]) for share in _PHOTOGRAPH_SHARES[split])
        regions.append(np.ascontiguousarray(photograph[:, first:end]))
    return tuple(regions)


def draw_sprite(glyph: Glyph, height: float, angle: float = 0.0, weight: float = 0.0) -> Sprite:
    """Draw a digit `height` pixels high, turned by `angle` degrees.

    `weight` in -1..1 makes the stroke thinner or bolder by moving the level at which grey
    becomes ink. The bitmap is enlarged with a bicubic filter, so strokes are smooth.
    """
    scale = height / GLYPH_SIDE
    side = max(1, round((GLYPH_SIDE + 2 * _MARGIN) * scale))
    ink = _enlarge(glyph, side * _OVERSAMPLING, angle)
    level = 0.42 - 0.12 * weight
    large = np.clip((ink - level) / 0.16 + 0.5, 0.0, 1.0)
    stroke = _resize(large, side)
    return Sprite(stroke, _outline(stroke, height), _bounds(stroke > 0.5))


def _enlarge(glyph: Glyph, side: int, angle: float) -> NDArray[np.float32]:
    padded = np.pad(glyph.pixels.astype(np.float32) / GLYPH_MAXIMUM, _MARGIN)
    image = Image.fromarray(padded).resize((side, side), Image.Resampling.BICUBIC)
    return np.asarray(image.rotate(angle, Image.Resampling.BILINEAR), np.float32)


def _resize(plane: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    image = Image.fromarray(plane.astype(np.float32))
    return np.asarray(image.resize((side, side), Image.Resampling.BOX), np.float32)


def _outline(stroke: NDArray[np.float32], height: float) -> NDArray[np.float32]:
    image = Image.fromarray((stroke * 255).astype(np.uint8))
    reach = max(3, 2 * round(height / 24) + 1)
    spread = image.filter(ImageFilter.MaxFilter(reach)).filter(ImageFilter.GaussianBlur(0.8))
    return np.asarray(spread, np.float32) / np.float32(255)


def _bounds(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size:
        return (0, 0, 0, 0)
    return (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
