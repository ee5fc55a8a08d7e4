"""What is really in a media file: the reference that a detector's results are measured against.

One JSON document per media file, written by whoever composed or labelled the media and read by the
evaluation of object detection. This module owns the document: its values, its reader, its writer
and the bounds it is read under. It knows nothing of detectors, scores or drawing.

    {"media": "clip.mp4", "labels": ["0", ...], "width": 320, "height": 192, "frameRate": [25, 1],
     "line": [x0, y0, x1, y1],
     "frames": [{"index": 0, "objects": [{"track": 3, "label": "7", "box": [x0, y0, x1, y1]}]}],
     "counters": {"entered": 1, "left": 2, "crossed": 3}}

`line` and `counters` are optional. Coordinates are pixels of the media, the origin its upper left
corner; a box's lower right corner is exclusive.
"""

from bisect import bisect_left
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from fivegms_engine.tasks.errors import GroundTruthMalformed, GroundTruthTooLarge

MAX_DOCUMENT_BYTES = 32 * 1024 * 1024
MAX_FRAMES = 100_000
MAX_OBJECTS = 1_000
MAX_LABELS = 10_000
MAX_SIDE = 16_384

_Count = Annotated[int, Field(ge=0, le=2**53)]
_Side = Annotated[int, Field(ge=1, le=MAX_SIDE)]
_Coordinate = Annotated[float, Field(ge=0, le=MAX_SIDE, allow_inf_nan=False)]
_Corners = tuple[_Coordinate, _Coordinate, _Coordinate, _Coordinate]
_Label = Annotated[str, Field(min_length=1, max_length=256)]
_RatePart = Annotated[int, Field(ge=1, le=2**31 - 1)]


class _Value(BaseModel):
    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
    )


class TruthObject(_Value):
    """One object of one frame: `box` is (x0, y0, x1, y1); `track` stays the same over frames."""

    track: _Count
    label: _Label
    box: _Corners

    @model_validator(mode="after")
    def _box_has_area(self) -> Self:
        x0, y0, x1, y1 = self.box
        if x0 >= x1 or y0 >= y1:
            raise ValueError("box has no area")
        return self


class FrameTruth(_Value):
    """The objects of the frame with that `index`, which counts from 0 in presentation order."""

    index: _Count
    objects: Annotated[tuple[TruthObject, ...], Field(max_length=MAX_OBJECTS)] = ()


class Counters(_Value):
    """Movements over the whole media.

    `entered` counts objects that came into view after the first frame, `left` those that went out
    of view before the last, `crossed` the times a centre went from one side of the line to the
    other.
    """

    entered: _Count
    left: _Count
    crossed: _Count


class GroundTruth(_Value):
    """One whole document. Frames are in increasing order of index and may leave some out."""

    media: Annotated[str, Field(min_length=1, max_length=1024)]
    labels: Annotated[tuple[_Label, ...], Field(min_length=1, max_length=MAX_LABELS)]
    width: _Side
    height: _Side
    frame_rate: tuple[_RatePart, _RatePart]
    frames: Annotated[tuple[FrameTruth, ...], Field(max_length=MAX_FRAMES)]
    line: _Corners | None = None
    counters: Counters | None = None

    @property
    def frames_per_second(self) -> Fraction:
        """`frame_rate` as a number."""
        return Fraction(*self.frame_rate)

    def frame(self, index: int) -> FrameTruth:
        """The frame with that index; one that the document leaves out has no objects."""
        place = bisect_left(self.frames, index, key=lambda frame: frame.index)
        if place < len(self.frames) and self.frames[place].index == index:
            return self.frames[place]
        return FrameTruth(index=index)

    def to_json(self) -> bytes:
        """The document, always the same bytes for the same values."""
        return self.model_dump_json(by_alias=True, exclude_none=True).encode()

    @model_validator(mode="after")
    def _frames_are_ordered(self) -> Self:
        indices = [frame.index for frame in self.frames]
        if any(a >= b for a, b in pairwise(indices)):
            raise ValueError("frames are not in increasing order of index")
        return self

    @model_validator(mode="after")
    def _objects_fit(self) -> Self:
        known = frozenset(self.labels)
        for frame in self.frames:
            for item in frame.objects:
                if item.label not in known:
                    raise ValueError(f"frame {frame.index} has label {item.label!r} not in labels")
                if item.box[2] > self.width or item.box[3] > self.height:
                    raise ValueError(f"frame {frame.index} has a box outside the frame")
        return self


def load_ground_truth(source: Path | bytes) -> GroundTruth:
    """Read a document from a file or from its bytes.

    Raises GroundTruthTooLarge before anything is parsed, GroundTruthMalformed for anything that is
    not such a document, and OSError where the file cannot be read.
    """
    size = source.stat().st_size if isinstance(source, Path) else len(source)
    if size > MAX_DOCUMENT_BYTES:
        raise GroundTruthTooLarge(size, MAX_DOCUMENT_BYTES)
    data = source.read_bytes() if isinstance(source, Path) else source
    try:
        return GroundTruth.model_validate_json(data)
    except ValidationError as refused:
        first = refused.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise GroundTruthMalformed(where, first["msg"]) from refused
