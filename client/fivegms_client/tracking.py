"""Objects across frames: detections of single frames joined into tracks.

A track predicts where its object is next (constant velocity); `association` says which detection
it meets there, and what is left over begins a track. A track is *confirmed* after a few hits, so
that a detector's single mistakes never become objects, and ends after some frames without one. Its
label is the one that its detections voted for, each with its score.

Pure: no pixels, no clock. Frames come in order and at an even rate.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from fivegms_client.association import (
    DEFAULT_GATE,
    Box,
    Expectation,
    Gate,
    Point,
    associate,
    centre,
)
from fivegms_engine.tasks import Detection

_NEWEST = 0.5
"""The weight of the newest step in a track's velocity."""


@dataclass(frozen=True, slots=True)
class TrackerSettings:
    """How much evidence makes a track, and how long it lasts without any.

    A detection below `new_track_score` continues a track but begins none. A track is confirmed at
    its `min_hits`-th hit and ends after `max_missed` frames without one.
    """

    gate: Gate = DEFAULT_GATE
    new_track_score: float = 0.0
    min_hits: int = 3
    max_missed: int = 12


@dataclass(slots=True)
class Track:
    """One object so far. Times are frame indices; boxes are in pixels of the source picture.

    `number` is given when the track is confirmed, from 1 upwards. `path` has the centre of every
    hit, with its frame.
    """

    first_frame: int
    first_box: Box
    last_frame: int
    last_box: Box
    path: list[tuple[int, Point]]
    number: int | None = None
    velocity: Point = (0.0, 0.0)
    votes: dict[str, float] = field(default_factory=dict)

    @classmethod
    def begin(cls, frame: int, detection: Detection) -> "Track":
        """A track of one hit."""
        box = detection.box
        votes = {detection.label: detection.score}
        return cls(frame, box, frame, box, [(frame, centre(box))], votes=votes)

    @property
    def label(self) -> str:
        """What most of its detections, weighted by score, say that the object is."""
        return max(self.votes, key=lambda label: self.votes[label])

    def expected(self, frame: int) -> Expectation:
        """Where the object should be at `frame`, at its last known size."""
        steps = frame - self.last_frame
        dx, dy = steps * self.velocity[0], steps * self.velocity[1]
        x0, y0, x1, y1 = self.last_box
        return Expectation((x0 + dx, y0 + dy, x1 + dx, y1 + dy), self.label)

    def hit(self, frame: int, detection: Detection) -> None:
        """The object was seen at `frame`."""
        self.velocity = self._velocity_to(frame, centre(detection.box))
        self.last_frame, self.last_box = frame, detection.box
        self.path.append((frame, centre(detection.box)))
        self.votes[detection.label] = self.votes.get(detection.label, 0.0) + detection.score

    def _velocity_to(self, frame: int, point: Point) -> Point:
        steps = frame - self.last_frame
        x, y = centre(self.last_box)
        step = (point[0] - x) / steps, (point[1] - y) / steps
        newest = 1.0 if len(self.path) == 1 else _NEWEST
        old_x, old_y = self.velocity
        return old_x + newest * (step[0] - old_x), old_y + newest * (step[1] - old_y)


class Tracker:
    """Follows every object of one video: `update` once per frame."""

    def __init__(self, settings: TrackerSettings = TrackerSettings()) -> None:
        self._settings = settings
        self._candidates: list[Track] = []
        self._confirmed: list[Track] = []
        self._frame: int | None = None

    @property
    def tracks(self) -> tuple[Track, ...]:
        """Every confirmed track of the video so far, by number; those that ended too."""
        return tuple(self._confirmed)

    def update(self, frame: int, detections: Sequence[Detection]) -> tuple[Detection, ...]:
        """The detections of `frame`, those of a confirmed track with its number.

        Raises ValueError for a frame that is not after the one before.
        """
        if self._frame is not None and frame <= self._frame:
            raise ValueError(f"frame {frame} does not come after frame {self._frame}")
        self._frame = frame
        live = [track for track in self._all() if self._lives(track, frame)]
        pairs = associate(
            [track.expected(frame) for track in live], detections, self._settings.gate
        )
        self._candidates = [t for t in self._candidates if self._lives(t, frame)]
        return tuple(
            self._place(frame, detection, live[pairs[index]] if index in pairs else None)
            for index, detection in enumerate(detections)
        )

    def lives(self, track: Track) -> bool:
        """Whether a track goes on after the newest frame."""
        return self._frame is None or self._lives(track, self._frame + 1)

    def _all(self) -> list[Track]:
        return self._confirmed + self._candidates

    def _lives(self, track: Track, frame: int) -> bool:
        return frame - track.last_frame - 1 <= self._settings.max_missed

    def _place(self, frame: int, detection: Detection, track: Track | None) -> Detection:
        if track is not None:
            track.hit(frame, detection)
        elif detection.score >= self._settings.new_track_score:
            track = Track.begin(frame, detection)
            self._candidates.append(track)
        else:
            return detection
        self._confirm(track)
        return replace(detection, track=track.number)

    def _confirm(self, track: Track) -> None:
        if track.number is None and len(track.path) >= self._settings.min_hits:
            self._candidates = [other for other in self._candidates if other is not track]
            self._confirmed.append(track)
            track.number = len(self._confirmed)
