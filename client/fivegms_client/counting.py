"""What moved: objects that came into view, went out of it, or crossed a line.

A pure reading of a tracker's tracks. An object came in if its track begins at the edge of the
picture after the first frame, and went out if its track ends at the edge before the last: one that
is lost in the middle of the picture was hidden or missed, and did neither.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import hypot

from fivegms_client.association import Box, Point
from fivegms_client.tracking import Track

EDGE = 0.04
"""A box is at the edge when it comes within this share of the picture's longer side."""

_SETTLED_FRAMES = 2
"""An object missed for fewer frames than this at the end of a video has not left."""

_BAND_PX = 1.0
"""A centre this close to the line is on neither side, so that jitter does not cross it."""


@dataclass(frozen=True, slots=True)
class MovementCounters:
    """How many objects came into view, went out of view, and crossed the line (either way).

    `crossed` is None where there is no line.
    """

    entered: int
    left: int
    crossed: int | None


@dataclass(frozen=True, slots=True)
class Scene:
    """The picture's size in pixels and the counting line (x0, y0, x1, y1), if there is one."""

    width: int
    height: int
    line: Box | None = None


def count_movements(tracks: Iterable[Track], scene: Scene, last_frame: int) -> MovementCounters:
    """The counters of a video whose first frame is 0 and whose newest is `last_frame`."""
    return MovementCounter(scene).count(tracks, last_frame)


class MovementCounter:
    """`count_movements` again and again over the growing tracks of one video, without rereading.

    It remembers per track where it stopped, so a frame costs what is new in it.
    """

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._crossings: dict[int, _Crossings] = {}  # by identity: a tracker keeps its tracks

    def count(self, tracks: Iterable[Track], last_frame: int) -> MovementCounters:
        """The counters now; each track of an earlier call has at most gained hits."""
        scene = self._scene
        entered = left = 0
        crossed = None if scene.line is None else 0
        for track in tracks:
            entered += track.first_frame > 0 and _at_edge(track.first_box, scene)
            gone = last_frame - track.last_frame >= _SETTLED_FRAMES
            left += gone and _at_edge(track.last_box, scene)
            if scene.line is not None and crossed is not None:
                crossings = self._crossings.setdefault(id(track), _Crossings(scene.line))
                crossed += crossings.count(track.path)
        return MovementCounters(entered, left, crossed)


@dataclass(slots=True)
class _Crossings:
    """How often a growing path changed sides within the length of the line."""

    line: Box
    crossed: int = 0
    _read: int = 0
    _clear: Point | None = None

    def count(self, path: Sequence[tuple[int, Point]]) -> int:
        """The crossings so far; reads what was added to `path` since the last call."""
        for _, point in path[self._read :]:
            if abs(_side_px(point, self.line)) > _BAND_PX:
                self.crossed += self._clear is not None and _crosses(self._clear, point, self.line)
                self._clear = point
        self._read = len(path)
        return self.crossed


def _at_edge(box: Box, scene: Scene) -> bool:
    margin = EDGE * max(scene.width, scene.height)
    return (
        box[0] <= margin
        or box[1] <= margin
        or box[2] >= scene.width - margin
        or box[3] >= scene.height - margin
    )


def _crosses(one: Point, other: Point, line: Box) -> bool:
    """Whether the step from `one` to `other` changes sides and meets the line itself."""
    sides = _side_px(one, line) * _side_px(other, line)
    return sides < 0 and _between_ends(one, other, line)


def _side_px(point: Point, line: Box) -> float:
    """The signed distance of a point from the (endless) line; 0 for a line without length."""
    x0, y0, x1, y1 = line
    length = hypot(x1 - x0, y1 - y0)
    if not length:
        return 0.0
    return ((x1 - x0) * (point[1] - y0) - (y1 - y0) * (point[0] - x0)) / length


def _between_ends(one: Point, other: Point, line: Box) -> bool:
    """Whether the step from `one` to `other`, which changes sides, meets the line itself."""
    here, there = abs(_side_px(one, line)), abs(_side_px(other, line))
    share = here / (here + there)
    x, y = (a + share * (b - a) for a, b in zip(one, other, strict=True))
    x0, y0, x1, y1 = line
    along = (x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)
    return 0 <= along <= (x1 - x0) ** 2 + (y1 - y0) ** 2
