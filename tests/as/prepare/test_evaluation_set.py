"""Accuracy is measured on the provider's data, and only where that data fits the model."""

import io
import json
import struct
import zipfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import ModelProto

from fivegms_api.model_preparation import TensorEvaluation
from fivegms_engine.media import AnnotatedVideo
from fivegms_manifests.model import TensorInfo
from fivegms_prepare.errors import EvaluationFailed
from fivegms_prepare.evaluation_set import TensorSet
from support.onnx_graphs import model_of, node
from support.preparing import Prepared, prepare_model

SIDE, FRAMES = 32, 5
BOX = [4.0, 6.0, 20.0, 30.0]


def detector(score: float = 0.9, batch: int = 1) -> ModelProto:
    """Finds a `cat` at BOX in every picture of a batch."""
    return model_of(
        [
            node("ReduceMean", "images", "mean", keepdims=0),
            node("Mul", "mean zero", "nothing"),
            node("Add", "nothing score", "scores"),
            node("Add", "nothing box", "boxes"),
            node("Cast", "nothing", "labels0", to=7),
            node("Expand", "labels0 each", "labels"),
        ],
        {"images": ("float32", [batch, 3, SIDE, SIDE])},
        {
            "boxes": ("float32", [batch, 1, 4]),
            "scores": ("float32", [batch, 1]),
            "labels": ("int64", [batch, 1]),
        },
        {
            "zero": np.zeros((), np.float32),
            "score": np.full((batch, 1), score, np.float32),
            "box": np.array([[BOX]] * batch, np.float32),
            "each": np.array([batch, 1]),
        },
        metadata={
            "fivegms.labels": '["cat"]',
            "fivegms.input": "{}",
            "fivegms.score_threshold": "0.5",
        },
    )


def ground_truth(box: list[float] = BOX, **changes: Any) -> bytes:
    document = {
        "media": "held-out.mp4",
        "labels": ["cat"],
        "width": SIDE,
        "height": SIDE,
        "frameRate": [25, 1],
        "frames": [
            {"index": index, "objects": [{"track": 0, "label": "cat", "box": box}]}
            for index in range(FRAMES)
        ],
    }
    return json.dumps(document | changes).encode()


def on_media(
    tmp_path: Path, truth: bytes, model: ModelProto | None = None, **task: str
) -> Prepared:
    folder = tmp_path / "in"
    folder.mkdir()
    with AnnotatedVideo(folder / "held-out.mp4", SIDE, SIDE, Fraction(25)) as video:
        for index in range(FRAMES):
            video.write(np.full((SIDE, SIDE, 3), 40 * index, np.uint8))
    (folder / "truth.json").write_bytes(truth)
    return prepare_model(
        model or detector(),
        tmp_path,
        model={"name": "m", "task": "object-detection", **task},
        evaluation={"media": "held-out.mp4", "groundTruth": "truth.json"},
    )


@pytest.mark.requirement("R101")
@pytest.mark.parametrize(
    ("box", "figure"), [(BOX, 1.0), ([0.0, 0.0, 2.0, 2.0], 0.0), ([4.0, 6.0, 19.0, 30.0], 1.0)]
)
def test_detection_on_media(box: list[float], figure: float, tmp_path: Path) -> None:
    prepared = on_media(tmp_path, ground_truth(box))
    for variant in prepared.manifest.subsets[0].variants:
        figures = {accuracy.metric: accuracy for accuracy in variant.accuracy}
        assert figures["mAP@0.5"].value == figure
        assert figures["mAP@0.5"].data_set == "held-out.mp4"
        assert variant.accuracy[0].metric == "mAP@0.5"
        assert figures["recall"].value == figure
        assert variant.latency is not None


def test_a_model_of_fixed_batches_on_media(tmp_path: Path) -> None:
    prepared = on_media(tmp_path, ground_truth(), detector(batch=FRAMES))
    for variant in prepared.manifest.subsets[0].variants:
        assert (variant.accuracy[0].metric, variant.accuracy[0].value) == ("mAP@0.5", 1.0)
        assert variant.latency is not None


def test_threshold_is_the_models(tmp_path: Path) -> None:
    variant = (
        on_media(tmp_path, ground_truth(), detector(score=0.4)).manifest.subsets[0].variants[0]
    )
    figures = {accuracy.metric: accuracy.value for accuracy in variant.accuracy}
    assert figures["mAP@0.5"] == 1.0
    assert figures["recall"] == 0.0


@pytest.mark.parametrize(
    ("truth", "message"),
    [
        (b"no JSON", "ground truth"),
        (ground_truth(frames=[]), "held-out.mp4"),
        (ground_truth(frames=[{"index": 7, "objects": []}]), "has frame 7; the media has 5"),
    ],
)
def test_ground_truth_that_does_not_fit(truth: bytes, message: str, tmp_path: Path) -> None:
    with pytest.raises(EvaluationFailed, match=message):
        on_media(tmp_path, truth)


def test_task_without_the_metric(tmp_path: Path) -> None:
    with pytest.raises(EvaluationFailed):
        on_media(tmp_path, ground_truth(), task="tensors")


def test_media_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("clip.mp4", "truth.json"):
        (tmp_path / "in" / name).write_bytes(ground_truth())
    with pytest.raises(EvaluationFailed, match=r"clip\.mp4"):
        prepare_model(
            detector(),
            tmp_path,
            model={"name": "m", "task": "object-detection"},
            evaluation={"media": "clip.mp4", "groundTruth": "truth.json"},
        )


LINEAR = np.eye(8, dtype=np.float32)


def linear(batch: int | str = "N", given: str = "y") -> ModelProto:
    return model_of(
        [node("MatMul", "x w", "y"), node("ArgMax", "y", "index", axis=1, keepdims=0)],
        {"x": ("float32", [batch, 8])},
        {"y": ("float32", [batch, 8])} if given == "y" else {"index": ("int64", [batch])},
        {"w": LINEAR},
    )


def means() -> ModelProto:
    """`x` float32 [N, 8] -> `y` float32 [1, 8]: one row for the whole batch."""
    return model_of(
        [node("MatMul", "x w", "h"), node("ReduceMean", "h", "y", axes=[0])],
        {"x": ("float32", ["N", 8])},
        {"y": ("float32", [1, 8])},
        {"w": LINEAR},
    )


def npz(**arrays: Any) -> bytes:
    target = io.BytesIO()
    np.savez(target, **arrays)
    return target.getvalue()


SAMPLES = np.eye(8, dtype=np.float32)[[0, 1, 2, 3, 4, 5, 6, 7, 0, 1]]
LABELS = np.array([0, 1, 2, 3, 4, 5, 6, 7, 0, 5])


def on_tensors(tmp_path: Path, data: bytes | None, model: ModelProto | None = None) -> Prepared:
    (tmp_path / "in").mkdir()
    if data is not None:
        (tmp_path / "in" / "held-out.npz").write_bytes(data)
    return prepare_model(
        model or linear(), tmp_path, evaluation={"tensors": "held-out.npz", "metric": "top1"}
    )


@pytest.mark.parametrize("batch", ["N", 1, 5])
def test_top1_on_tensors(batch: int | str, tmp_path: Path) -> None:
    prepared = on_tensors(tmp_path, npz(x=SAMPLES, labels=LABELS), linear(batch))
    for variant in prepared.manifest.subsets[0].variants:
        assert [(a.metric, a.value, a.data_set) for a in variant.accuracy] == [
            ("top1", 0.9, "held-out.npz")
        ]
    assert prepared.result.variants[0].accuracy[0].value == 0.9


@pytest.mark.parametrize(("batch", "samples"), [("N", 1), (1, 1), (5, 5)])
def test_a_sample_is_one_or_a_fixed_batch(batch: int | str, samples: int, tmp_path: Path) -> None:
    (tmp_path / "held-out.npz").write_bytes(npz(x=SAMPLES, labels=LABELS))
    request = TensorEvaluation(tensors="held-out.npz", metric="top1")
    opened = TensorSet(request, tmp_path / "held-out.npz")
    assert opened.sample([TensorInfo("x", "float32", (batch, 8))])["x"].shape == (samples, 8)


def bomb() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", b"")
        archive.writestr("labels.npy", b"")
    data = bytearray(target.getvalue())
    # The central directory's uncompressed size of the first entry.
    place = data.index(b"PK\x01\x02") + 24
    data[place : place + 4] = (2**32 - 2).to_bytes(4, "little")
    return bytes(data)


def archive(data: bytes, method: int = zipfile.ZIP_STORED, encrypted: bool = False) -> bytes:
    """An .npz whose `x` is `data`."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as file:
        file.writestr("x.npy", data)
    found = bytearray(target.getvalue())
    for place in (found.index(b"PK\x03\x04") + 6, found.index(b"PK\x01\x02") + 8):
        found[place : place + 4] = struct.pack("<HH", encrypted, method)
    return bytes(found)


def array_header(text: str) -> bytes:
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text.encode()


TERABYTES = "{'descr': '<f4', 'fortran_order': False, 'shape': (35184372088832,)}\n"


@pytest.mark.parametrize(
    ("data", "model", "message"),
    [
        (None, None, "upload it before the model"),
        (b"no archive", None, "no .npz"),
        (bomb(), None, "unpacks to"),
        (archive(b"no array"), None, "an entry is no array"),
        (archive(array_header(TERABYTES)), None, "no .npz"),
        (archive(array_header("{'descr': ((\n")), None, "no .npz"),
        (archive(b"\xff" * 9, method=zipfile.ZIP_DEFLATED), None, "no .npz"),
        (archive(b"", method=97), None, "no .npz"),
        (archive(b"", encrypted=True), None, "no .npz"),
        (npz(labels=LABELS), None, "lacks an array"),
        (npz(x=SAMPLES), None, "lacks an array"),
        (npz(x=np.array([{}]), labels=LABELS), None, "no .npz"),
        (npz(x=SAMPLES[:4], labels=LABELS), None, "differ in length"),
        (npz(x=SAMPLES, labels=SAMPLES), None, "differ in length"),
        (npz(x=SAMPLES[:0], labels=LABELS[:0]), None, "differ in length"),
        (npz(x=SAMPLES, labels=LABELS / 2), None, "not integers"),
        (npz(x=SAMPLES.astype("float64"), labels=LABELS), None, "takes float32"),
        (npz(x=SAMPLES, labels=LABELS), linear(3), "batches of 3"),
        (npz(x=SAMPLES, labels=LABELS), linear(given="index"), "output 'index'"),
        (npz(x=SAMPLES, labels=LABELS), means(), "2 rows of them for 10 samples"),
    ],
)
def test_tensors_that_do_not_fit(
    data: bytes | None, model: ModelProto | None, message: str, tmp_path: Path
) -> None:
    with pytest.raises(EvaluationFailed, match=message):
        on_tensors(tmp_path, data, model)


def test_evaluation_files_stay_in_their_folder(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "secret.npz").write_bytes(npz(x=SAMPLES, labels=LABELS))
    (tmp_path / "in" / "held-out.npz").symlink_to(tmp_path / "secret.npz")
    with pytest.raises(EvaluationFailed, match="no evaluation file"):
        prepare_model(linear(), tmp_path, evaluation={"tensors": "held-out.npz"})
