"""Results drawn into the picture: the enhanced media of TR 26.927 5.1.1.1.

Boxes in one colour per label, captions that stay inside the picture and do not lie on one another,
a counting line and movement counters. Sizes follow the picture's, so a frame of 320 x 192 and one
of 4K are both legible. Nothing here finds, tracks or counts; it draws what it is given.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from fivegms_engine.tasks.results import Box, Detection

Colour = tuple[int, int, int]

PALETTE: tuple[Colour, ...] = (
    (255, 99, 71),
    (64, 196, 255),
    (255, 202, 40),
    (124, 220, 90),
    (224, 122, 255),
    (255, 145, 0),
    (29, 233, 182),
    (255, 128, 171),
    (140, 158, 255),
    (212, 225, 87),
)
"""Colours by label number, told apart on light and dark ground alike."""

_INK: Colour = (18, 18, 18)
_PAPER: Colour = (255, 255, 255)
_LINE: Colour = (255, 255, 255)
_STROKE_SHARE = 1 / 300  # width of a line, as a share of the shorter side
_TEXT_LEAST = 6.0  # pixels; text grows more slowly than the picture does
_TEXT_SHARE = 1 / 36


def draw_detections(
    pixels: NDArray[np.uint8],
    detections: Sequence[Detection],
    counters: Mapping[str, int] | None = None,
    line: Box | None = None,
) -> NDArray[np.uint8]:
    """A copy of a picture, [H, W, 3] uint8 RGB, with results drawn into it.

    A caption has the label, the track where there is one, and the score in percent. `line` runs
    from (x0, y0) to (x1, y1); `counters` are shown in their own order at the lower left.
    """
    sheet = _Sheet(pixels)
    if line is not None:
        sheet.line(line)
    for detection in detections:
        sheet.frame(detection.box, _colour(detection.label_index))
    for detection in sorted(detections, key=lambda one: one.score):
        sheet.caption(detection.box, caption(detection), _colour(detection.label_index))
    if counters:
        sheet.footer("   ".join(f"{name} {count}" for name, count in counters.items()))
    return sheet.pixels()


def caption(detection: Detection) -> str:
    """What is written at a box, such as `7 #3 98%`."""
    track = "" if detection.track is None else f" #{detection.track}"
    return f"{detection.label}{track} {detection.score:.0%}"


def _colour(label_index: int) -> Colour:
    return PALETTE[label_index % len(PALETTE)]


class _Sheet:
    """A picture being drawn upon."""

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        self._image = Image.fromarray(pixels)
        self._draw = ImageDraw.Draw(self._image, "RGBA")
        self._width, self._height = self._image.size
        side = min(self._width, self._height)
        self._stroke = max(1, round(side * _STROKE_SHARE))
        self._font = ImageFont.load_default(_TEXT_LEAST + side * _TEXT_SHARE)
        self._taken: list[Box] = []

    def pixels(self) -> NDArray[np.uint8]:
        return np.array(self._image)

    def line(self, ends: Box) -> None:
        width = self._stroke
        self._draw.line(ends, fill=(*_INK, 120), width=width + 2)
        self._draw.line(ends, fill=(*_LINE, 200), width=width)

    def frame(self, box: Box, colour: Colour) -> None:
        x0, y0, x1, y1 = (round(side) for side in box)
        inner = (x0, y0, max(x0, x1 - 1), max(y0, y1 - 1))
        halo = (inner[0] - 1, inner[1] - 1, inner[2] + 1, inner[3] + 1)
        self._draw.rectangle(halo, outline=(*_INK, 110), width=self._stroke + 2)
        self._draw.rectangle(inner, outline=colour, width=self._stroke)

    def caption(self, box: Box, text: str, colour: Colour) -> None:
        width, height = self._measure(text)
        label = self._free_place(box, width, height)
        self._taken.append(label)
        self._label(label, text, _INK, colour)

    def footer(self, text: str) -> None:
        width, height = self._measure(text)
        gap = 2 * self._stroke
        top = self._height - height - gap
        self._label((gap, top, gap + width, top + height), text, _PAPER, (*_INK, 190))

    def _label(
        self, place: Box, text: str, ink: Colour, paper: Colour | tuple[int, int, int, int]
    ) -> None:
        self._draw.rounded_rectangle(place, radius=2 * self._stroke, fill=paper)
        middle = ((place[0] + place[2]) / 2, (place[1] + place[3]) / 2)
        self._draw.text(middle, text, fill=ink, font=self._font, anchor="mm")

    def _measure(self, text: str) -> tuple[float, float]:
        _, top, _, bottom = self._font.getbbox("0" + text)
        margin = 2 * self._stroke
        return self._font.getlength(text) + 2 * margin + 1, bottom - top + 2 * margin

    def _free_place(self, box: Box, width: float, height: float) -> Box:
        """Above the box, else below, else inside, wherever no other caption lies."""
        x = min(max(0.0, round(box[0]) - 1.0), self._width - width)
        tops = (box[1] - height - 1, box[3] + 1, box[1] + 1)
        places = [(x, float(round(top)), x + width, round(top) + height) for top in tops]
        inside = [p for p in places if p[1] >= 0 and p[3] <= self._height]
        free = [p for p in inside if not any(_meet(p, other) for other in self._taken)]
        return (free or inside or places)[0]


def _meet(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
