"""Binary tensor files: every type both ways, and every field of the header held to its bounds."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from fivegms_codecs.nnef import NnefLimits, errors
from fivegms_codecs.nnef.tensor_file import HEADER_BYTES, read_tensor, write_tensor

DTYPES = ("<f2", "<f4", "<f8", "<i1", "<i2", "<i4", "<i8", "<u1", "<u2", "<u4", "<u8", "?")

any_array = st.sampled_from(DTYPES).flatmap(
    lambda dtype: arrays.arrays(dtype, arrays.array_shapes(min_dims=0, max_dims=8, max_side=3))
)


def changed(offset: int, *values: int) -> bytes:
    """A file of float32 [2, 3] with other numbers at an offset of its header."""
    data = bytearray(write_tensor(np.ones((2, 3), np.float32)))
    struct.pack_into(f"<{len(values)}I", data, offset, *values)
    return bytes(data)


@pytest.mark.requirement("R154b")
@given(any_array)
def test_a_tensor_is_read_as_it_was_written(array: NDArray[np.generic]) -> None:
    data = write_tensor(array)
    found = read_tensor(data)
    assert not found.quantised
    assert (found.array.dtype, found.array.shape) == (array.dtype, array.shape)
    assert found.array.tobytes() == array.tobytes()
    assert write_tensor(found.array) == data


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16])
def test_levels_are_told_from_numbers(dtype: type[np.generic]) -> None:
    found = read_tensor(write_tensor(np.ones(3, dtype), quantised=True))
    assert found.quantised
    assert found.array.dtype == dtype


def test_the_header_is_laid_out_as_the_format_says() -> None:
    data = write_tensor(np.arange(6, dtype=">f4").reshape(2, 3))
    assert data[:4] == b"N\xef\x01\x00"
    assert struct.unpack_from("<12I", data, 4) == (24, 2, 2, 3, 0, 0, 0, 0, 0, 0, 32, 0)
    assert data[52:HEADER_BYTES] == bytes(76)
    assert np.frombuffer(data[HEADER_BYTES:], "<f4").tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("data", "refusal"),
    [
        (b"", errors.TensorFileInvalid),
        (changed(0, 0x0001EF4F), errors.TensorFileInvalid),
        (changed(0, 0x0002EF4E), errors.VersionUnknown),
        (changed(4, 23), errors.TensorFileInvalid),
        (changed(8, 9), errors.TensorFileInvalid),
        (changed(8, 1), errors.TensorFileInvalid),
        (changed(12, 3), errors.TensorFileInvalid),
        (changed(12, 2**32 - 1, 2**32 - 1), errors.TooLarge),
        (changed(44, 33), errors.TensorFileInvalid),
        (changed(44, 16), errors.TensorFileInvalid),
        (changed(48, 6), errors.ItemTypeUnknown),
        (changed(48, 5), errors.ItemTypeUnknown),
        (changed(52, 1), errors.TensorFileInvalid),
        (changed(0)[:-1], errors.TensorFileInvalid),
        (changed(0) + b"\0", errors.TensorFileInvalid),
    ],
)
def test_a_header_that_contradicts_itself_is_refused(
    data: bytes, refusal: type[errors.NnefError]
) -> None:
    with pytest.raises(refusal):
        read_tensor(data)


def test_widths_that_numpy_has_not_are_refused() -> None:
    data = bytearray(changed(44, 24))
    struct.pack_into("<I", data, 4, 18)
    with pytest.raises(errors.ItemTypeUnknown):
        read_tensor(bytes(data[:-6]))


def test_nothing_is_allocated_above_the_limit() -> None:
    with pytest.raises(errors.TooLarge):
        read_tensor(write_tensor(np.ones(9, np.float32)), NnefLimits(max_tensor_bytes=35))


@pytest.mark.parametrize(
    ("array", "refusal"),
    [
        (np.ones(1, np.complex64), errors.ItemTypeUnknown),
        (np.ones((1,) * 9, np.float32), errors.TooLarge),
        (np.broadcast_to(np.float32(0), (2**32,)), errors.TooLarge),
        (np.broadcast_to(np.uint8(0), (2**16, 2**16)), errors.TooLarge),
    ],
)
def test_what_the_format_does_not_hold_is_not_written(
    array: NDArray[np.generic], refusal: type[errors.NnefError]
) -> None:
    with pytest.raises(refusal):
        write_tensor(array)


@given(st.binary(min_size=1, max_size=60), st.integers(0, 200))
def test_damage_is_refused_or_changes_numbers_only(patch: bytes, offset: int) -> None:
    data = bytearray(write_tensor(np.ones((2, 3), np.float32)))
    data[offset : offset + len(patch)] = patch
    try:
        found = read_tensor(bytes(data))
    except errors.NnefError:
        return
    assert found.array.nbytes <= len(data) * 8
