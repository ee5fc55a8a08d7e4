"""A provider's file that is there but cannot be read is refused as what it is of the model."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from onnx import TensorProto

from fivegms_api.model_preparation import MediaEvaluation, TensorEvaluation
from fivegms_engine.tasks import GroundTruth
from fivegms_manifests.model import Model, TensorInfo
from fivegms_prepare.errors import (
    EvaluationFailed,
    ExternalDataMissing,
    ModelRefused,
    SourceMissing,
)
from fivegms_prepare.evaluation_set import MediaSet, TensorSet, open_evaluation
from fivegms_prepare.external import ExternalData
from fivegms_prepare.preparation import prepare
from fivegms_prepare.reading import read_onnx
from support.preparing import NOW, template_of

MEDIA = MediaEvaluation(media="file", ground_truth="file")
MODEL = Model("m", 1, "object-detection", "ONNX", (), 8)
PICTURE = TensorInfo("x", "float32", (1, 3, 8, 8))


@contextmanager
def no_file_opens() -> Iterator[None]:
    """As if the process had opened as many files as it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(bytes(4))
    return path


def refusal(expected: type[ModelRefused], path: Path) -> pytest.RaisesExc[ModelRefused]:
    """The named error, which says the system's reason and no path of this machine."""
    return pytest.raises(
        expected,
        match="Too many open files",
        check=lambda error: str(path.parent) not in error.detail,
    )


def test_source(file: Path) -> None:
    with refusal(SourceMissing, file), no_file_opens():
        read_onnx(file)


def test_source_of_an_impossible_name(tmp_path: Path) -> None:
    with pytest.raises(SourceMissing, match="File name too long"):
        prepare(tmp_path / ("a" * 300), template_of(), tmp_path / "out", now=NOW)


def test_external_data(file: Path) -> None:
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[1])
    tensor.external_data.add(key="location", value="file")
    with refusal(ExternalDataMissing, file), no_file_opens():
        ExternalData(file.parent)(tensor)


def test_ground_truth(file: Path) -> None:
    with refusal(EvaluationFailed, file), no_file_opens():
        open_evaluation(MEDIA, file.parent, MODEL)


def test_evaluation_of_an_impossible_name(tmp_path: Path) -> None:
    request = TensorEvaluation(tensors="a" * 256, metric="top1")
    with pytest.raises(EvaluationFailed, match="File name too long"):
        open_evaluation(request, tmp_path, MODEL)


def test_media(file: Path) -> None:
    truth = GroundTruth(
        media="file", labels=("cat",), width=8, height=8, frame_rate=(25, 1), frames=()
    )
    with refusal(EvaluationFailed, file), no_file_opens():
        MediaSet(MEDIA, file, truth, MODEL).sample([PICTURE])


def test_tensors(file: Path) -> None:
    request = TensorEvaluation(tensors="file", metric="top1")
    with refusal(EvaluationFailed, file), no_file_opens():
        TensorSet(request, file).sample([PICTURE])
