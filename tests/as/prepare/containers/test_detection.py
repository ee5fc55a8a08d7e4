"""A model is what is in its file, whatever the file is called."""

import contextlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fivegms_prepare.containers import Container, describe_container
from fivegms_prepare.errors import ContainerUnknown, ModelRefused, SourceMissing, TruncatedModel
from support.containers import (
    EXPORTED_FILES,
    KERAS_FILES,
    NNEF_FILES,
    NNEF_TEXT,
    OLD_EXPORTED_FILES,
    SAVED_MODEL_FILES,
    SAVED_MODEL_PB,
    folder_of,
    hdf5,
    tarred,
    zipped,
)
from support.onnx_graphs import classifier

ONNX = classifier().SerializeToString()
PACKED_NNEF = {f"net/{name}": data for name, data in NNEF_FILES.items()}

FILES: dict[str, tuple[bytes, Container, bool, str]] = {
    "ONNX": (ONNX, Container.ONNX, False, ""),
    "HDF5": (hdf5(), Container.HDF5, False, ""),
    "HDF5, version 1": (hdf5(version=1), Container.HDF5, False, ""),
    "HDF5, version 2": (hdf5(version=2), Container.HDF5, False, ""),
    "HDF5, version 3": (hdf5(version=3), Container.HDF5, False, ""),
    "HDF5 after a block of the user's": (hdf5(before=1024), Container.HDF5, False, ""),
    "Keras": (zipped(KERAS_FILES), Container.KERAS, False, ""),
    "ExportedProgram": (zipped(EXPORTED_FILES), Container.EXPORTED_PROGRAM, False, ""),
    "old ExportedProgram": (zipped(OLD_EXPORTED_FILES), Container.EXPORTED_PROGRAM, False, ""),
    "NNEF in a tar file": (tarred(PACKED_NNEF), Container.NNEF, True, "net/"),
    "NNEF in a tgz file": (tarred(NNEF_FILES, "w:gz"), Container.NNEF, True, ""),
    "NNEF in a zip file": (zipped(NNEF_FILES), Container.NNEF, True, ""),
    "SavedModel in a zip file": (zipped(SAVED_MODEL_FILES), Container.SAVED_MODEL, True, ""),
    "SavedModel in a tar file": (tarred(SAVED_MODEL_FILES), Container.SAVED_MODEL, True, ""),
}


@pytest.mark.requirement("R090")
@pytest.mark.parametrize("name", ["model", "model.onnx", "model.zip"])
@pytest.mark.parametrize("case", FILES)
def test_files(case: str, name: str, tmp_path: Path) -> None:
    data, container, is_archive, inner = FILES[case]
    path = tmp_path / name
    path.write_bytes(data)
    found = describe_container(path)
    assert found.container is container
    assert (found.path, found.is_archive, found.inner) == (path, is_archive, inner)


@pytest.mark.parametrize(
    ("files", "main", "container"),
    [
        pytest.param(
            NNEF_FILES, "graph.nnef", Container.NNEF, marks=pytest.mark.requirement("R090d")
        ),
        pytest.param(
            SAVED_MODEL_FILES,
            "saved_model.pb",
            Container.SAVED_MODEL,
            marks=pytest.mark.requirement("R090a"),
        ),
    ],
)
def test_folders_and_their_main_files(
    files: dict[str, bytes], main: str, container: Container, tmp_path: Path
) -> None:
    folder = folder_of(files, tmp_path / "net")
    for path in (folder, folder / main):
        found = describe_container(path)
        assert (found.container, found.path, found.is_archive) == (container, folder, False)


NOTHING = {
    "no bytes": b"",
    "text": b"version of a letter\n",
    "a picture": b"\x89PNG\r\n\x1a\n" + bytes(64),
    "zeros": bytes(4096),
    "HDF5 of a version to come": hdf5(version=9),
    "a zip file of something": zipped({"readme.txt": b""}),
    "a tar file of something": tarred({"readme.txt": b""}),
    "a zip file that only sounds like NNEF": zipped({"graph.nnef": b"<html>"}),
    "a zip file that only sounds like a SavedModel": zipped({"saved_model.pb": b"<html>"}),
    "pickled tensors of PyTorch": zipped({"net/data.pkl": b"", "net/version": b"3"}),
    "an archive of PyTorch without a program": zipped({"net/archive_format": b"pt2"}),
    "an archive of another writer": zipped({**EXPORTED_FILES, "net/archive_format": b"pt3"}),
    "protobuf of another kind": b"\x12\x02ab\x1a\x02cd",
}


@pytest.mark.parametrize("case", NOTHING)
def test_anything_else(case: str, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(NOTHING[case])
    with pytest.raises(ContainerUnknown):
        describe_container(path)


def test_nothing(tmp_path: Path) -> None:
    with pytest.raises(ContainerUnknown, match="neither"):
        describe_container(tmp_path)
    with pytest.raises(SourceMissing):
        describe_container(tmp_path / "absent")


@pytest.mark.parametrize("version", [0, 1, 2, 3])
def test_an_hdf5_file_that_was_cut_off(version: int, tmp_path: Path) -> None:
    path = tmp_path / "model.h5"
    path.write_bytes(hdf5(4096, version=version)[:3000])
    with pytest.raises(TruncatedModel, match="3000 of the 4096 bytes"):
        describe_container(path)


def test_a_model_that_was_cut_off_is_still_known(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for data, container in (
        (ONNX[:900], Container.ONNX),
        (SAVED_MODEL_PB[:5], Container.SAVED_MODEL),
    ):
        path.write_bytes(data)
        assert describe_container(path).container is container


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    case=st.sampled_from(sorted(FILES)),
    changes=st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), max_size=4),
    share=st.sampled_from([1.0, 1.0, 0.9, 0.5, 0.05]),
)
def test_damaged_files(
    case: str, changes: list[tuple[float, int]], share: float, tmp_path: Path
) -> None:
    data = bytearray(FILES[case][0])
    for place, value in changes:
        data[int(place * len(data))] = value
    path = tmp_path / "file"
    path.write_bytes(data[: int(share * len(data))])
    with contextlib.suppress(ModelRefused):
        assert describe_container(path).container in Container


def test_text_that_is_nnef_after_comments(tmp_path: Path) -> None:
    path = tmp_path / "net"
    path.write_bytes(b"\n # one\n#two\n\n" + NNEF_TEXT)
    assert describe_container(path).container is Container.NNEF
