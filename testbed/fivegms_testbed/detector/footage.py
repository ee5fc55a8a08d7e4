"""The media that the project ships: one clip to watch and one set of pictures to measure with.

Both are made of held-out material only. The clip is a choreography, written here as a table; the
evaluation set is a video of independent pictures, every one a key frame. Each comes with its ground
truth, whose counters are counted from the annotations, never set by hand.
"""

import colorsys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fivegms_engine.media import AnnotatedVideo
from fivegms_engine.tasks.ground_truth import Counters, FrameTruth, GroundTruth, TruthObject
from fivegms_testbed.detector.digits import LABELS, Glyph, Split, load_backgrounds, load_glyphs
from fivegms_testbed.detector.places import Place, backgrounds
from fivegms_testbed.detector.scenes import (
    HEIGHT,
    WIDTH,
    Backdrop,
    Scene,
    SceneObject,
    Track,
    compose_still,
)

FRAME_RATE = Fraction(25)
CLIP_FRAMES = 250
EVALUATION_FRAMES = 120
EVALUATION_SEED = 26_927
LINE = (WIDTH / 2, 0.0, WIDTH / 2, float(HEIGHT))

_CLIP_QUALITY = 21
_EVALUATION_QUALITY = 19

Rendered = tuple[NDArray[np.uint8], tuple[SceneObject, ...]]


@dataclass(frozen=True, slots=True)
class Cue:
    """One digit of the clip: at frame `frame` it is at `place` and moves by `velocity` per frame.

    `glyph` is its index in the data set, `hue` in 0..1; negative is white.
    """

    glyph: int
    hue: float
    height: float
    frame: int
    place: tuple[float, float]
    velocity: tuple[float, float]
    sway: float = 0.0
    angle: float = 0.0


_CUES = (
    Cue(1467, 0.13, 44, 0, (70, 48), (0.9, 0.0), sway=6),  # 7: stays, crosses
    Cue(1460, 0.52, 38, 0, (240, 146), (-1.2, 0.0), sway=5),  # 3: crosses, leaves
    Cue(1480, 0.33, 30, 0, (268, 62), (0.5, -0.08)),  # 6: leaves on the right
    Cue(1447, 0.95, 48, 5, (-30, 104), (1.75, 0.0), sway=8, angle=5),  # 5: enters, crosses, leaves
    Cue(1487, 0.08, 36, 30, (350, 34), (-1.5, 0.02), angle=-6),  # 0: enters, crosses
    Cue(1446, -1.0, 42, 60, (92, 222), (0.1, -1.45)),  # 9: enters below, leaves above
    Cue(1462, 0.78, 34, 65, (-20, 164), (1.1, -0.02), sway=4),  # 1: enters, crosses
    Cue(1472, 0.58, 40, 95, (345, 158), (-0.9, 0.0), sway=5),  # 2: enters, stays on its side
    Cue(1453, 0.45, 50, 115, (-28, 78), (1.6, 0.03), angle=4),  # 8: enters, crosses
    Cue(1456, 0.16, 46, 145, (228, -26), (-0.9, 1.1)),  # 4: enters above, crosses
)

_CLIP_PHOTOGRAPH = 0
_FIRST_WINDOW = (5.0, 190.0, 225.0, 322.0)
_LAST_WINDOW = (95.0, 120.0, 315.0, 252.0)


def write_clip(folder: Path) -> GroundTruth:
    """Write `clip.mp4` and `clip.json`: ten seconds at 25 frames per second."""
    scene = compose_clip(load_glyphs(Split.HELD_OUT), load_backgrounds(Split.HELD_OUT))
    frames = _write(folder / "clip.mp4", scene.render, CLIP_FRAMES, _CLIP_QUALITY, 50)
    return _write_truth(folder, "clip.mp4", frames, LINE, count_movements(frames))


def write_evaluation(folder: Path, place: Place = Place.PHOTOGRAPHS) -> GroundTruth:
    """Write `evaluation.mp4` and `evaluation.json`: 120 independent pictures.

    Those before walls are `evaluation_walls`.
    """
    glyphs, behind = load_glyphs(Split.HELD_OUT), backgrounds(place, Split.HELD_OUT)

    def render(index: int) -> Rendered:
        generator = np.random.default_rng([EVALUATION_SEED, index])
        return compose_still(generator, glyphs, behind).render(0)

    path = folder / ("evaluation.mp4" if place is Place.PHOTOGRAPHS else f"evaluation_{place}.mp4")
    frames = _write(path, render, EVALUATION_FRAMES, _EVALUATION_QUALITY, 1)
    return _write_truth(folder, path.name, frames)


def compose_clip(glyphs: Sequence[Glyph], photographs: Sequence[NDArray[np.uint8]]) -> Scene:
    """The clip's scene. Raises KeyError when a digit it needs is not among `glyphs`."""
    by_index = {glyph.index: glyph for glyph in glyphs}
    tracks = tuple(
        _track(number, cue, by_index[cue.glyph]) for number, cue in enumerate(_CUES, start=1)
    )
    photograph = photographs[_CLIP_PHOTOGRAPH]
    return Scene(Backdrop(photograph, _FIRST_WINDOW, _LAST_WINDOW, CLIP_FRAMES - 1), tracks)


def _track(number: int, cue: Cue, glyph: Glyph) -> Track:
    (x, y), (across, down) = cue.place, cue.velocity
    return Track(
        number=number,
        glyph=glyph,
        colour=_colour(cue.hue),
        start=(x - across * cue.frame, y - down * cue.frame),
        height=cue.height,
        velocity=cue.velocity,
        sway=cue.sway,
        angle=cue.angle,
    )


def _colour(hue: float) -> tuple[int, int, int]:
    if hue < 0:
        return (245, 245, 245)
    red, green, blue = colorsys.hsv_to_rgb(hue, 0.75, 1.0)
    return (round(red * 255), round(green * 255), round(blue * 255))


def _write(
    path: Path,
    render: Callable[[int], Rendered],
    count: int,
    quality: int,
    keyframe_interval: int,
) -> tuple[FrameTruth, ...]:
    """Render and encode frames; what each of them shows."""
    truths = []
    with AnnotatedVideo(
        path, WIDTH, HEIGHT, FRAME_RATE, quality=quality, keyframe_interval=keyframe_interval
    ) as video:
        for index in range(count):
            pixels, objects = render(index)
            video.write(pixels)
            truths.append(frame_truth(index, objects))
    return tuple(truths)


def frame_truth(index: int, objects: Sequence[SceneObject]) -> FrameTruth:
    """What a rendered frame shows, as ground truth."""
    return FrameTruth(
        index=index,
        objects=tuple(
            TruthObject(track=item.track, label=LABELS[item.label], box=item.box)
            for item in objects
        ),
    )


def _write_truth(
    folder: Path,
    media: str,
    frames: tuple[FrameTruth, ...],
    line: tuple[float, float, float, float] | None = None,
    counters: Counters | None = None,
) -> GroundTruth:
    truth = GroundTruth(
        media=media,
        labels=LABELS,
        width=WIDTH,
        height=HEIGHT,
        frame_rate=FRAME_RATE.as_integer_ratio(),
        frames=frames,
        line=line,
        counters=counters,
    )
    (folder / media).with_suffix(".json").write_bytes(truth.to_json() + b"\n")
    return truth


def count_movements(frames: Sequence[FrameTruth]) -> Counters:
    """Count objects that came into view, that went out of it, and crossings of `LINE`."""
    seen: dict[int, list[int]] = {}
    centres: dict[int, list[float]] = {}
    for frame in frames:
        for item in frame.objects:
            seen.setdefault(item.track, []).append(frame.index)
            centres.setdefault(item.track, []).append((item.box[0] + item.box[2]) / 2)
    first, last = frames[0].index, frames[-1].index
    return Counters(
        entered=sum(indices[0] > first for indices in seen.values()),
        left=sum(indices[-1] < last for indices in seen.values()),
        crossed=sum(_crossings(path) for path in centres.values()),
    )


def _crossings(path: Sequence[float]) -> int:
    beyond = np.array(path) >= LINE[0]
    return int(np.count_nonzero(beyond[1:] != beyond[:-1]))
