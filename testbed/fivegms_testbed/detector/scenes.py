"""Scenes: moving digits over a moving window of a photograph, and what is truly in each frame.

A scene is a value; rendering frame `i` of it gives pixels and the annotation of the same frame,
so the ground truth is exact. Everything random is drawn from the generator that the caller gives.
This module owns composition and visibility; files and detectors are unknown to it.

An object is annotated with the box of its stroke, clipped to the frame, when at least 40 % of its
stroke can be seen, that is, lies within the frame and under no other object.
"""

import colorsys
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fivegms_testbed.detector.digits import Glyph, Sprite, draw_sprite

WIDTH = 320
HEIGHT = 192
VISIBLE_SHARE = 0.4

Box = tuple[float, float, float, float]
Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Track:
    """One digit and its path. Lengths are in pixels, times in frames, angles in degrees.

    The centre of its sprite is `start` at frame 0 and moves by `velocity` per frame, swaying
    vertically by `sway` with the given period; its height is `height` and changes by `growth`
    per frame.
    """

    number: int
    glyph: Glyph
    colour: Colour
    start: tuple[float, float]
    height: float
    velocity: tuple[float, float] = (0.0, 0.0)
    sway: float = 0.0
    sway_period: float = 50.0
    growth: float = 0.0
    angle: float = 0.0
    weight: float = 0.0

    def centre(self, frame: int) -> tuple[float, float]:
        """Where the middle of the sprite is at a frame."""
        phase = 2 * math.pi * frame / self.sway_period
        return (
            self.start[0] + self.velocity[0] * frame,
            self.start[1] + self.velocity[1] * frame + self.sway * math.sin(phase),
        )

    def sprite(self, frame: int) -> Sprite:
        """The digit as it is drawn at a frame."""
        return draw_sprite(self.glyph, self.height + self.growth * frame, self.angle, self.weight)


@dataclass(frozen=True, slots=True)
class Backdrop:
    """A photograph [h, w, 3] uint8 RGB and the window of it that frame 0 and frame `last` show."""

    photograph: NDArray[np.uint8]
    first_window: Box
    last_window: Box
    last: int = 1

    def render(self, frame: int) -> NDArray[np.uint8]:
        """The window of a frame, enlarged to [192, 320, 3] uint8 RGB."""
        part = frame / self.last
        x0, y0, x1, y1 = (
            a + (b - a) * part for a, b in zip(self.first_window, self.last_window, strict=True)
        )
        image = Image.fromarray(self.photograph)
        resized = image.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC, box=(x0, y0, x1, y1))
        return np.array(resized)


@dataclass(frozen=True, slots=True)
class SceneObject:
    """One annotated object of a frame: `box` (x0, y0, x1, y1) in pixels, within the frame."""

    track: int
    label: int
    box: Box


@dataclass(frozen=True, slots=True)
class Scene:
    """Tracks over a backdrop; a later track is drawn over an earlier one."""

    backdrop: Backdrop
    tracks: tuple[Track, ...]

    def render(self, frame: int) -> tuple[NDArray[np.uint8], tuple[SceneObject, ...]]:
        """The pixels [192, 320, 3] uint8 RGB of a frame, and the objects visible in it."""
        canvas = _Canvas(self.backdrop.render(frame))
        for track in self.tracks:
            canvas.draw(track, frame)
        return canvas.pixels, canvas.visible_objects()


class _Canvas:
    """A frame being drawn, with the number of the object that owns each pixel."""

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        self.pixels = pixels
        self._owner: NDArray[np.int32] = np.full(pixels.shape[:2], -1, np.int32)
        self._drawn: list[tuple[Track, Box, int]] = []

    def draw(self, track: Track, frame: int) -> None:
        """Blend a track's sprite in, whatever part of it lies inside the frame."""
        sprite = track.sprite(frame)
        x, y = track.centre(frame)
        left, top = round(x - sprite.stroke.shape[1] / 2), round(y - sprite.stroke.shape[0] / 2)
        x0, y0, x1, y1 = sprite.box
        box = (left + x0, top + y0, left + x1, top + y1)
        ink = int((sprite.stroke > 0.5).sum())
        self._drawn.append((track, box, ink))
        self._blend(sprite, left, top, track.colour)

    def _blend(self, sprite: Sprite, left: int, top: int, colour: Colour) -> None:
        height, width = self._owner.shape
        rows = slice(max(top, 0), min(top + sprite.stroke.shape[0], height))
        columns = slice(max(left, 0), min(left + sprite.stroke.shape[1], width))
        if rows.start >= rows.stop or columns.start >= columns.stop:
            return
        cut = np.s_[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
        stroke = sprite.stroke[cut]
        shade = (0.75 * sprite.outline[cut])[..., None]
        part = self.pixels[rows, columns].astype(np.float32)
        part = part * (1 - shade) + _outline_shade(colour) * shade
        part = part * (1 - stroke[..., None]) + np.array(colour, np.float32) * stroke[..., None]
        self.pixels[rows, columns] = np.rint(part).astype(np.uint8)
        self._owner[rows, columns][stroke > 0.5] = len(self._drawn) - 1

    def visible_objects(self) -> tuple[SceneObject, ...]:
        """What is annotated of everything drawn so far."""
        seen = np.bincount(self._owner[self._owner >= 0], minlength=len(self._drawn))
        return tuple(
            SceneObject(track.number, track.glyph.label, self._clip(box))
            for (track, box, ink), pixels in zip(self._drawn, seen, strict=True)
            if ink and pixels >= VISIBLE_SHARE * ink
        )

    def _clip(self, box: Box) -> Box:
        height, width = self._owner.shape
        x0, y0, x1, y1 = box
        return (
            float(max(x0, 0)),
            float(max(y0, 0)),
            float(min(x1, width)),
            float(min(y1, height)),
        )


def _outline_shade(colour: Colour) -> float:
    luma = 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]
    return 16.0 if luma > 90 else 240.0


def compose_still(
    generator: np.random.Generator,
    glyphs: Sequence[Glyph],
    photographs: Sequence[NDArray[np.uint8]],
    most: int = 9,
) -> Scene:
    """A random scene of one frame: up to `most` digits of 20 to 64 pixels, overlapping a little."""
    window = _random_window(generator, photographs[0].shape)
    photograph = photographs[int(generator.integers(len(photographs)))]
    tracks: list[Track] = []
    for _ in range(int(generator.integers(1, most + 1))):
        track = _random_track(generator, len(tracks), glyphs)
        if not any(_crowded(track, other) for other in tracks):
            tracks.append(track)
    return Scene(Backdrop(photograph, window, window), tuple(tracks))


def _random_window(generator: np.random.Generator, shape: tuple[int, ...]) -> Box:
    width = generator.uniform(0.55, 1.0) * shape[1]
    height = width * HEIGHT / WIDTH
    x, y = generator.uniform(0, shape[1] - width), generator.uniform(0, shape[0] - height)
    return (x, y, x + width, y + height)


def _random_track(generator: np.random.Generator, number: int, glyphs: Sequence[Glyph]) -> Track:
    height = math.exp(generator.uniform(math.log(20), math.log(64)))
    inset = 0.15 * height
    return Track(
        number=number,
        glyph=glyphs[int(generator.integers(len(glyphs)))],
        colour=_random_colour(generator),
        start=(
            generator.uniform(inset, WIDTH - inset),
            generator.uniform(inset, HEIGHT - inset),
        ),
        height=height,
        angle=generator.uniform(-12, 12),
        weight=generator.uniform(-1, 1),
    )


def _random_colour(generator: np.random.Generator) -> Colour:
    hue, saturation = generator.uniform(), generator.uniform(0.0, 1.0)
    value = generator.uniform(0.7, 1.0) if generator.uniform() < 0.85 else generator.uniform(0, 0.3)
    red, green, blue = colorsys.hsv_to_rgb(hue, saturation, value)
    return (round(red * 255), round(green * 255), round(blue * 255))


def _crowded(one: Track, other: Track) -> bool:
    """Whether two digits stand closer than three quarters of their mean height."""
    (x, y), (u, v) = one.start, other.start
    return math.hypot(x - u, y - v) < 0.75 * (one.height + other.height) / 2
