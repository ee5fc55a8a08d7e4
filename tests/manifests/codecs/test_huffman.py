"""int8+huffman: the values of int8+zstd, closer to their entropy."""

import math
import struct
import tracemalloc
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from fivegms_codecs import (
    Codec,
    DType,
    Precision,
    TensorUnit,
    channels,
    decode_tensor,
    errors,
    frames,
    lanes,
    prefix_code,
    read_unit,
    write_tensor,
)

Array = NDArray[np.generic]
Floats = NDArray[np.float32]


def sent(array: Array, codec: Codec = Codec.INT8_HUFFMAN) -> TensorUnit:
    unit = read_unit(write_tensor("w", array, Precision.INT8, codec))
    assert isinstance(unit, TensorUnit)
    return unit


def gaussian(*shape: int) -> Floats:
    return np.random.default_rng(9).normal(0, 0.02, shape).astype(np.float32)


def laplacian(*shape: int) -> Floats:
    return np.random.default_rng(9).laplace(0, 0.02, shape).astype(np.float32)


def heavy_tailed(*shape: int) -> Floats:
    return np.random.default_rng(9).standard_t(4, shape).astype(np.float32)


def entropy_bytes(array: Array) -> float:
    """What an ideal coder of independent values needs."""
    [levels] = channels.quantise(array, channels.whole_scales(array), array.size)
    _, counts = np.unique(levels, return_counts=True)
    return float(-(counts * np.log2(counts / counts.sum())).sum() / 8)


@pytest.mark.requirement("R142")
@pytest.mark.parametrize("draw", [gaussian, laplacian, heavy_tailed])
def test_it_is_near_the_entropy_and_below_zstd(draw: Callable[..., Floats]) -> None:
    array = draw(512, 1024)
    scales_bytes = 4 * 512
    huffman_bytes = len(sent(array).payload) - scales_bytes
    zstd_bytes = len(sent(array, Codec.INT8_ZSTD).payload) - scales_bytes
    bound = entropy_bytes(array)
    assert bound <= huffman_bytes < 1.015 * bound
    assert huffman_bytes < zstd_bytes


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("shape", [(40, 40), (37, 45), (33, 3, 5, 5), (1030, 1030)])
def test_it_decodes_to_what_int8_zstd_does(dtype: str, shape: tuple[int, ...]) -> None:
    array = gaussian(*shape).astype(dtype)
    unit = sent(array)
    assert (unit.stored, unit.codec) == (DType.INT8, Codec.INT8_HUFFMAN)
    np.testing.assert_array_equal(decode_tensor(unit), decode_tensor(sent(array, Codec.INT8_ZSTD)))


def test_a_tensor_of_several_blocks_comes_back() -> None:
    array = gaussian(2, lanes.BLOCK_SYMBOLS // 2 + 700)
    array[1] *= 5
    decoded = decode_tensor(sent(array))
    np.testing.assert_array_equal(decoded, decode_tensor(sent(array, Codec.INT8_ZSTD)))


@pytest.mark.parametrize("value", [0.0, 1.5])
def test_a_constant_tensor_comes_back(value: float) -> None:
    array = np.full((40, 40), value, np.float32)
    np.testing.assert_allclose(decode_tensor(sent(array)), array, rtol=1e-6)


ARRAY = gaussian(40, 40)
SCALES_END = 160
STREAMS_START = 168
LANES = 7


def rebuilt(
    *,
    claimed: int | None = None,
    stream: bytes | None = None,
    lengths: NDArray[np.uint8] | None = None,
    sizes: NDArray[np.uint16] | None = None,
) -> memoryview:
    """The payload of ARRAY, with some of its parts replaced."""
    payload = sent(ARRAY).payload
    (count,) = struct.unpack_from("<Q", payload, SCALES_END)
    if stream is None:
        stream = bytes(payload[STREAMS_START : STREAMS_START + count])
    table = np.empty((prefix_code.SYMBOLS + 2 * LANES, 1), np.uint8)
    frames.unpack(payload[STREAMS_START + count :], table)
    if lengths is not None:
        table[: prefix_code.SYMBOLS, 0] = lengths
    if sizes is not None:
        table[prefix_code.SYMBOLS :, 0] = sizes.view(np.uint8).reshape(-1, 2).T.reshape(-1)
    claimed = len(stream) if claimed is None else claimed
    head = bytes(payload[:SCALES_END]) + struct.pack("<Q", claimed)
    return memoryview(head + stream + b"".join(frames.pack(table)))


def code_of(*symbols: int) -> NDArray[np.uint8]:
    return prefix_code.code_lengths(np.bincount(symbols, minlength=256))


LAST = bytes(sent(ARRAY).payload)
REFUSED = {
    "no scales": (memoryview(LAST[:100]), "scales belong"),
    "no length": (memoryview(LAST[:165]), "before the length"),
    "longer than the payload": (rebuilt(claimed=2**63), "belong"),
    "fewer bits than values": (rebuilt(claimed=199), "codes"),
    "over-subscribed": (rebuilt(lengths=np.full(256, 1, np.uint8)), "over-subscribed"),
    "incomplete": (rebuilt(lengths=np.full(256, 9, np.uint8)), "incomplete"),
    "no code": (rebuilt(lengths=np.zeros(256, np.uint8)), "incomplete"),
    "a code of 16 bits": (rebuilt(lengths=np.full(256, 16, np.uint8)), "16 bits"),
    "a code for -128": (rebuilt(lengths=code_of(0, 1, 2, 128)), "-128"),
    "sizes of too much": (rebuilt(sizes=np.full(LANES, 9999, np.uint16)), "sum up"),
    "sizes of too little": (rebuilt(sizes=np.zeros(LANES, np.uint16)), "sum up"),
    "another code": (rebuilt(lengths=code_of(0, 1)), "next one starts"),
    "no tables": (memoryview(LAST[: len(LAST) - 20]), "frame"),
    "bytes after the tables": (memoryview(LAST + b"\0"), "follow"),
}


@pytest.mark.parametrize(("damaged", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_what_no_writer_writes_is_refused(damaged: memoryview, message: str) -> None:
    unit = sent(ARRAY)
    np.testing.assert_array_equal(
        decode_tensor(replace(unit, payload=rebuilt())), decode_tensor(unit)
    )
    with pytest.raises(errors.PayloadCorrupt, match=message):
        decode_tensor(replace(unit, payload=damaged))


def test_nothing_is_allocated_for_a_code_that_is_none() -> None:
    """64 MiB are promised, with bits enough for all values, under a code that is none."""
    shape = (16, 1 << 20)
    values = math.prod(shape)
    blocks = values // lanes.BLOCK_SYMBOLS
    table = np.ones((blocks * (256 + 2 * lanes.lane_count(lanes.BLOCK_SYMBOLS)), 1), np.uint8)
    payload = b"".join(
        [bytes(64), struct.pack("<Q", values // 8), bytes(values // 8), *frames.pack(table)]
    )
    unit = TensorUnit(
        "w", DType.FLOAT32, shape, DType.INT8, Codec.INT8_HUFFMAN, memoryview(payload)
    )
    tracemalloc.start()
    try:
        with pytest.raises(errors.PayloadCorrupt, match="over-subscribed"):
            decode_tensor(unit)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
