"""Which detection belongs to which predicted box: by overlap first, then by distance.

The best pair is joined first. Greedy is as good as optimal here, because boxes of one frame rarely
compete, and it is simple to predict. Pure geometry: nothing about time, scores or tracks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot

from fivegms_engine.tasks import Detection

Box = tuple[float, float, float, float]
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Gate:
    """What is too far apart to be one object.

    `min_overlap` is IoU; `max_distance`, between centres, is in lengths of the object's longer
    side. `same_label_bonus` is added to the rating of a pair with one label.
    """

    min_overlap: float = 0.2
    max_distance: float = 1.0
    same_label_bonus: float = 0.2


DEFAULT_GATE = Gate()


@dataclass(frozen=True, slots=True)
class Expectation:
    """Where an object should be, and what it is."""

    box: Box
    label: str


def associate(
    expected: Sequence[Expectation], detections: Sequence[Detection], gate: Gate
) -> dict[int, int]:
    """The index of the expectation that each detection, by its index, meets; one to one."""
    pairs: dict[int, int] = {}
    for rate in (_overlap, _nearness):
        met = set(pairs.values())
        rated = [
            (rating + gate.same_label_bonus * (wanted.label == found.label), i, j)
            for i, wanted in enumerate(expected)
            if i not in met
            for j, found in enumerate(detections)
            if j not in pairs
            if (rating := rate(wanted.box, found.box, gate)) is not None
        ]
        for _, i, j in sorted(rated, key=lambda pair: (-pair[0], pair[1], pair[2])):
            if i not in met and j not in pairs:
                pairs[j] = i
                met.add(i)
    return pairs


def centre(box: Box) -> Point:
    """The middle of a box."""
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def intersection_over_union(one: Box, other: Box) -> float:
    """The shared area over the covered area, 0 to 1; 0 for boxes without area.

    >>> intersection_over_union((0, 0, 2, 2), (1, 0, 3, 2))
    0.3333333333333333
    """
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / (_area(one) + _area(other) - shared)


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _overlap(wanted: Box, found: Box, gate: Gate) -> float | None:
    overlap = intersection_over_union(wanted, found)
    return overlap if overlap > 0 and overlap >= gate.min_overlap else None


def _nearness(wanted: Box, found: Box, gate: Gate) -> float | None:
    (x, y), (u, v) = centre(wanted), centre(found)
    side = max(wanted[2] - wanted[0], wanted[3] - wanted[1], 1.0)
    distance = hypot(x - u, y - v) / side
    return 1 - distance if distance <= gate.max_distance else None
