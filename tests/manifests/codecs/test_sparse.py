"""sparse+zstd: the numbers that are not zero, and where they are; exactly."""

import struct
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from fivegms_codecs import (
    Codec,
    DType,
    Precision,
    TensorUnit,
    decode_tensor,
    errors,
    frames,
    read_unit,
    sparse,
    write_tensor,
)

Array = NDArray[np.generic]


def sent(array: Array) -> TensorUnit:
    unit = read_unit(write_tensor("w", array, Precision.FP32, Codec.SPARSE_ZSTD))
    assert isinstance(unit, TensorUnit)
    return unit


def pruned(share_left: float, dtype: str = "float32", seed: int = 8) -> Array:
    random = np.random.default_rng(seed)
    array = random.normal(0, 3, (64, 64)).astype(dtype)
    array[random.random(array.shape) >= share_left] = 0
    return array


any_sparse_array = st.sampled_from(list(DType)).flatmap(
    lambda dtype: arrays.arrays(
        dtype.numpy, arrays.array_shapes(min_dims=0, min_side=0), fill=st.just(dtype.numpy.type(0))
    )
)


@pytest.mark.requirement("R135")
@given(any_sparse_array)
def test_dense_again_it_has_every_bit(array: Array) -> None:
    packed = memoryview(b"".join(sparse.encode(array, DType[array.dtype.name.upper()])))
    out = np.ones_like(array)
    assert sparse.check(packed, array.shape, DType[array.dtype.name.upper()]) == 17
    sparse.decode(packed, out, DType[array.dtype.name.upper()])
    assert out.tobytes() == array.tobytes()


@pytest.mark.requirement("R135")
@pytest.mark.parametrize("share_left", [0.9, 0.5, 0.2, 0.1, 0.01, 0.0])
def test_fewer_bytes_than_dense_planes(share_left: float) -> None:
    array = pruned(share_left)
    unit = sent(array)
    assert (unit.stored, unit.codec) == (DType.FLOAT32, Codec.SPARSE_ZSTD)
    assert decode_tensor(unit).tobytes() == array.tobytes()
    dense = write_tensor("w", array, Precision.FP32, Codec.PLANES_ZSTD)
    sparse_bytes = len(write_tensor("w", array, Precision.FP32, Codec.SPARSE_ZSTD))
    assert sparse_bytes < len(dense) or share_left == 0
    if share_left == 0.1:
        assert sparse_bytes < 0.55 * len(dense)


@pytest.mark.parametrize("dtype", [dtype.name.lower() for dtype in DType])
def test_every_type_of_number_may_be_sparse(dtype: str) -> None:
    array = pruned(0.2).astype(dtype)
    unit = sent(array)
    assert unit.codec is Codec.SPARSE_ZSTD
    assert decode_tensor(unit).tobytes() == array.tobytes()


def test_what_looks_like_zero_but_is_not_is_sent() -> None:
    array = np.zeros((40, 40), np.float32)
    array[0, :4] = [-0.0, np.nan, 1e-45, np.inf]
    array[1, 0] = np.uint32(0x7FC01234).view(np.float32)
    unit = sent(array)
    assert struct.unpack_from("<BQ", unit.payload) == (1, 5)
    assert decode_tensor(unit).tobytes() == array.tobytes()


@pytest.mark.parametrize(
    "array",
    [np.zeros((32, 32), np.float32), pruned(1.0), pruned(0.97), np.zeros(()), np.zeros((0, 9))],
    ids=["1024 elements", "no zeros", "few zeros", "rank 0", "empty"],
)
def test_what_gains_nothing_stays_dense(array: Array) -> None:
    unit = sent(array)
    assert unit.codec is Codec.PLANES_ZSTD
    assert decode_tensor(unit).tobytes() == array.tobytes()


def payload(kind: int, positions: list[int], numbers: list[float], count: int) -> memoryview:
    packed = np.array(positions, np.uint8)
    values = np.array(numbers, np.float32)
    return memoryview(
        struct.pack("<BQQ", kind, count, len(packed))
        + b"".join(frames.pack(frames.as_bytes(packed)))
        + b"".join(frames.pack(frames.as_bytes(values)))
    )


MASK = [1] + [0] * 199
GAPS = [0] + [255] * 6
REFUSED = {
    "no counts": (memoryview(b"\0" * 16), "counts belong"),
    "another kind": (payload(2, MASK, [1], 1), "kind 2"),
    "more numbers than elements": (payload(0, MASK, [1] * 1601, 1601), "1601 numbers"),
    "a short mask": (payload(0, MASK[1:], [1], 1), "199 bytes of positions"),
    "few gaps": (payload(1, GAPS[2:], [1], 1), "5 bytes of positions"),
    "more numbers than positions": (payload(0, MASK, [1, 2], 2), "1 positions for 2"),
    "more positions than numbers": (payload(0, [3] + [0] * 199, [1], 1), "more positions"),
    "a zero sent": (payload(0, MASK, [0], 1), "zero"),
    "numbers of another size": (payload(0, MASK, [1, 2], 1), "promises 8"),
    "half a frame": (payload(0, MASK, [1], 1)[:-1], "frame"),
    "bytes after the frames": (memoryview(bytes(payload(0, MASK, [1], 1)) + b"\0"), "follow"),
}


@pytest.mark.parametrize(("damaged", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_what_no_writer_writes_is_refused(damaged: memoryview, message: str) -> None:
    unit = sent(np.eye(40, dtype=np.float32))
    for good in (payload(0, MASK, [1], 1), payload(1, GAPS, [1], 1)):
        assert decode_tensor(replace(unit, payload=good)).sum() == 1
    with pytest.raises(errors.PayloadCorrupt, match=message):
        decode_tensor(replace(unit, payload=damaged))
