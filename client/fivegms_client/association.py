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
    side; neither side may grow or shrink by a factor of more than `max_growth`, with `slack_px` to
    spare for small ones, between two sights.
    `same_label_bonus` is added to the rating of a pair with one label.
    """

    min_overlap: float = 0.2
    max_distance: float = 1.0
    max_growth: float = 1.5
    slack_px: float = 3.0
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
            if j not in pairs and _alike(wanted.box, found.box, gate)
            if (rating := rate(wanted.box, found.box, gate)) is not None
        ]
        for _, i, j in sorted(rated, key=lambda pair: (-pair[0], pair[1], pair[2])):
            if i not in met and j not in pairs:
                pairs[j] = i
                met.add(i)
    return pairs


def distinct(detections: Sequence[Detection], max_overlap: float) -> list[int]:
    """The indices of the detections that no better one covers, best first.

    Detectors that look for each label apart find some objects twice, under two labels.
    """
    kept: list[int] = []
    for index in sorted(range(len(detections)), key=lambda i: -detections[i].score):
        box = detections[index].box
        if all(intersection_over_union(box, detections[i].box) <= max_overlap for i in kept):
            kept.append(index)
    return kept


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
    covered = _area(one) + _area(other) - shared
    return shared / covered if covered > 0 else 0.0  # areas of slivers can underflow to nothing


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _alike(wanted: Box, found: Box, gate: Gate) -> bool:
    """Whether both sides are of about the same length; fragments of an object are not."""
    sides = ((box[2] - box[0], box[3] - box[1]) for box in (wanted, found))
    return all(
        max(one, other) <= gate.max_growth * min(one, other) + gate.slack_px
        for one, other in zip(*sides, strict=True)
    )


def _overlap(wanted: Box, found: Box, gate: Gate) -> float | None:
    overlap = intersection_over_union(wanted, found)
    return overlap if overlap > 0 and overlap >= gate.min_overlap else None


def _nearness(wanted: Box, found: Box, gate: Gate) -> float | None:
    (x, y), (u, v) = centre(wanted), centre(found)
    side = max(wanted[2] - wanted[0], wanted[3] - wanted[1], 1.0)
    distance = hypot(x - u, y - v) / side
    return 1 - distance if distance <= gate.max_distance else None
