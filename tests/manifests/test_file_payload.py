"""A file goes through segments and comes out the same, under a name that stays in its folder."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fivegms_manifests.errors import BoxUnsupported, FileNameUnsafe, ManifestError
from fivegms_manifests.file_payload import (
    FILE_PAYLOAD_URN,
    assemble_file,
    read_file_initialization,
    write_file_initialization,
    write_file_segment,
)
from fivegms_manifests.segments import WEIGHTS_PAYLOAD_URN, write_initialization_segment


@pytest.mark.requirement("R090")
@given(st.lists(st.binary(min_size=1, max_size=100), max_size=5))
def test_parts_become_the_file(parts: list[bytes]) -> None:
    out = io.BytesIO()
    segments = (write_file_segment(part, index) for index, part in enumerate(parts))
    assert assemble_file(segments, out) == len(b"".join(parts))
    assert out.getvalue() == b"".join(parts)


@pytest.mark.parametrize("name", ["vgg16.nnef.tar", "modèle.h5", "a" * 255, ".hidden", "..."])
def test_names(name: str) -> None:
    assert read_file_initialization(write_file_initialization(name)) == name


UNSAFE = ["", ".", "..", "../up", "/etc/passwd", "a/b", "a\\b", "c:x", "nul\0", "a\nb", "a" * 256]


@pytest.mark.parametrize("name", [*UNSAFE, "é" * 128])
def test_names_that_lead_elsewhere(name: str) -> None:
    with pytest.raises(FileNameUnsafe):
        write_file_initialization(name)
    with pytest.raises(FileNameUnsafe):
        read_file_initialization(write_initialization_segment(FILE_PAYLOAD_URN, name.encode()))


def test_a_name_that_is_no_text() -> None:
    with pytest.raises(FileNameUnsafe, match="not UTF-8"):
        read_file_initialization(write_initialization_segment(FILE_PAYLOAD_URN, b"\xff"))


def test_another_payload() -> None:
    with pytest.raises(BoxUnsupported, match="not the payload of a file"):
        read_file_initialization(write_initialization_segment(WEIGHTS_PAYLOAD_URN, b"name"))


INIT = write_file_initialization("model.onnx")


@given(st.integers(0, len(INIT) - 1), st.integers(0, 255), st.integers(0, len(INIT)))
def test_damaged_initialization(place: int, value: int, length: int) -> None:
    data = bytearray(INIT)
    data[place] = value
    try:
        name = read_file_initialization(bytes(data[:length]))
    except ManifestError:
        return
    assert "/" not in name
    assert name not in ("", ".", "..")
