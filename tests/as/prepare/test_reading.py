"""What is an ONNX file, what was one once, and what never was."""

import os
from pathlib import Path

import pytest

from fivegms_prepare.errors import (
    DamagedModel,
    ModelTooLarge,
    NotOnnx,
    SourceMissing,
    TruncatedModel,
)
from fivegms_prepare.reading import MAX_MODEL_BYTES, parse_onnx, read_onnx
from support.onnx_graphs import classifier


@pytest.mark.requirement("R148")
def test_model(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(classifier(width=4).SerializeToString())
    assert read_onnx(path) == parse_onnx(path.read_bytes()) == classifier(width=4)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
        b"PK\x03\x04 an archive",
        b"just text, not a model",
        b"<html></html>",
        b"\0" * 64,
        b"\xff" * 64,
        b"\x08\x08",
        b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    ],
)
def test_anything_else(data: bytes) -> None:
    with pytest.raises(NotOnnx):
        parse_onnx(data)


@pytest.mark.parametrize("share", [0.3, 0.5, 0.9, 0.99])
def test_model_that_was_cut_off(share: float) -> None:
    data = classifier().SerializeToString()
    with pytest.raises(TruncatedModel, match="upload it again"):
        parse_onnx(data[: int(share * len(data))])


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(SourceMissing, match=r"model\.onnx"):
        read_onnx(tmp_path / "model.onnx")


def test_file_beyond_what_protobuf_reads(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.touch()
    os.truncate(path, MAX_MODEL_BYTES + 1)
    with pytest.raises(ModelTooLarge, match="external data"):
        read_onnx(path)


def test_name_that_is_not_text() -> None:
    data = classifier().SerializeToString().replace(b"relu1", b"rel\xff1")
    with pytest.raises(DamagedModel, match="a name in it is not text"):
        parse_onnx(data)
