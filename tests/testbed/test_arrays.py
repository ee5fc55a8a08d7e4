"""Arrays from users' files: what the model takes in, or a clear refusal."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fivegms_manifests.model import TensorInfo
from fivegms_testbed.arrays import ArraysUnreadable, is_array_file, read_feeds, write_outputs

ONE = (TensorInfo("x", "float32", ("N", 4)),)
TWO = (*ONE, TensorInfo("state", "float32", (4,)))


def test_one_array_feeds_a_model_of_one_input(tmp_path: Path) -> None:
    values = np.arange(8, dtype=np.float32).reshape(2, 4)
    np.save(tmp_path / "in.npy", values)
    np.testing.assert_array_equal(read_feeds(tmp_path / "in.npy", ONE)["x"], values)


def test_named_arrays_feed_a_model_of_several(tmp_path: Path) -> None:
    np.savez(tmp_path / "in.npz", x=np.zeros((1, 4)), state=np.ones(4))
    assert set(read_feeds(tmp_path / "in.npz", TWO)) == {"x", "state"}


def test_one_array_is_not_enough_for_two_inputs(tmp_path: Path) -> None:
    np.save(tmp_path / "in.npy", np.zeros(4))
    with pytest.raises(ArraysUnreadable, match="x, state"):
        read_feeds(tmp_path / "in.npy", TWO)


@pytest.mark.parametrize("name", ["in.npy", "in.npz"])
@pytest.mark.parametrize("content", [b"", b"not numpy", b"\x93NUMPY\x01\x00"])
def test_what_is_no_array_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ArraysUnreadable, match=name):
        read_feeds(path, ONE)


def test_pickles_are_never_loaded(tmp_path: Path) -> None:
    np.save(tmp_path / "in.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(ArraysUnreadable):
        read_feeds(tmp_path / "in.npy", ONE)


def test_an_archive_that_would_unpack_to_too_much_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", bytes(1000))
    data = bytearray(path.read_bytes())
    directory = data.index(b"PK\x01\x02")
    data[directory + 24 : directory + 28] = (2**32 - 2).to_bytes(4, "little")
    path.write_bytes(bytes(data))
    with pytest.raises(ArraysUnreadable, match="unpacks to more"):
        read_feeds(path, ONE)


def damaged_inside(data: bytearray, directory: int) -> None:
    data[60:90] = b"\xff" * 30


def encrypted(data: bytearray, directory: int) -> None:
    data[6] |= 1
    data[directory + 8] |= 1


def of_another_method(data: bytearray, directory: int) -> None:
    data[8] = data[directory + 10] = 99


def of_a_method_that_it_is_not(data: bytearray, directory: int) -> None:
    data[8] = data[directory + 10] = zipfile.ZIP_BZIP2


@pytest.mark.parametrize(
    "spoil", [damaged_inside, encrypted, of_another_method, of_a_method_that_it_is_not]
)
def test_an_archive_that_cannot_be_unpacked_is_refused(
    tmp_path: Path, spoil: Callable[[bytearray, int], None]
) -> None:
    path = tmp_path / "in.npz"
    np.savez_compressed(path, x=np.arange(1000))
    data = bytearray(path.read_bytes())
    spoil(data, data.index(b"PK\x01\x02"))
    path.write_bytes(data)
    with pytest.raises(ArraysUnreadable, match=r"in\.npz"):
        read_feeds(path, ONE)


def test_outputs_are_saved_by_name(tmp_path: Path) -> None:
    write_outputs({"y": np.ones(3)}, tmp_path / "out.npz")
    with np.load(tmp_path / "out.npz") as saved:
        np.testing.assert_array_equal(saved["y"], np.ones(3))
    assert [path.name for path in tmp_path.iterdir()] == ["out.npz"]


def test_an_output_may_have_any_name(tmp_path: Path) -> None:
    outputs = {name: np.full(2, i) for i, name in enumerate(("file", "allow_pickle", "a/b", "0"))}
    write_outputs(outputs, tmp_path / "out.npz")
    with np.load(tmp_path / "out.npz") as saved:
        assert {name: int(saved[name][0]) for name in saved.files} == {
            "file": 0,
            "allow_pickle": 1,
            "a/b": 2,
            "0": 3,
        }


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Object arrays"):
        write_outputs({"y": np.array([{}], dtype=object)}, tmp_path / "out.npz")
    assert list(tmp_path.iterdir()) == []


def test_outputs_need_a_name_that_says_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(ArraysUnreadable, match="npz"):
        write_outputs({"y": np.ones(3)}, tmp_path / "out.txt")


def test_a_file_is_known_by_its_name() -> None:
    assert is_array_file(Path("a.NPZ"))
    assert not is_array_file(Path("a.png"))
