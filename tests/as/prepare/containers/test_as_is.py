"""A model goes out as it came in, in segments, and comes together again."""

import io
import tarfile
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, load_model

from fivegms_manifests.file_payload import assemble_file, read_file_initialization
from fivegms_prepare.containers import Container, describe_container
from fivegms_prepare.containers.as_is import EncodedFile, encode_file
from fivegms_prepare.errors import (
    ContainerUnknown,
    ExternalDataMissing,
    ExternalDataOutside,
    ModelRefused,
    TruncatedModel,
)
from support.containers import (
    EXPORTED_FILES,
    KERAS_FILES,
    NNEF_FILES,
    SAVED_MODEL_FILES,
    folder_of,
    hdf5,
    tarred,
    zipped,
)
from support.onnx_graphs import classifier, model_of, node

ONNX = classifier().SerializeToString()
SEGMENT_BYTES = 4096


def encoded(path: Path, out: Path, stem: str = "model") -> EncodedFile:
    return encode_file(describe_container(path), stem, out, SEGMENT_BYTES)


def delivered(file: EncodedFile, out: Path) -> bytes:
    """The file as a UE would store it."""
    assert read_file_initialization((out / file.initialization.url).read_bytes()) == file.name
    stored = io.BytesIO()
    segments = ((out / ref.url).read_bytes() for ref in file.segments)
    assert assemble_file(segments, stored) == file.size_bytes
    return stored.getvalue()


FILES = {
    "ONNX": (ONNX, "model.onnx"),
    "HDF5": (hdf5(20_000), "model.h5"),
    "Keras": (zipped(KERAS_FILES), "model.keras"),
    "ExportedProgram": (zipped(EXPORTED_FILES), "model.pt2"),
    "packed NNEF": (tarred(NNEF_FILES), "model.nnef.tar"),
    "compressed NNEF": (tarred(NNEF_FILES, "w:gz"), "model.nnef.tar.gz"),
    "packed SavedModel": (zipped(SAVED_MODEL_FILES), "model.savedmodel.zip"),
}


@pytest.mark.parametrize(
    "case",
    [
        pytest.param("ONNX", marks=pytest.mark.requirement("R090c")),
        pytest.param("HDF5", marks=pytest.mark.requirement("R090b")),
        pytest.param("packed NNEF", marks=pytest.mark.requirement("R090d")),
        pytest.param("packed SavedModel", marks=pytest.mark.requirement("R090a")),
        *(
            case
            for case in FILES
            if case not in ("ONNX", "HDF5", "packed NNEF", "packed SavedModel")
        ),
    ],
)
def test_a_file_is_delivered_byte_for_byte(case: str, tmp_path: Path) -> None:
    data, name = FILES[case]
    path = tmp_path / "source"
    path.write_bytes(data)
    file = encoded(path, tmp_path)
    assert delivered(file, tmp_path) == data
    assert file.name == name
    assert len(file.segments) == -(-len(data) // SEGMENT_BYTES)


@pytest.mark.parametrize(
    ("files", "container"),
    [(NNEF_FILES, Container.NNEF), (SAVED_MODEL_FILES, Container.SAVED_MODEL)],
)
def test_a_folder_is_delivered_as_one_file(
    files: dict[str, bytes], container: Container, tmp_path: Path
) -> None:
    folder = folder_of({**files, "notes/private.txt": b"not the model's"}, tmp_path / "net")
    file = encoded(folder, tmp_path / "out")
    assert (file.container, file.name) == (container, f"model.{_word(container)}.tar")
    with tarfile.open(fileobj=io.BytesIO(delivered(file, tmp_path / "out"))) as archive:
        found = {member.name: archive.extractfile(member) for member in archive}
        assert {name: content.read() for name, content in found.items() if content} == files


def _word(container: Container) -> str:
    return container.value.replace("-", "")


def test_the_same_folder_gives_the_same_segments(tmp_path: Path) -> None:
    one = folder_of(SAVED_MODEL_FILES, tmp_path / "one")
    other = folder_of(dict(reversed(SAVED_MODEL_FILES.items())), tmp_path / "other")
    (other / "saved_model.pb").chmod(0o600)
    assert encoded(one, tmp_path / "out").segments == encoded(other, tmp_path / "out").segments


def test_links_out_of_a_folder_are_not_followed(tmp_path: Path) -> None:
    folder = folder_of(SAVED_MODEL_FILES, tmp_path / "net")
    (folder / "assets" / "more.txt").symlink_to(folder / "assets" / "words.txt")
    encoded(folder, tmp_path / "out")
    (tmp_path / "secret").write_bytes(b"secret")
    (folder / "variables" / "secret").symlink_to(tmp_path / "secret")
    with pytest.raises(ExternalDataOutside, match="variables/secret"):
        encoded(folder, tmp_path / "other")
    assert not (tmp_path / "other").exists()


def with_external_data(folder: Path, location: str = "data/w.bin") -> Path:
    weights = np.arange(2048, dtype=np.float32)
    shape = ("float32", [2048])
    model = model_of([node("Add", "x w", "y")], {"x": shape}, {"y": shape})
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[2048])
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    model.graph.initializer.append(tensor)
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "w.bin").write_bytes(weights.tobytes())
    (folder / "net.onnx").write_bytes(model.SerializeToString())
    return folder / "net.onnx"


@pytest.mark.parametrize("location", ["data/w.bin", "./data/../data/w.bin"])
def test_external_data_goes_with_its_model(location: str, tmp_path: Path) -> None:
    file = encoded(with_external_data(tmp_path / "in", location), tmp_path)
    assert file.name == "model.onnx.tar"
    (tmp_path / "ue").mkdir()
    with tarfile.open(fileobj=io.BytesIO(delivered(file, tmp_path))) as archive:
        archive.extractall(tmp_path / "ue", filter="data")
    model = load_model(tmp_path / "ue" / "net.onnx")
    assert model.graph.initializer[0].raw_data == np.arange(2048, dtype=np.float32).tobytes()


@pytest.mark.parametrize(
    ("location", "refusal"),
    [("absent.bin", ExternalDataMissing), ("../secret", ExternalDataOutside)],
)
def test_external_data_that_is_not_the_models(
    location: str, refusal: type[ModelRefused], tmp_path: Path
) -> None:
    (tmp_path / "secret").write_bytes(bytes(8192))
    with pytest.raises(refusal):
        encoded(with_external_data(tmp_path / "in", location), tmp_path)


def test_a_model_that_was_cut_off(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(ONNX[:-100])
    with pytest.raises(TruncatedModel):
        encoded(tmp_path / "source", tmp_path)


def test_a_file_that_became_empty(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(hdf5())
    found = describe_container(tmp_path / "source")
    (tmp_path / "source").write_bytes(b"")
    with pytest.raises(ContainerUnknown, match="empty"):
        encode_file(found, "model", tmp_path, SEGMENT_BYTES)


@pytest.mark.parametrize(
    ("stem", "name"),
    [
        ("vgg-16 v1.2", "vgg-16 v1.2.h5"),
        ("../../etc/passwd", "-..-etc-passwd.h5"),
        ("x\0\n", "x--.h5"),
        ("modèle", "modèle.h5"),
        ("...", "model.h5"),
        ("", "model.h5"),
        ("語" * 300, "語" * 80 + ".h5"),
    ],
)
def test_names_of_models_as_names_of_files(stem: str, name: str, tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(hdf5())
    assert encoded(tmp_path / "source", tmp_path, stem).name == name


def test_memory_holds_one_segment(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(hdf5(2**24))
    found = describe_container(tmp_path / "source")
    tracemalloc.start()
    try:
        encode_file(found, "model", tmp_path, 2**20)
        assert tracemalloc.get_traced_memory()[1] < 2**23
    finally:
        tracemalloc.stop()
