"""Archives from outside: what they hold is found, and what would escape or explode is refused."""

import contextlib
import gzip
import io
import tarfile
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fivegms_prepare.containers.archives import ArchiveLimits, Member, open_archive, unpack
from fivegms_prepare.errors import (
    ArchiveDamaged,
    ArchiveUnsafe,
    ModelRefused,
    ModelTooLarge,
    SourceMissing,
)
from support.containers import tarred, zipped

FILES = {"graph.nnef": b"version 1.0;", "a/b/c.dat": bytes(3000), "empty": b""}
WAYS = {
    "zip": zipped(FILES),
    "deflated zip": zipped(FILES, zipfile.ZIP_DEFLATED),
    "tar": tarred(FILES),
    "tar.gz": tarred(FILES, "w:gz"),
}


def unpacked(data: bytes, folder: Path, limits: ArchiveLimits | None = None) -> dict[str, bytes]:
    """The files that an archive becomes, below a new folder."""
    path = folder / "archive"
    path.write_bytes(data)
    out = folder / "out"
    out.mkdir()
    with open_archive(path, limits or ArchiveLimits()) as archive:
        assert archive is not None
        unpack(archive, out)
    files = (found for found in out.rglob("*") if found.is_file())
    return {file.relative_to(out).as_posix(): file.read_bytes() for file in files}


@pytest.mark.parametrize("way", WAYS)
def test_members(way: str, tmp_path: Path) -> None:
    assert unpacked(WAYS[way], tmp_path) == FILES


def test_folders_are_no_members(tmp_path: Path) -> None:
    path = tmp_path / "archive"
    path.write_bytes(zipped({"a/": b"", "a/b": b"1"}))
    with open_archive(path) as archive:
        assert archive is not None
        assert archive.members == (Member("a/b", 1),)


def test_what_is_no_archive(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"PK nothing of the kind" + bytes(400))
    with open_archive(path) as archive:
        assert archive is None
    with pytest.raises(SourceMissing), open_archive(tmp_path / "absent"):
        pass


ELSEWHERE = ["../up", "/etc/passwd", "a/../../up", "a//b", "a/./b", "c:\\x", "a\\b", "x\ny", "."]


@pytest.mark.parametrize("name", ELSEWHERE)
@pytest.mark.parametrize("make", [zipped, tarred])
def test_paths_that_lead_elsewhere(name: str, make: object, tmp_path: Path) -> None:
    assert callable(make)
    if make is zipped and name == "/etc/passwd":
        return  # Python's reader is given it as "etc/passwd"
    with pytest.raises(ArchiveUnsafe):
        unpacked(make({name: b""}), tmp_path)
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_members_that_are_no_files(kind: bytes, tmp_path: Path) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        member = tarfile.TarInfo("link")
        member.type, member.linkname = kind, "/etc/passwd"
        archive.addfile(member)
    with pytest.raises(ArchiveUnsafe, match="a link or another thing"):
        unpacked(out.getvalue(), tmp_path)


def test_links_in_a_zip_file(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        member = zipfile.ZipInfo("link")
        member.external_attr = 0o120777 << 16
        archive.writestr(member, "/etc/passwd")
    with pytest.raises(ArchiveUnsafe, match="a link"):
        unpacked(out.getvalue(), tmp_path)


def test_an_encrypted_zip_file(tmp_path: Path) -> None:
    data = bytearray(zipped({"a": b"1"}))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(ArchiveUnsafe, match="encrypted"):
        unpacked(bytes(data), tmp_path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("way", ["zip", "tar"])
def test_members_that_are_there_twice(way: str, tmp_path: Path) -> None:
    out = io.BytesIO()
    if way == "zip":
        with zipfile.ZipFile(out, "w") as archive:
            archive.writestr("a", "1")
            archive.writestr("a", "2")
    else:
        with tarfile.open(fileobj=out, mode="w") as tar:
            for data in (b"1", b"22"):
                member = tarfile.TarInfo("a")
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
    with pytest.raises(ArchiveUnsafe, match="twice"):
        unpacked(out.getvalue(), tmp_path)


@pytest.mark.parametrize("make", [zipped, tarred])
def test_a_file_that_is_a_folder_too(make: object, tmp_path: Path) -> None:
    assert callable(make)
    with pytest.raises(ArchiveUnsafe, match="below a file"):
        unpacked(make({"a": b"", "a/b": b""}), tmp_path)


@pytest.mark.parametrize("way", WAYS)
def test_limits(way: str, tmp_path: Path) -> None:
    for limits in (ArchiveLimits(members=2), ArchiveLimits(unpacked_bytes=3000)):
        (tmp_path / str(limits.members)).mkdir()
        with pytest.raises(ModelTooLarge, match="members or"):
            unpacked(WAYS[way], tmp_path / str(limits.members), limits)


def test_a_list_of_members_that_is_too_long(tmp_path: Path) -> None:
    with pytest.raises(ModelTooLarge, match="list of members"):
        unpacked(WAYS["zip"], tmp_path, ArchiveLimits(directory_bytes=10))


def test_a_bomb_is_refused_without_being_unpacked(tmp_path: Path) -> None:
    """A megabyte that declares, and would become, a gigabyte."""
    header = tarfile.TarInfo("bomb")
    header.size = 2**30
    bomb = gzip.compress(header.tobuf() + bytes(2**24))
    tracemalloc.start()
    try:
        with pytest.raises(ModelTooLarge):
            unpacked(bomb, tmp_path, ArchiveLimits(unpacked_bytes=2**29))
        assert tracemalloc.get_traced_memory()[1] < 2**23
    finally:
        tracemalloc.stop()


def test_a_header_without_end(tmp_path: Path) -> None:
    header = tarfile.TarInfo("long")
    header.type, header.size = tarfile.XHDTYPE, 2**32
    with pytest.raises(ArchiveUnsafe, match="longer than headers are"):
        unpacked(header.tobuf() + bytes(2**16), tmp_path)


@pytest.mark.parametrize("share", [0.4, 0.5])  # half of the tar file is its members
@pytest.mark.parametrize("way", WAYS)
def test_archives_that_were_cut_off(way: str, share: float, tmp_path: Path) -> None:
    with pytest.raises(ArchiveDamaged):
        unpacked(WAYS[way][: int(share * len(WAYS[way]))], tmp_path)


@pytest.mark.parametrize("way", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, 99])
def test_another_way_of_compression(way: int, tmp_path: Path) -> None:
    data = bytearray(zipped({"a": b"1"}))
    data[data.index(b"PK\x01\x02") + 10] = way
    data[8] = way
    with pytest.raises(ArchiveDamaged, match="cannot be read"):
        unpacked(bytes(data), tmp_path)


def test_a_member_before_the_beginning_of_a_zip_file(tmp_path: Path) -> None:
    data = bytearray(zipped({"a": b"1"}))
    data[data.index(b"PK\x05\x06") + 18] = 1  # the list of members is said to be further on
    with pytest.raises(ArchiveDamaged, match="outside"):
        unpacked(bytes(data), tmp_path)


def test_a_name_in_a_zip_file_that_is_no_text(tmp_path: Path) -> None:
    data = zipped({"\u00e9": b"1"}).replace("\u00e9".encode(), b"\xff\xfe")
    with pytest.raises(ArchiveDamaged, match="cannot be read"):
        unpacked(data, tmp_path)


@pytest.mark.parametrize("key", ["GNU.sparse.map", "GNU.sparse.size"])
def test_a_number_in_a_tar_file_that_is_none(key: str, tmp_path: Path) -> None:
    header = tarfile.TarInfo("a")
    header.pax_headers = {key: "x,y"}
    with pytest.raises(ArchiveDamaged, match="cannot be read"):
        unpacked(header.tobuf(tarfile.PAX_FORMAT) + bytes(1024), tmp_path)


@pytest.mark.parametrize("name", ["\u8a9e" * 86, "/".join(["folder"] * 150)])
@pytest.mark.parametrize("make", [zipped, tarred])
def test_names_that_no_file_can_have(name: str, make: object, tmp_path: Path) -> None:
    assert callable(make)
    with pytest.raises(ArchiveUnsafe, match="no place"):
        unpacked(make({name: b""}), tmp_path)


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    way=st.sampled_from(sorted(WAYS)),
    changes=st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), max_size=4),
    share=st.sampled_from([1.0, 1.0, 0.9, 0.5]),
)
def test_damaged_archives(
    way: str,
    changes: list[tuple[float, int]],
    share: float,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    data = bytearray(WAYS[way])
    for place, value in changes:
        data[int(place * len(data))] = value
    folder = tmp_path_factory.mktemp("damaged")
    (folder / "archive").write_bytes(data[: int(share * len(data))])
    (folder / "out").mkdir()
    limits = ArchiveLimits(unpacked_bytes=2**20)
    with contextlib.suppress(ModelRefused), open_archive(folder / "archive", limits) as archive:
        if archive is not None:
            unpack(archive, folder / "out")
    assert {path.name for path in folder.iterdir()} == {"archive", "out"}
