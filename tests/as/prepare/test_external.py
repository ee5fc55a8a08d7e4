"""Data files are read from the model's own folder, and from nowhere else."""

from pathlib import Path

import numpy as np
import pytest
from onnx import ModelProto, TensorProto

from fivegms_prepare.errors import (
    ExternalDataMissing,
    ExternalDataOutside,
    MalformedTensor,
    ModelRefused,
)
from fivegms_prepare.external import ExternalData
from fivegms_prepare.source import separate_checked
from fivegms_prepare.tensors import check_bools
from support.onnx_graphs import model_of, node
from support.preparing import prepare_model

WEIGHTS = np.arange(128, dtype=np.float32)


def pointing_at(location: str | None, dims: tuple[int, ...] = (128,), **entries: str) -> ModelProto:
    model = model_of(
        [node("Add", "x w", "y")], {"x": ("float32", [128])}, {"y": ("float32", [128])}
    )
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=dims)
    tensor.data_location = TensorProto.EXTERNAL
    given = entries if location is None else {"location": location, **entries}
    for key, value in given.items():
        tensor.external_data.add(key=key, value=value)
    model.graph.initializer.append(tensor)
    return model


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    own = tmp_path / "in"
    (own / "data").mkdir(parents=True)
    (own / "w.bin").write_bytes(b"\0" * 64 + WEIGHTS.tobytes())
    (own / "data" / "w.bin").write_bytes(WEIGHTS.tobytes())
    (tmp_path / "secret.bin").write_bytes(WEIGHTS.tobytes())
    (own / "link.bin").symlink_to(tmp_path / "secret.bin")
    (own / "up").symlink_to(tmp_path)
    (own / "circle").symlink_to(own / "circle")
    (own / "inner.bin").symlink_to(own / "data" / "w.bin")
    return own


@pytest.mark.parametrize(
    ("location", "entries"),
    [
        ("data/w.bin", {}),
        ("./data/../data/w.bin", {"length": "512"}),
        ("w.bin", {"offset": "64", "length": "512", "checksum": "ignored"}),
        ("inner.bin", {}),
    ],
)
def test_read_from_its_folder(location: str, entries: dict[str, str], folder: Path) -> None:
    separated = separate_checked(pointing_at(location, **entries), folder)
    assert np.array_equal(separated.weights[0].array(), WEIGHTS)


@pytest.mark.parametrize(
    "location",
    [
        *("../secret.bin", "data/../../secret.bin", "/etc/passwd", "link.bin", "up/secret.bin"),
        *("C:\\secret.bin", "\\\\host\\share", "\\secret.bin"),
    ],
)
def test_never_outside_of_it(location: str, folder: Path) -> None:
    with pytest.raises(ExternalDataOutside, match="outside the model's folder"):
        separate_checked(pointing_at(location), folder)


@pytest.mark.parametrize(
    ("location", "entries", "refusal"),
    [
        (None, {}, ExternalDataMissing),
        ("", {}, ExternalDataMissing),
        ("nul\0.bin", {}, ExternalDataMissing),
        ("absent.bin", {}, ExternalDataMissing),
        ("data", {}, ExternalDataMissing),
        ("circle", {}, ExternalDataMissing),
        ("x" * 5000, {}, ExternalDataMissing),
        ("x/" * 5000, {}, ExternalDataMissing),
        ("*/_ORT_MEM_ADDR_/*", {"offset": "140000000000000"}, ExternalDataMissing),
        ("data/w.bin", {"offset": "4"}, ExternalDataMissing),
        ("data/w.bin", {"offset": "-4"}, ExternalDataMissing),
        ("data/w.bin", {"offset": "9" * 30}, ExternalDataMissing),
        ("data/w.bin", {"offset": "４"}, ExternalDataMissing),
        ("data/w.bin", {"length": "100"}, MalformedTensor),
    ],
)
def test_not_what_the_model_says(
    location: str | None, entries: dict[str, str], refusal: type[ModelRefused], folder: Path
) -> None:
    with pytest.raises(refusal):
        separate_checked(pointing_at(location, **entries), folder)


def test_file_that_shrinks_after_the_check(folder: Path) -> None:
    model = pointing_at("data/w.bin")
    separated = separate_checked(model, folder)
    (folder / "data" / "w.bin").write_bytes(b"short")
    with pytest.raises(ExternalDataMissing):
        separated.weights[0].array()


def test_half_bytes(folder: Path) -> None:
    tensor = TensorProto(name="q", data_type=TensorProto.INT4, dims=[3])
    tensor.external_data.add(key="location", value="w.bin")
    assert len(ExternalData(folder)(tensor)) == 2


@pytest.mark.parametrize("data", [b"\0\1\2", b"\xff\0\1"])
def test_bools_that_are_neither(data: bytes, folder: Path) -> None:
    (folder / "b.bin").write_bytes(data)
    tensor = TensorProto(name="b", data_type=TensorProto.BOOL, dims=[3])
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="b.bin")
    with pytest.raises(MalformedTensor, match="neither 0 nor 1"):
        check_bools(tensor, ExternalData(folder))


def test_element_type_that_has_no_size(folder: Path) -> None:
    tensor = TensorProto(name="q", data_type=99, dims=[3])
    tensor.external_data.add(key="location", value="w.bin")
    with pytest.raises(MalformedTensor):
        ExternalData(folder).check(tensor)


def test_prepared_with_its_data(folder: Path) -> None:
    prepared = prepare_model(pointing_at("data/w.bin"), folder.parent)
    assert np.array_equal(prepared.load().run({"x": WEIGHTS})["y"], WEIGHTS + WEIGHTS)
