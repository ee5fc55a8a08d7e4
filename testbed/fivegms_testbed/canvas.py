"""Where annotated frames go: into a video, a picture, or nowhere.

`open_canvas` chooses by the file's name; each canvas is a context manager that makes its file
appear complete or not at all.
"""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Protocol

from PIL import Image

from fivegms_client import FrameResult, MovementCounters, Scene
from fivegms_engine.annotation import draw_detections
from fivegms_engine.media import AnnotatedVideo
from fivegms_testbed.errors import BadFile
from fivegms_testbed.whole_file import whole_file

VIDEO_SUFFIXES = frozenset({".mp4", ".m4v"})
PICTURE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp"})


class OutputUnknown(BadFile):
    """The name of the annotated file says neither video nor picture."""


class Canvas(Protocol):
    """Something that frames are drawn on."""

    def draw(self, frame: FrameResult, counters: MovementCounters) -> None:
        """Add a frame with its detections and the counters so far."""


class _Nowhere:
    def draw(self, frame: FrameResult, counters: MovementCounters) -> None: ...


class _VideoCanvas(AbstractContextManager["_VideoCanvas"]):
    def __init__(self, path: Path, scene: Scene, frame_rate: Fraction) -> None:
        self._line = scene.line
        self._video = AnnotatedVideo(path, scene.width, scene.height, frame_rate)

    def draw(self, frame: FrameResult, counters: MovementCounters) -> None:
        self._video.write(
            draw_detections(frame.pixels, frame.detections, _shown(counters), self._line)
        )

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._video.__exit__(kind, error, traceback)


def _shown(counters: MovementCounters) -> dict[str, int]:
    return {name: count for name, count in asdict(counters).items() if count is not None}


class _PictureCanvas(AbstractContextManager["_PictureCanvas"]):
    """Keeps the last frame, and writes it at the end; of a picture, there is one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._last: FrameResult | None = None

    def draw(self, frame: FrameResult, counters: MovementCounters) -> None:
        self._last = frame

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None and self._last is not None:
            self._save(self._last)

    def _save(self, frame: FrameResult) -> None:
        with whole_file(self._path) as partial:
            Image.fromarray(draw_detections(frame.pixels, frame.detections)).save(partial)


def open_canvas(
    path: Path | None, scene: Scene, frame_rate: Fraction
) -> AbstractContextManager[Canvas]:
    """The canvas for `path`; None draws nowhere. Raises OutputUnknown."""
    if path is None:
        return nullcontext(_Nowhere())
    if path.suffix.lower() in VIDEO_SUFFIXES:
        return _VideoCanvas(path, scene, frame_rate)
    if path.suffix.lower() in PICTURE_SUFFIXES:
        return _PictureCanvas(path)
    raise OutputUnknown(f"{path.name} is neither a video (.mp4) nor a picture (.png, .jpg)")
