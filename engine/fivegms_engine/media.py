"""Media in and out: frames of videos and images as RGB arrays, and frames written as video.

The one place where PyAV is used. A frame is [H, W, 3] uint8 RGB whatever the file holds: limited
or full range, BT.601 or BT.709, turned by its display matrix or not, so that the same picture gives
a model the same numbers. (A picture that is stored mirrored stays so.) Files are read through a
plain file object and with a fixed list of container formats; a playlist or a pattern of names
inside a file opens nothing.

It knows nothing of models or results, and it reaches no network.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self, cast

import av
import numpy as np
from av.container import InputContainer, OutputContainer
from av.error import FFmpegError
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation
from av.video.stream import VideoStream
from numpy.typing import NDArray

from fivegms_engine.errors import EngineError

MAX_PIXELS = 4096 * 4096
"""Most pixels in a frame: 48 MiB as RGB."""

_CONTAINERS = "mov,mp4,matroska,webm,avi,mpegts,ogg,png_pipe,jpeg_pipe,webp_pipe,bmp_pipe"
_CONVERSION = (
    Interpolation.BILINEAR
    | Interpolation.FULL_CHR_H_INP
    | Interpolation.FULL_CHR_H_INT
    | Interpolation.ACCURATE_RND
    | Interpolation.BITEXACT
)
_UNSPECIFIED_MATRIX = 2  # AVCOL_SPC_UNSPECIFIED, which PyAV's Colorspace leaves out
_HD_HEIGHT = 720


class MediaError(EngineError):
    """Base of the errors of reading and writing media."""


class MediaUnreadable(MediaError):
    """The file is no media of a known kind, or is damaged; says after which frame."""


class NoVideoStream(MediaError):
    """The file holds no picture."""


class FrameTooLarge(MediaError):
    """A frame has more pixels than are decoded."""

    def __init__(self, width: int, height: int, limit: int) -> None:
        super().__init__(f"a frame of {width} x {height} pixels; at most {limit} are decoded")
        self.width = width
        self.height = height


class MediaUnwritable(MediaError):
    """No video encoder is at hand, it refused, or there is no frame to write."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture: its number from 0 in order of presentation, its time from the first one's.

    `pixels` is [H, W, 3] uint8 RGB.
    """

    index: int
    time_s: Fraction
    pixels: NDArray[np.uint8]


class FrameSource:
    """The frames of one file in order of presentation; iterate it once. Made by `open_frames`.

    `width` and `height` are those the file declares, before any turn.
    """

    def __init__(
        self,
        opened: contextlib.ExitStack,
        container: InputContainer,
        stream: VideoStream,
        max_pixels: int,
    ) -> None:
        self._opened = opened
        self._container = container
        self._stream = stream
        self._max_pixels = max_pixels
        self.width: int = stream.codec_context.width
        self.height: int = stream.codec_context.height
        self.frame_rate: Fraction = stream.average_rate or Fraction(25)

    def __iter__(self) -> Iterator[Frame]:
        """Raises MediaUnreadable at damage, FrameTooLarge where the size grows on the way."""
        first: Fraction | None = None
        for index, decoded in enumerate(self._decode()):
            self._check(decoded)
            time_s = self._time(decoded, index)
            first = time_s if first is None else first
            yield Frame(index, time_s - first, _to_rgb(decoded))

    def _decode(self) -> Iterator[VideoFrame]:
        count = 0
        try:
            for decoded in self._container.decode(self._stream):
                yield decoded
                count += 1
        except FFmpegError as error:
            raise MediaUnreadable(f"damaged after {count} frames: {error.strerror}") from error
        if not count:
            raise MediaUnreadable("not one frame can be decoded")

    def _check(self, decoded: VideoFrame) -> None:
        if decoded.width * decoded.height > self._max_pixels:
            raise FrameTooLarge(decoded.width, decoded.height, self._max_pixels)

    def _time(self, decoded: VideoFrame, index: int) -> Fraction:
        if decoded.pts is None or decoded.time_base is None:
            return index / self.frame_rate
        return decoded.pts * decoded.time_base

    def close(self) -> None:
        """Let go of the file and the decoder."""
        self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Nameless:
    """A file without its name, or FFmpeg would open neighbours that the name may stand for."""

    def __init__(self, file: BinaryIO) -> None:
        self.read, self.seek, self.tell = file.read, file.seek, file.tell


def open_frames(source: Path | BinaryIO, max_pixels: int = MAX_PIXELS) -> FrameSource:
    """Open a video (MP4, WebM, Matroska, ...) or an image (PNG, JPEG, WebP, BMP).

    Raises MediaUnreadable, NoVideoStream and FrameTooLarge, the last before anything is decoded,
    and OSError where the file cannot be opened. The source is closed with the FrameSource.
    """
    file = source.open("rb") if isinstance(source, Path) else source
    with contextlib.ExitStack() as opened:
        opened.callback(file.close)
        container = opened.enter_context(contextlib.closing(_open_container(file)))
        stream = _picture_stream(container, max_pixels)
        return FrameSource(opened.pop_all(), container, stream, max_pixels)


def _open_container(file: BinaryIO) -> InputContainer:
    try:
        return av.open(
            _Nameless(file),
            "r",
            options={"format_whitelist": _CONTAINERS},
            metadata_errors="replace",
        )
    except FFmpegError as error:
        raise MediaUnreadable(f"no media of a known kind: {error.strerror}") from error


def _picture_stream(container: InputContainer, max_pixels: int) -> VideoStream:
    if not container.streams.video:
        raise NoVideoStream("the file holds no picture")
    stream = container.streams.video[0]
    decoder: VideoCodecContext | None = stream.codec_context
    if decoder is None:
        raise MediaUnreadable("pictures of an unknown codec")
    if decoder.width * decoder.height > max_pixels:
        raise FrameTooLarge(decoder.width, decoder.height, max_pixels)
    decoder.options = {"max_pixels": str(max_pixels)}
    return stream


def _to_rgb(decoded: VideoFrame) -> NDArray[np.uint8]:
    converted = decoded.reformat(
        format="rgb24",
        src_colorspace=_matrix(decoded),
        src_color_range=decoded.color_range or None,
        dst_color_range=ColorRange.JPEG,
        interpolation=_CONVERSION,
    )
    pixels = np.asarray(converted.to_ndarray(), np.uint8)
    return np.ascontiguousarray(np.rot90(pixels, round(decoded.rotation / 90) % 4))


def _matrix(decoded: VideoFrame) -> int:
    """The frame's colour matrix; where it says none, the usual one for its height."""
    if decoded.colorspace == _UNSPECIFIED_MATRIX:
        return _usual_matrix(decoded.height)
    return int(decoded.colorspace)


def _usual_matrix(height: int) -> Colorspace:
    return Colorspace.ITU709 if height >= _HD_HEIGHT else Colorspace.ITU601


_ENCODERS: tuple[tuple[str, dict[str, str]], ...] = (
    # Without cpu-independent, x264 may code the same frames differently from one run to the next.
    ("libx264", {"preset": "medium", "x264-params": "cpu-independent=1"}),
    ("libopenh264", {}),
    ("mpeg4", {}),
)
"""Encoders in order of preference: the first is GPL, so a build may lack it."""


class AnnotatedVideo:
    """Writes frames to an MP4 file that any player opens; the file appears complete or not at all.

    Sizes are made even by repeating the last row or column. `quality` is x264's rate factor, lower
    is better; other encoders get a bit rate of about that. `keyframe_interval` is in frames. With
    one encoder of one version, the same frames give the same bytes.

        with AnnotatedVideo(path, 320, 192, Fraction(25)) as video:
            video.write(pixels)

    Raises MediaUnwritable, and OSError where the file cannot be made.
    """

    def __init__(
        self,
        path: Path,
        width: int,
        height: int,
        frame_rate: Fraction,
        *,
        quality: int = 20,
        keyframe_interval: int = 50,
    ) -> None:
        self._path = path
        self._partial = path.with_name(f".{path.name}.partial")
        self._shape = (height, width, 3)
        self._written = 0
        name, options = _encoder()
        self._rate = frame_rate
        self._container: OutputContainer = av.open(
            str(self._partial), "w", format="mp4", options={"movflags": "+faststart"}
        )
        self._stream = cast("VideoStream", self._container.add_stream(name, rate=frame_rate))
        self._set_up(options, quality, keyframe_interval)

    def _set_up(self, options: dict[str, str], quality: int, keyframe_interval: int) -> None:
        height, width, _ = self._shape
        context = self._stream.codec_context
        context.width, context.height = width + width % 2, height + height % 2
        context.pix_fmt = "yuv420p"
        context.colorspace = _usual_matrix(height)
        context.color_range = ColorRange.MPEG
        context.gop_size = keyframe_interval
        context.thread_count = 1  # or the bytes depend on the number of cores
        context.options = {**options, "crf": str(quality)} if "preset" in options else options
        if "preset" not in options:
            context.bit_rate = _bit_rate(width, height, float(self._rate), quality)

    def write(self, pixels: NDArray[np.uint8]) -> None:
        """Append one frame, [H, W, 3] uint8 RGB of the size given at first."""
        if pixels.shape != self._shape or pixels.dtype != np.uint8:
            raise MediaUnwritable(
                f"a frame is {pixels.dtype} {list(pixels.shape)}, not uint8 {list(self._shape)}"
            )
        even = np.pad(pixels, [(0, self._shape[0] % 2), (0, self._shape[1] % 2), (0, 0)], "edge")
        frame = VideoFrame.from_ndarray(np.ascontiguousarray(even), format="rgb24").reformat(
            format="yuv420p",
            dst_colorspace=_usual_matrix(self._shape[0]),
            src_color_range=ColorRange.JPEG,
            dst_color_range=ColorRange.MPEG,
            interpolation=_CONVERSION,
        )
        frame.pts = self._written
        frame.time_base = 1 / self._rate
        self._encode(frame)
        self._written += 1

    def _encode(self, frame: VideoFrame | None) -> None:
        try:
            self._container.mux(self._stream.encode(frame))
        except FFmpegError as error:
            raise MediaUnwritable(f"the encoder refused: {error.strerror}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            with contextlib.suppress(FFmpegError):  # what is given up may well be incomplete
                self._container.close()
            self._partial.unlink(missing_ok=True)

    def _finish(self) -> None:
        if not self._written:
            raise MediaUnwritable("no frame was written")
        self._encode(None)
        try:
            self._container.close()
        except FFmpegError as error:
            raise MediaUnwritable(f"the file cannot be completed: {error.strerror}") from error
        self._partial.replace(self._path)


def _encoder() -> tuple[str, dict[str, str]]:
    for name, options in _ENCODERS:
        if name in av.codecs_available:
            return name, options
    raise MediaUnwritable("FFmpeg was built without an encoder for MP4")


def _bit_rate(width: int, height: int, frame_rate: float, quality: int) -> int:
    """Bits per second that look like x264's `quality`: halved by every six steps of it."""
    return int(0.2 * width * height * frame_rate * 2.0 ** ((20 - quality) / 6))
