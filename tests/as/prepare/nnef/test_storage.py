"""Packages on disk: folders, archives, and what is not one."""

from pathlib import Path

import pytest

from fivegms_codecs.nnef import NnefLimits
from fivegms_prepare.errors import NnefInvalid, SourceMissing, StorageFailed
from fivegms_prepare.nnef import open_package
from fivegms_prepare.nnef.storage import read_files, write_files
from support.nnef_graphs import text_of

FILES = {"graph.nnef": text_of("y = relu(x);").encode(), "a/b.dat": b"", "a/c.dat": b"12"}
PARTS = [(path, (data[:1], data[1:])) for path, data in FILES.items()]


@pytest.mark.requirement("R154")
@pytest.mark.parametrize("name", ["folder", "p.tgz", "p.tar.gz", "p.tar"])
def test_a_package_is_read_from_where_it_was_written(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    write_files(PARTS, path)
    found = read_files(path, NnefLimits())
    assert {one: bytes(found[one]) for one in found} == FILES
    assert open_package(path).graph.outputs == ("y",)


def test_a_folder_may_be_named_by_its_structure_file(tmp_path: Path) -> None:
    write_files(PARTS, tmp_path / "p")
    assert len(read_files(tmp_path / "p" / "graph.nnef", NnefLimits())) == 3


def test_links_are_no_files_of_a_package(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    write_files(PARTS, tmp_path / "p")
    (tmp_path / "p" / "v.dat").symlink_to(tmp_path / "secret")
    found = read_files(tmp_path / "p", NnefLimits())
    assert "v.dat" not in found
    with pytest.raises(KeyError):
        found["v.dat"]
    with pytest.raises(KeyError):
        found["../secret"]


def test_what_is_no_package_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceMissing):
        open_package(tmp_path / "nonesuch.tgz")
    with pytest.raises(NnefInvalid):
        open_package(tmp_path)
    (tmp_path / "p.tgz").write_bytes(b"\x1f\x8b\x08\x00")
    with pytest.raises(NnefInvalid):
        open_package(tmp_path / "p.tgz")
    write_files(PARTS, tmp_path / "p")
    with pytest.raises(NnefInvalid, match="more than 2"):
        open_package(tmp_path / "p", NnefLimits(max_files=2))


def test_what_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    with pytest.raises(StorageFailed, match="not empty"):
        write_files(PARTS, tmp_path / "full")
    with pytest.raises(StorageFailed):
        write_files(PARTS, tmp_path / "full" / "file" / "p.tgz")
