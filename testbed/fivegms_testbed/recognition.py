"""Running a published model over media: results per frame, tracks, counters.

This is the UE application of TR 26.927 5.2.1: a data source (a file), the model, and a data
destination (an annotated video or picture, and a JSON document).
"""

import json
import statistics
from collections.abc import Callable
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

from fivegms_client import MovementCounter, MovementCounters, RunnableModel, Scene, Tracker
from fivegms_client.association import Box
from fivegms_engine.media import open_frames
from fivegms_engine.tasks import Classification, Detection, Result, TensorSummary
from fivegms_testbed.canvas import open_canvas
from fivegms_testbed.whole_file import whole_file

TRACKED_TASK = "object-detection"


@dataclass(frozen=True, slots=True)
class FrameRecord:
    """What was found in one frame; `inference_ms` is the model alone."""

    index: int
    time_s: float
    results: tuple[Result, ...]
    inference_ms: float


@dataclass(frozen=True, slots=True)
class Recognition:
    """All frames of one media file. `counters` are None where the task tracks nothing."""

    width: int
    height: int
    frames: tuple[FrameRecord, ...]
    counters: MovementCounters | None

    @property
    def frame_ms_p50(self) -> float:
        """The median inference time of a frame, in ms."""
        return statistics.median(frame.inference_ms for frame in self.frames)

    @property
    def detections(self) -> list[list[Detection]]:
        """Per frame, the objects found."""
        return [[r for r in frame.results if isinstance(r, Detection)] for frame in self.frames]


OnFrame = Callable[[FrameRecord], None]


def _ignore_frame(_frame: FrameRecord) -> None: ...


def recognise(
    model: RunnableModel,
    media: Path,
    *,
    line: Box | None = None,
    annotated: Path | None = None,
    on_frame: OnFrame = _ignore_frame,
) -> Recognition:
    """Run `model` on every frame of `media`, following objects from frame to frame.

    `line` is a counting line in pixels; `annotated` gets the frames with the results drawn in.
    Raises EngineError for media that cannot be read, OutputUnknown, OSError.
    """
    scene, frame_rate = _scene(media, line)
    tracker = Tracker()
    records: list[FrameRecord] = []
    movements = MovementCounter(scene)
    counters = movements.count(tracker.tracks, 0)
    with open_canvas(annotated, scene, frame_rate) as canvas:
        for frame in model.run(media, tracker=tracker):
            counters = movements.count(tracker.tracks, frame.index)
            canvas.draw(frame, counters)
            records.append(
                FrameRecord(frame.index, frame.time_s, frame.results, frame.inference_ms)
            )
            on_frame(records[-1])
    tracked = model.manifest.model.task == TRACKED_TASK
    return Recognition(scene.width, scene.height, tuple(records), counters if tracked else None)


def _scene(media: Path, line: Box | None) -> tuple[Scene, Fraction]:
    """The size in which frames are shown, and their rate; a file declares its size unturned."""
    with open_frames(media) as source:
        height, width, _ = next(iter(source)).pixels.shape
        return Scene(width, height, line), source.frame_rate


def write_results(recognition: Recognition, model: RunnableModel, media: Path, path: Path) -> None:
    """Write all results as one JSON document (docs/formats.md)."""
    described = model.manifest.model
    document = {
        "media": media.name,
        "model": {"name": described.name, "version": described.version},
        "width": recognition.width,
        "height": recognition.height,
        "frames": [_frame(record) for record in recognition.frames],
        "counters": None if recognition.counters is None else asdict(recognition.counters),
    }
    with whole_file(path) as partial:
        partial.write_text(json.dumps(document, indent=1) + "\n")


_KINDS: dict[type[Result], str] = {
    Detection: "detections",
    Classification: "classifications",
    TensorSummary: "tensors",
}


def _frame(record: FrameRecord) -> dict[str, object]:
    grouped: dict[str, list[dict[str, object]]] = {"detections": []}
    for result in record.results:
        grouped.setdefault(_KINDS[type(result)], []).append(asdict(result))
    return {"index": record.index, "time_s": round(record.time_s, 6), **grouped}
