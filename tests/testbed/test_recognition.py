"""Running a model over media files: sizes as shown, results of every task, files that are whole."""

import json
import struct
from fractions import Fraction
from pathlib import Path

import numpy as np
import onnx
import pytest

import fivegms_client
from fivegms_engine.media import AnnotatedVideo
from fivegms_engine.tasks import Classification, TensorSummary
from fivegms_testbed.canvas import OutputUnknown
from fivegms_testbed.recognition import recognise, write_results
from support.onnx_graphs import model_of, node
from support.published_model import publish

WIDTH, HEIGHT = 64, 48


def colour_sums() -> onnx.ModelProto:
    """`images` float32 [N, 3, H, W] -> `sums` float32 [N, 2]: red and green of the middle."""
    kernel = np.zeros((2, 3, 1, 1), np.float32)
    kernel[0, 0], kernel[1, 1] = 1, 1
    return model_of(
        [
            node("Conv", "images kernel", "colours"),
            node("GlobalAveragePool", "colours", "pooled"),
            node("Flatten", "pooled", "sums"),
        ],
        {"images": ("float32", ["N", 3, HEIGHT, WIDTH])},
        {"sums": ("float32", ["N", 2])},
        {"kernel": kernel},
    )


def opened(folder: Path, task: str) -> fivegms_client.RunnableModel:
    return fivegms_client.load(publish(colour_sums(), task=task).write(folder))


def write_clip(path: Path, frames: int = 3) -> Path:
    pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    pixels[..., 1] = 255
    with AnnotatedVideo(path, WIDTH, HEIGHT, Fraction(10)) as video:
        for _ in range(frames):
            video.write(pixels)
    return path


def turn(path: Path) -> Path:
    """The same file with a display matrix that turns it by 90 degrees (ISO/IEC 14496-12 8.3.2)."""
    data = bytearray(path.read_bytes())
    matrix = data.index(b"tkhd") + 44
    data[matrix : matrix + 36] = struct.pack(
        ">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, HEIGHT << 16, 0, 1 << 30
    )
    path.write_bytes(data)
    return path


def test_classes_are_told_of_every_frame(tmp_path: Path) -> None:
    with opened(tmp_path / "model", "image-classification") as model:
        recognition = recognise(model, write_clip(tmp_path / "clip.mp4"))
    assert len(recognition.frames) == 3
    for frame in recognition.frames:
        best, _ = frame.results
        assert isinstance(best, Classification)
        assert best.label_index == 1
    assert recognition.counters is None


def test_an_unknown_task_is_summarised(tmp_path: Path) -> None:
    with opened(tmp_path / "model", "greenness") as model:
        recognition = recognise(model, write_clip(tmp_path / "clip.mp4", frames=1))
        write_results(recognition, model, tmp_path / "clip.mp4", tmp_path / "results.json")
    (summary,) = recognition.frames[0].results
    assert isinstance(summary, TensorSummary)
    (frame,) = json.loads((tmp_path / "results.json").read_text())["frames"]
    assert frame["tensors"][0]["name"] == "sums"


def test_a_turned_video_has_the_size_in_which_it_is_shown(tmp_path: Path) -> None:
    clip = turn(write_clip(tmp_path / "clip.mp4"))
    with opened(tmp_path / "model", "image-classification") as model:
        recognition = recognise(model, clip)
    assert (recognition.width, recognition.height) == (HEIGHT, WIDTH)


def test_a_picture_of_a_video_is_its_last_frame(tmp_path: Path) -> None:
    with opened(tmp_path / "model", "image-classification") as model:
        recognise(model, write_clip(tmp_path / "clip.mp4"), annotated=tmp_path / "out.png")
        assert (tmp_path / "out.png").read_bytes()[1:4] == b"PNG"
        with pytest.raises(OutputUnknown, match=r"out\.xyz"):
            recognise(model, tmp_path / "clip.mp4", annotated=tmp_path / "out.xyz")


def test_what_stops_half_way_leaves_no_file(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4")

    def stop(_frame: object) -> None:
        raise KeyboardInterrupt

    out = tmp_path / "out"
    out.mkdir()
    with opened(tmp_path / "model", "image-classification") as model:
        for name in ("out.mp4", "out.png"):
            with pytest.raises(KeyboardInterrupt):
                recognise(model, clip, annotated=out / name, on_frame=stop)
    assert list(out.iterdir()) == []
