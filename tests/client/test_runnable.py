"""A model on media: a detector that finds the brightest spot, so that the truth is known."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper

from fivegms_client.entry import ManifestFile
from fivegms_client.errors import ModelClosed
from fivegms_client.model_access import ModelAccess
from fivegms_client.runnable import RunnableModel
from fivegms_client.tracking import Tracker
from fivegms_engine.errors import BadInput
from fivegms_engine.media import AnnotatedVideo, MediaUnreadable
from fivegms_engine.tasks import TensorSummary
from fivegms_engine.tasks.errors import UnsupportedInput
from fivegms_manifests.model import InputProcessing
from support.memory_server import MemoryServer
from support.onnx_graphs import model_of, perceptron
from support.published_model import PublishedModel, publish

WIDTH, HEIGHT = 64, 48
HALF = 6


def spot_finder() -> onnx.ModelProto:
    """The detection contract (docs/formats.md): one box of 12 x 12 pixels on the brightest one."""
    constants: dict[str, NDArray[Any]] = {
        "flat": np.array([0, -1], np.int64),
        "width": np.array([WIDTH], np.int64),
        "reach": np.array([-HALF, -HALF, HALF, HALF], np.float32),
        "one_box": np.array([0, 1, 4], np.int64),
        "channels": np.array([1], np.int64),
        "last": np.array([-1], np.int64),
        "label": np.array(1, np.int64),
        "kernel": np.full((1, 3, 5, 5), 1 / 75, np.float32),
    }
    nodes: list[tuple[str, list[str], list[str], dict[str, Any]]] = [
        ("Conv", ["images", "kernel"], ["blurred"], {"pads": [2, 2, 2, 2]}),
        ("Reshape", ["blurred", "flat"], ["pixels"], {}),
        ("ReduceMax", ["pixels"], ["scores"], {"axes": [1]}),
        ("ArgMax", ["pixels"], ["where"], {"axis": 1}),
        ("Div", ["where", "width"], ["row"], {}),
        ("Mod", ["where", "width"], ["column"], {}),
        ("Concat", ["column", "row", "column", "row"], ["corners"], {"axis": 1}),
        ("Cast", ["corners"], ["centres"], {"to": TensorProto.FLOAT}),
        ("Add", ["centres", "reach"], ["box"], {}),
        ("Reshape", ["box", "one_box"], ["boxes"], {}),
        ("Sub", ["where", "where"], ["zero"], {}),
        ("Add", ["zero", "label"], ["labels"], {}),
    ]
    return model_of(
        [helper.make_node(op, inputs, outputs, **more) for op, inputs, outputs, more in nodes],
        {"images": ("float32", ["N", 3, HEIGHT, WIDTH])},
        {
            "boxes": ("float32", ["N", 1, 4]),
            "scores": ("float32", ["N", 1]),
            "labels": ("int64", ["N", 1]),
        },
        constants,
    )


def published_detector() -> PublishedModel:
    published = publish(spot_finder(), name="spots", task="object-detection")
    model = replace(
        published.manifest.model,
        labels=("dark", "spot"),
        input_processing=InputProcessing("images"),
        decision_threshold=0.5,
    )
    return published.with_manifest(replace(published.manifest, model=model))


DETECTOR = published_detector()


def picture(x: int, y: int, level: int = 255) -> NDArray[np.uint8]:
    pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    pixels[y - HALF : y + HALF, x - HALF : x + HALF] = level
    return pixels


async def opened(published: PublishedModel, folder: Path) -> RunnableModel:
    return await ModelAccess(MemoryServer({})).open(ManifestFile(published.write(folder)))


@pytest.fixture
async def detector(tmp_path: Path) -> RunnableModel:
    return await opened(DETECTOR, tmp_path)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip.mp4"
    with AnnotatedVideo(path, WIDTH, HEIGHT, Fraction(10), quality=5) as video:
        for index in range(12):
            video.write(picture(10 + 4 * index, 24))
    return path


@pytest.mark.requirement("R104")
async def test_a_video_file_is_a_source(detector: RunnableModel, clip: Path) -> None:
    frames = list(detector.run(clip))
    assert [frame.index for frame in frames] == list(range(12))
    assert [frame.time_s for frame in frames] == pytest.approx([i / 10 for i in range(12)])
    for index, frame in enumerate(frames):
        (found,) = frame.detections
        assert found.label == "spot"
        assert (found.box[0] + found.box[2]) / 2 == pytest.approx(10 + 4 * index, abs=6)
        assert frame.pixels.shape == (HEIGHT, WIDTH, 3)
        assert frame.inference_ms > 0
    assert detector.timings.ttfi_ms is not None


@pytest.mark.requirement("R104")
async def test_pictures_in_memory_are_a_source(detector: RunnableModel) -> None:
    frames = list(detector.run([picture(20, 20), picture(40, 30)], frame_rate=5))
    assert [frame.time_s for frame in frames] == [0, 0.2]
    assert all(frame.outputs["boxes"].shape == (1, 1, 4) for frame in frames)
    assert not frames[0].classifications


async def test_a_name_may_be_given_as_text(detector: RunnableModel, clip: Path) -> None:
    assert len(list(detector.run(str(clip)))) == 12


async def test_boxes_are_in_pixels_of_the_source(detector: RunnableModel) -> None:
    (frame,) = detector.run([picture(20, 20).repeat(4, axis=0).repeat(4, axis=1)])
    (found,) = frame.detections
    assert (found.box[0] + found.box[2]) / 2 == pytest.approx(80, abs=16)


async def test_the_providers_threshold_is_the_default(detector: RunnableModel) -> None:
    dim = [picture(20, 20, level=80)]
    assert not next(detector.run(dim)).detections
    assert len(next(detector.run(dim, score_threshold=0.1)).detections) == 1


async def test_a_tracker_numbers_objects(detector: RunnableModel, clip: Path) -> None:
    tracker = Tracker()
    frames = list(detector.run(clip, tracker=tracker))
    assert [frame.detections[0].track for frame in frames] == [None, None] + [1] * 10
    assert len(tracker.tracks) == 1


@pytest.mark.parametrize("tracker", [None, Tracker()], ids=["alone", "with a tracker"])
async def test_an_unknown_task_gives_tensors(tmp_path: Path, tracker: Tracker | None) -> None:
    published = publish(spot_finder(), task="spot-finding")
    model = await opened(published, tmp_path)
    (frame,) = model.run([picture(20, 20)], tracker=tracker)
    assert len(frame.results) == 3
    assert all(isinstance(result, TensorSummary) for result in frame.results)
    assert set(frame.outputs) == {"boxes", "scores", "labels"}
    assert not frame.detections


async def test_media_that_is_none_is_named(detector: RunnableModel, tmp_path: Path) -> None:
    path = tmp_path / "text.mp4"
    path.write_text("not a video")
    with pytest.raises(MediaUnreadable):
        list(detector.run(path))
    with pytest.raises(FileNotFoundError):
        list(detector.run(tmp_path / "none.mp4"))


async def test_a_model_that_takes_no_pictures_says_so(tmp_path: Path) -> None:
    model = await opened(publish(perceptron()), tmp_path)
    with pytest.raises(UnsupportedInput):
        list(model.run([picture(20, 20)]))
    with pytest.raises(BadInput):
        model.infer({"nothing": np.zeros(1)})


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((HEIGHT, WIDTH), np.uint8),
        np.zeros((HEIGHT, WIDTH, 4), np.uint8),
        np.zeros((HEIGHT, WIDTH, 3), np.float32),
        np.zeros((0, WIDTH, 3), np.uint8),
    ],
    ids=["grey", "with alpha", "floats", "empty"],
)
async def test_an_array_that_is_no_picture_is_named(
    detector: RunnableModel, pixels: NDArray[Any]
) -> None:
    with pytest.raises(BadInput, match=r"picture 1 is .* not uint8 \[H, W, 3\]"):
        list(detector.run([picture(20, 20), pixels]))
    with pytest.raises(BadInput, match="list of them"):
        list(detector.run(picture(20, 20)))


async def test_a_closed_model_says_so(detector: RunnableModel) -> None:
    with detector:
        detector.infer({"images": np.zeros((2, 3, HEIGHT, WIDTH), np.float32)})
    with pytest.raises(ModelClosed):
        detector.infer({"images": np.zeros((1, 3, HEIGHT, WIDTH), np.float32)})
    detector.close()
