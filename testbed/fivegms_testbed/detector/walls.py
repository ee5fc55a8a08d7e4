"""Walls: backgrounds that no photograph here resembles, painted from a seed.

Brickwork with strokes sprayed over it, which look like parts of digits to a detector that knows
photographs only. The detector is fine-tuned for them, as a provider would for a new place, and the
difference between both is what an update carries. Walls of one split are seen in no other.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from fivegms_testbed.detector.digits import Split

WIDTH = 320
HEIGHT = 427
"""The size of the photographs' halves, so that scenes treat both alike."""

_PAINTED = {Split.TRAINING: 48, Split.VALIDATION: 8, Split.HELD_OUT: 16}
_SEED = 26_927
_SUPERSAMPLING = 2


def load_walls(split: Split) -> tuple[NDArray[np.uint8], ...]:
    """The walls of a split, [427, 320, 3] uint8 RGB each, always the same."""
    return tuple(
        paint_wall(np.random.default_rng([_SEED, list(Split).index(split), index]))
        for index in range(_PAINTED[split])
    )


def paint_wall(generator: np.random.Generator) -> NDArray[np.uint8]:
    """One wall: bricks, then scribbles, then a little blur and grain."""
    mortar = _shade(generator, 0.75)
    image = Image.new("RGB", (WIDTH * _SUPERSAMPLING, HEIGHT * _SUPERSAMPLING), mortar)
    draw = ImageDraw.Draw(image)
    _lay_bricks(generator, draw)
    for _ in range(int(generator.integers(110, 180))):
        _scribble(generator, draw)
    small = image.resize((WIDTH, HEIGHT), Image.Resampling.BOX)
    pixels = np.asarray(small.filter(ImageFilter.GaussianBlur(0.6)), np.float32)
    grain = generator.normal(0, 6, (HEIGHT, WIDTH, 1))
    return np.clip(pixels + grain, 0, 255).astype(np.uint8)


def _lay_bricks(generator: np.random.Generator, draw: ImageDraw.ImageDraw) -> None:
    across, down = int(generator.integers(40, 90)), int(generator.integers(18, 36))
    base = np.array(_shade(generator, 1.0), np.float64)
    for row, top in enumerate(range(0, HEIGHT * _SUPERSAMPLING, down)):
        for left in range(-(across // 2) * (row % 2), WIDTH * _SUPERSAMPLING, across):
            brick = np.clip(base * generator.uniform(0.8, 1.2), 0, 255).astype(int)
            corners = (left + 2, top + 2, left + across - 2, top + down - 2)
            draw.rectangle(corners, fill=tuple(brick))


def _scribble(generator: np.random.Generator, draw: ImageDraw.ImageDraw) -> None:
    """A stroke of a few segments that bend as a pen does, or an arc; outlined, as digits are."""
    colour = tuple(int(value) for value in generator.integers(30, 256, 3))
    outline = (20, 20, 20) if sum(colour) > 330 else (240, 240, 240)
    width = int(generator.integers(5, 13))
    x, y = generator.uniform((0, 0), (WIDTH, HEIGHT)) * _SUPERSAMPLING
    size = generator.uniform(12, 50) * _SUPERSAMPLING / 2
    if generator.uniform() < 0.35:
        start, sweep = generator.uniform(0, 360), generator.uniform(90, 330)
        for ink, thick in ((outline, width + 6), (colour, width)):
            reach = (size + thick) / 2
            box = (x - reach, y - reach, x + reach, y + reach)
            draw.arc(box, start, start + sweep, fill=ink, width=thick)
        return
    heading = generator.uniform(0, 2 * np.pi)
    points = [(float(x), float(y))]
    for _ in range(int(generator.integers(2, 5))):
        heading += generator.normal(0, 0.9)
        x, y = x + size / 2 * np.cos(heading), y + size / 2 * np.sin(heading)
        points.append((float(x), float(y)))
    for ink, thick in ((outline, width + 6), (colour, width)):
        draw.line(points, fill=ink, width=thick, joint="curve")


def _shade(generator: np.random.Generator, brightness: float) -> tuple[int, int, int]:
    """A colour of brick or plaster."""
    red = generator.uniform(90, 200)
    green, blue = red * generator.uniform(0.55, 1.0), red * generator.uniform(0.4, 0.95)
    return (int(red * brightness), int(green * brightness), int(blue * brightness))
