"""Objects across frames: detections of single frames joined into tracks.

A track predicts where its object is next (constant velocity); `association` says which detection
it meets there, and what is left over begins a track. A track is *confirmed* once there is enough
evidence for it, so that a detector's doubtful and single finds never become objects: each hit adds
what its score has above a neutral one, each frame without a hit takes some away. It ends after some
frames without a hit. Its label is the one that its detections voted for, each with its score.

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
    distinct,
)
from fivegms_engine.tasks import Detection

_NEWEST = 0.5
"""The weight of the newest step in a track's velocity."""


@dataclass(frozen=True, slots=True)
class TrackerSettings:
    """How much evidence makes a track, and how long it lasts without any.

    A score of `neutral_score` speaks neither for nor against an object. A track is confirmed at
    its `min_hits`-th hit, or later, when its evidence reaches `min_evidence`; a frame without a hit
    costs `miss_cost`. It ends after `max_missed` frames without one. Of two detections that overlap
    by more than `max_overlap` (IoU), the better one counts.
    """

    gate: Gate = DEFAULT_GATE
    neutral_score: float = 0.5
    min_evidence: float = 1.0
    miss_cost: float = 0.1
    min_hits: int = 3
    max_missed: int = 25
    max_overlap: float = 0.6


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
    evidence: float
    number: int | None = None
    velocity: Point = (0.0, 0.0)
    votes: dict[str, float] = field(default_factory=dict)

    @classmethod
    def begin(cls, frame: int, detection: Detection, settings: TrackerSettings) -> "Track":
        """A track of one hit."""
        box = detection.box
        evidence = detection.score - settings.neutral_score
        votes = {detection.label: detection.score}
        return cls(frame, box, frame, box, [(frame, centre(box))], evidence, votes=votes)

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

    def hit(self, frame: int, detection: Detection, settings: TrackerSettings) -> None:
        """The object was seen at `frame`."""
        missed = frame - self.last_frame - 1
        self.evidence += detection.score - settings.neutral_score - settings.miss_cost * missed
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
    """Follows every object of one video: `update` once per frame.

    It remembers every track with its path; begin another for each part of a stream without end.
    """

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
        self._candidates = [track for track in self._candidates if self._lives(track, frame)]
        unmet = distinct(detections, self._settings.max_overlap)
        followed = list(detections)
        # Confirmed tracks choose first, or a double of an object would take it over.
        for tracks in (self._confirmed, self._candidates):
            met = self._meet(frame, tracks, detections, unmet)
            unmet = [index for index in unmet if index not in met]
            for index, track in met.items():
                followed[index] = self._hit(frame, detections[index], track)
        for index in unmet:
            followed[index] = self._begin(frame, detections[index])
        return tuple(followed)

    def lives(self, track: Track) -> bool:
        """Whether a track goes on after the newest frame."""
        return self._frame is None or self._lives(track, self._frame + 1)

    def _lives(self, track: Track, frame: int) -> bool:
        return frame - track.last_frame - 1 <= self._settings.max_missed

    def _meet(
        self,
        frame: int,
        tracks: Sequence[Track],
        detections: Sequence[Detection],
        among: Sequence[int],
    ) -> dict[int, Track]:
        """The track that each detection, by its index, belongs to."""
        live = [track for track in tracks if self._lives(track, frame)]
        pairs = associate(
            [track.expected(frame) for track in live],
            [detections[index] for index in among],
            self._settings.gate,
        )
        return {among[position]: live[number] for position, number in pairs.items()}

    def _hit(self, frame: int, detection: Detection, track: Track) -> Detection:
        track.hit(frame, detection, self._settings)
        self._confirm(track)
        return replace(detection, track=track.number)

    def _begin(self, frame: int, detection: Detection) -> Detection:
        track = Track.begin(frame, detection, self._settings)
        self._candidates.append(track)
        self._confirm(track)
        return replace(detection, track=track.number)

    def _confirm(self, track: Track) -> None:
        enough = (
            len(track.path) >= self._settings.min_hits
            and track.evidence >= self._settings.min_evidence
        )
        if track.number is None and enough:
            self._candidates = [other for other in self._candidates if other is not track]
            self._confirmed.append(track)
            track.number = len(self._confirmed)
