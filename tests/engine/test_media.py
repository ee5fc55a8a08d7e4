"""Frames out of files and frames into files."""

import io
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageOps

from fivegms_engine.media import (
    AnnotatedVideo,
    FrameTooLarge,
    MediaError,
    MediaUnreadable,
    MediaUnwritable,
    NoVideoStream,
    open_frames,
)

RATE = Fraction(25)


def blocks(seed: int, height: int = 48, width: int = 64) -> NDArray[np.uint8]:
    """A picture of flat coloured squares, which video codes well."""
    colours = np.random.default_rng(seed).integers(0, 256, (height // 16, width // 16, 3))
    return colours.astype(np.uint8).repeat(16, 0).repeat(16, 1)


def write_video(path: Path, count: int = 5, rate: Fraction = RATE, quality: int = 12) -> Path:
    with AnnotatedVideo(path, 64, 48, rate, quality=quality, keyframe_interval=4) as video:
        for index in range(count):
            video.write(blocks(index))
    return path


def read(path: Path) -> list[NDArray[np.uint8]]:
    with open_frames(path) as frames:
        return [frame.pixels for frame in frames]


def middles(pixels: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The colour at the middle of each square, away from edges that subsampling blurs."""
    return pixels[8::16, 8::16].astype(np.int64)


@pytest.mark.requirement("R146")
def test_a_video_comes_back_frame_by_frame(tmp_path: Path) -> None:
    path = write_video(tmp_path / "video.mp4", rate=Fraction(30000, 1001))
    with open_frames(path) as source:
        frames = list(source)
        assert (source.width, source.height) == (64, 48)
        assert source.frame_rate == Fraction(30000, 1001)
    assert [frame.index for frame in frames] == [0, 1, 2, 3, 4]
    assert [frame.time_s for frame in frames] == [
        index * Fraction(1001, 30000) for index in range(5)
    ]
    for index, frame in enumerate(frames):
        assert frame.pixels.shape == (48, 64, 3)
        assert frame.pixels.dtype == np.uint8
        assert np.abs(middles(frame.pixels) - middles(blocks(index))).mean() < 4


def test_colours_have_no_bias(tmp_path: Path) -> None:
    path = write_video(tmp_path / "video.mp4", quality=1)
    errors = [middles(pixels) - middles(blocks(i)) for i, pixels in enumerate(read(path))]
    assert np.abs(np.mean(errors, axis=(0, 1, 2))).max() < 0.75


@pytest.mark.requirement("R146")
@pytest.mark.parametrize("suffix", [".png", ".bmp", ".jpg", ".webp"])
def test_an_image_is_one_frame(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"image{suffix}"
    Image.fromarray(blocks(1)).save(path, quality=100)
    with open_frames(path) as source:
        (frame,) = source
    assert (frame.index, frame.time_s) == (0, 0)
    assert np.abs(middles(frame.pixels) - middles(blocks(1))).max() <= (
        0 if suffix in (".png", ".bmp") else 8
    )


def test_grey_and_transparent_images_become_rgb(tmp_path: Path) -> None:
    grey = Image.fromarray(blocks(2)).convert("L")
    grey.save(tmp_path / "grey.png")
    Image.fromarray(blocks(2)).convert("RGBA").save(tmp_path / "transparent.png")
    assert np.array_equal(read(tmp_path / "grey.png")[0][..., 1], np.asarray(grey))
    assert np.array_equal(read(tmp_path / "transparent.png")[0], blocks(2))


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_turned_picture_is_turned_back(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    Image.fromarray(blocks(7)).save(file, "JPEG", quality=100, exif=exif)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(file.getvalue())))
    file.seek(0)
    with open_frames(file) as source:
        (frame,) = source
    assert np.abs(middles(frame.pixels) - middles(np.asarray(upright))).max() <= 8


def test_media_is_read_from_memory_too(tmp_path: Path) -> None:
    data = write_video(tmp_path / "video.mp4").read_bytes()
    with open_frames(io.BytesIO(data)) as source:
        assert len(list(source)) == 5


def encoded(
    pixels: NDArray[np.uint8], codec: str, form: str, pixel_format: str, **context: object
) -> io.BytesIO:
    """One picture encoded by PyAV directly, as another program would."""
    file = io.BytesIO()
    with av.open(file, "w", format=form) as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = pixels.shape[1], pixels.shape[0], pixel_format
        for name, value in context.items():
            setattr(stream.codec_context, name, value)
        frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(
            format=pixel_format,
            dst_colorspace=context.get("colorspace"),
            dst_color_range=context.get("color_range"),
        )
        container.mux([*stream.encode(frame), *stream.encode(None)])
    file.seek(0)
    return file


@pytest.mark.parametrize("matrix", [1, 5], ids=["BT.709", "BT.601"])
@pytest.mark.parametrize("color_range", [1, 2], ids=["limited", "full"])
def test_range_and_matrix_are_what_the_file_says(matrix: int, color_range: int) -> None:
    file = encoded(
        blocks(3),
        "mpeg4",
        "matroska",
        "yuv420p",
        colorspace=matrix,
        color_range=color_range,
        bit_rate=4_000_000,
    )
    with open_frames(file) as source:
        (frame,) = source
    assert np.abs(middles(frame.pixels) - middles(blocks(3))).mean() < 6


def test_the_matrix_of_a_file_that_says_none_goes_by_its_height() -> None:
    sd = encoded(blocks(4), "mpeg4", "matroska", "yuv420p", bit_rate=4_000_000)
    with open_frames(sd) as source:
        (frame,) = source
    assert np.abs(middles(frame.pixels) - middles(blocks(4))).mean() < 6


def test_webm_is_read() -> None:
    file = encoded(blocks(5), "libvpx-vp9", "webm", "yuv420p", bit_rate=4_000_000)
    with open_frames(file) as source:
        assert len(list(source)) == 1


def test_no_media_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "text.mp4"
    path.write_text("this is no video")
    with pytest.raises(MediaUnreadable, match="no media of a known kind"):
        open_frames(path)


def test_an_empty_file_is_refused() -> None:
    with pytest.raises(MediaUnreadable):
        open_frames(io.BytesIO())


def test_a_missing_file_is_the_callers_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_frames(tmp_path / "none.mp4")


def test_a_playlist_opens_nothing(tmp_path: Path) -> None:
    write_video(tmp_path / "video.mp4")
    playlist = tmp_path / "list.m3u8"
    playlist.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nvideo.mp4\n#EXT-X-ENDLIST\n")
    with pytest.raises(MediaUnreadable):
        open_frames(playlist)


def test_a_name_that_is_a_pattern_is_only_a_name(tmp_path: Path) -> None:
    for index in range(3):
        Image.fromarray(blocks(index)).save(tmp_path / f"picture{index}.jpg")
    Image.fromarray(blocks(9)).save(tmp_path / "picture%d.jpg")
    assert len(read(tmp_path / "picture%d.jpg")) == 1


def test_sound_alone_holds_no_picture() -> None:
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=48000)
        sound = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), "fltp", "stereo")
        sound.sample_rate = 48000
        container.mux([*stream.encode(sound), *stream.encode(None)])
    file.seek(0)
    with pytest.raises(NoVideoStream):
        open_frames(file)


def test_a_frame_too_large_is_refused_before_decoding(tmp_path: Path) -> None:
    path = write_video(tmp_path / "video.mp4")
    with pytest.raises(FrameTooLarge, match="64 x 48"):
        open_frames(path, max_pixels=64 * 48 - 1)


def test_a_truncated_video_gives_what_it_has_or_a_named_error(tmp_path: Path) -> None:
    data = encoded(blocks(6), "mpeg4", "matroska", "yuv420p", bit_rate=4_000_000).getvalue()
    with pytest.raises(MediaUnreadable), open_frames(io.BytesIO(data[: len(data) // 2])) as source:
        list(source)


@pytest.fixture(scope="module")
def whole_video(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write_video(tmp_path_factory.mktemp("media") / "video.mp4", 3).read_bytes()


@settings(max_examples=60)
@given(cut=st.integers(0), at=st.integers(0), flip=st.integers(1, 255))
def test_damage_is_either_harmless_or_named(
    whole_video: bytes, cut: int, at: int, flip: int
) -> None:
    data = bytearray(whole_video[: len(whole_video) - cut % (len(whole_video) // 2)])
    data[at % len(data)] ^= flip
    try:
        with open_frames(io.BytesIO(bytes(data))) as source:
            frames = list(source)
    except MediaError:
        return
    assert all(frame.pixels.shape[2] == 3 for frame in frames)


def test_the_same_frames_give_the_same_bytes(tmp_path: Path) -> None:
    first = write_video(tmp_path / "one.mp4", 12).read_bytes()
    assert write_video(tmp_path / "two.mp4", 12).read_bytes() == first


def test_odd_sizes_are_made_even(tmp_path: Path) -> None:
    path = tmp_path / "odd.mp4"
    with AnnotatedVideo(path, 63, 47, RATE) as video:
        video.write(blocks(1)[:47, :63])
    assert read(path)[0].shape == (48, 64, 3)


def test_an_mpeg4_index_comes_first(tmp_path: Path) -> None:
    data = write_video(tmp_path / "video.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


def test_a_video_given_up_leaves_nothing(tmp_path: Path) -> None:
    video = AnnotatedVideo(tmp_path / "v.mp4", 64, 48, RATE)
    video.write(blocks(1))
    video.__exit__(RuntimeError, RuntimeError(), None)
    assert list(tmp_path.iterdir()) == []


def test_a_video_in_the_making_is_not_yet_there(tmp_path: Path) -> None:
    path = tmp_path / "v.mp4"
    path.write_bytes(b"what was there before")
    with AnnotatedVideo(path, 64, 48, RATE) as video:
        video.write(blocks(1))
        assert path.read_bytes() == b"what was there before"
    assert len(read(path)) == 1


def test_a_video_of_no_frames_is_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(MediaUnwritable, match="no frame"),
        AnnotatedVideo(tmp_path / "v.mp4", 64, 48, RATE),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "pixels", [np.zeros((48, 65, 3), np.uint8), np.zeros((48, 64, 3), np.float32)]
)
def test_a_frame_of_another_shape_or_type_is_refused(
    tmp_path: Path, pixels: NDArray[np.uint8]
) -> None:
    with (
        pytest.raises(MediaUnwritable, match="not uint8"),
        AnnotatedVideo(tmp_path / "v.mp4", 64, 48, RATE) as video,
    ):
        video.write(pixels)
