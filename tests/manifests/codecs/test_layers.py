"""Layers: every prefix is a tensor, within its bound; all of them are the tensor itself."""

import tracemalloc
import zlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from fivegms_codecs import (
    Codec,
    CodecError,
    DType,
    Precision,
    TensorUnit,
    UnitLimits,
    channels,
    decode_tensor,
    errors,
    ordering,
    quantised,
    residuals,
    units,
    write_tensor,
    write_topology,
)
from fivegms_codecs.layers import Layers, decode_layers, write_layers
from support.units import patched, resealed

Array = NDArray[np.generic]

INT8 = (Precision.INT8, Codec.INT8_ZSTD)
EXACT = (Precision.FP32, Codec.PLANES_ZSTD)


def weights(*shape: int, kind: str = "normal") -> NDArray[np.float32]:
    random = np.random.default_rng(3)
    drawn = random.normal(size=shape) if kind == "normal" else random.standard_t(3, shape)
    return (0.02 * drawn).astype(np.float32)


def written(layers: Layers) -> list[bytes]:
    return [unit for unit in (layers.base, layers.middle, layers.last) if unit is not None]


def read(layers: Layers) -> list[TensorUnit]:
    return [units.read_tensor(unit) for unit in written(layers)]


def scales_of(array: Array) -> NDArray[np.float64]:
    return channels.whole_scales(array).astype(np.float64)[:, None]


@pytest.mark.requirement("R096")
@pytest.mark.requirement("R144")
@pytest.mark.parametrize("kind", ["normal", "heavy-tailed"])
def test_every_prefix_comes_nearer_and_all_layers_are_every_bit(kind: str) -> None:
    array = weights(300, 1000, kind=kind)
    layers = read(write_layers("w", array))
    assert [unit.codec for unit in layers] == ["int8+zstd", "layer-middle", "layer-last"]
    scales = scales_of(array)
    for count, bound in (1, 0.501), (2, 1 / 63.9):
        error = np.abs(decode_layers(layers[:count]).astype(np.float64) - array)
        assert (error <= bound * scales).all()
    assert decode_layers(layers).tobytes() == array.tobytes()


def test_the_base_is_the_unit_of_the_int8_variant() -> None:
    array = weights(64, 64)
    layers = write_layers("w", array)
    assert layers.base == write_tensor("w", array, *INT8)
    base = units.read_tensor(layers.base)
    np.testing.assert_array_equal(decode_layers([base]), decode_tensor(base))


@pytest.mark.parametrize("kind", ["normal", "heavy-tailed"])
def test_layers_take_hardly_more_than_the_numbers_by_themselves(kind: str) -> None:
    array = weights(256, 2304, kind=kind)
    sizes = [len(unit) for unit in written(write_layers("w", array))]
    assert sum(sizes) <= 1.04 * len(write_tensor("w", array, *EXACT))
    assert sizes[0] + sizes[1] <= 1.02 * len(
        write_tensor("w", array, Precision.FP16, Codec.PLANES_ZSTD)
    )


def test_a_tensor_longer_than_a_block_and_a_part_of_one_comes_back() -> None:
    array = weights(3, ordering.BLOCK // 2 + 17)
    assert decode_layers(read(write_layers("w", array))).tobytes() == array.tobytes()


EXTREMES = [0.0, -0.0, 1e-45, -1e-45, 1.1754944e-38, 1e-30, 1.0, -1.0, 127.5, 3.4028235e38]

floats_in_channels = arrays.arrays(
    np.float32,
    st.sampled_from([(2, 600), (40, 40), (129, 8)]),
    elements=st.one_of(
        st.sampled_from(EXTREMES).map(np.float32),
        st.floats(width=32, allow_nan=False, allow_infinity=False),
        st.floats(-1, 1, width=32),
    ),
    fill=st.floats(-1, 1, width=32),
)


@given(floats_in_channels)
def test_whatever_the_finite_numbers_layers_are_exact_and_prefixes_finite(array: Array) -> None:
    layers = read(write_layers("w", array))
    assert decode_layers(layers).tobytes() == array.tobytes()
    for count in range(1, len(layers)):
        assert np.isfinite(decode_layers(layers[:count])).all()


@given(st.integers(0, 2**32 - 1), st.integers(-149, 127), st.sampled_from([0, 4, 20]))
def test_scales_of_every_size_lose_nothing(seed: int, exponent: int, spread: int) -> None:
    random = np.random.default_rng(seed)
    size = exponent - random.integers(0, spread + 1, (24, 64))
    array = np.ldexp(random.uniform(-1, 1, (24, 64)), size).astype(np.float32)
    base = units.read_tensor(write_tensor("w", array, *INT8))
    if base.codec is Codec.INT8_ZSTD:
        assert_words_give_the_bits_back(base, array)


def assert_words_give_the_bits_back(base: TensorUnit, array: Array) -> None:
    scales = channels.Channels(quantised.read_scales(base.payload, array), array.size)
    [values] = quantised.read_values(base.payload, base.shape)
    bits = array.reshape(-1).view(np.uint32)
    kinds = residuals.split(bits, values, scales, 0)
    out = np.empty_like(bits)
    dealer = ordering.Dealer(np.concatenate(kinds), [len(words) for words in kinds])
    residuals.join(dealer, values, scales, 0, out, complete=True)
    assert out.tobytes() == bits.tobytes()


def test_the_largest_numbers_stay_finite_in_the_middle() -> None:
    array = np.full((40, 40), np.finfo(np.float32).max)
    array[:, ::2] *= -1
    array += weights(40, 40)
    array[:, :20] *= weights(40, 20)
    layers = read(write_layers("w", array))
    assert len(layers) == 3
    assert np.isfinite(decode_layers(layers[:2])).all()


def test_where_scales_are_subnormal_the_middle_is_no_worse_than_the_base() -> None:
    array = weights(40, 100) * np.float32(1e-38)
    layers = read(write_layers("w", array))
    assert len(layers) == 3
    base, middle = (np.abs(decode_layers(layers[:count]) - array).max() for count in (1, 2))
    assert middle <= base
    assert decode_layers(layers).tobytes() == array.tobytes()


def with_value(value: float) -> Array:
    array = weights(40, 40)
    array[3, 3] = value
    return array


BASE_ALONE = {
    "no elements": np.zeros((0, 8), np.float32),
    "rank 0": np.array(2.5, np.float32),
    "a vector": weights(5000),
    "integers": np.arange(2000, dtype=np.int64).reshape(40, 50),
    "NaN": with_value(np.nan),
    "infinity": with_value(np.inf),
}


@pytest.mark.parametrize("array", BASE_ALONE.values(), ids=BASE_ALONE.keys())
def test_what_the_base_holds_exactly_needs_no_enhancement(array: Array) -> None:
    layers = write_layers("w", array)
    assert written(layers) == [layers.base]
    assert decode_layers(read(layers)).tobytes() == array.tobytes()


EXACT_IN_THE_MIDDLE = {
    "float16": weights(40, 40).astype(np.float16),
    "float64": weights(40, 40).astype(np.float64),
    "float16 inside": weights(40, 40).astype(np.float16).astype(np.float32),
    "all the same": np.full((40, 40), 0.1, np.float32),
    "zeros": np.zeros((40, 40), np.float32),
}


@pytest.mark.parametrize("array", EXACT_IN_THE_MIDDLE.values(), ids=EXACT_IN_THE_MIDDLE.keys())
def test_what_is_smaller_by_itself_follows_the_base_as_it_is(array: Array) -> None:
    layers = write_layers("w", array)
    assert layers.middle == write_tensor("w", array, *EXACT)
    assert layers.last is None
    assert decode_layers(read(layers)).tobytes() == array.tobytes()


def test_a_pruned_tensor_takes_less_in_layers_than_in_planes() -> None:
    array = weights(300, 1000)
    array[np.abs(array) < 0.03] = 0
    layers = write_layers("w", array)
    assert sum(map(len, written(layers))) < 0.7 * len(write_tensor("w", array, *EXACT))
    assert decode_layers(read(layers)).tobytes() == array.tobytes()


def test_the_same_array_gives_the_same_bytes() -> None:
    array = weights(64, 64)
    swapped = array.astype(array.dtype.newbyteorder(">"))
    assert write_layers("w", np.asfortranarray(array)) == write_layers("w", swapped)


def test_a_buffer_of_the_caller_is_filled_in_place() -> None:
    array = weights(64, 64)
    layers = read(write_layers("w", array))
    out = np.full_like(array, 9)
    assert decode_layers(layers, out) is out
    np.testing.assert_array_equal(out, array)
    with pytest.raises(errors.BufferMismatch):
        decode_layers(layers, np.empty((64, 65), np.float32))


def test_decoding_layers_takes_little_more_than_the_tensor() -> None:
    array = weights(2048, 2048)
    layers = read(write_layers("w", array))
    out = np.empty_like(array)
    tracemalloc.start()
    try:
        decode_layers(layers, out)
        assert tracemalloc.get_traced_memory()[1] < 1 << 23 < out.nbytes
    finally:
        tracemalloc.stop()


def test_writing_layers_takes_little_more_than_the_units() -> None:
    array = weights(2048, 2048)
    tracemalloc.start()
    try:
        sizes = [len(unit) for unit in written(write_layers("w", array))]
        assert tracemalloc.get_traced_memory()[1] < sum(sizes) + (6 << 20)
    finally:
        tracemalloc.stop()


def test_an_enhancement_by_itself_is_refused() -> None:
    _, middle, last = read(write_layers("w", weights(64, 64)))
    for unit in (middle, last):
        with pytest.raises(errors.BaseMissing):
            decode_tensor(unit)


def test_no_variant_asks_for_an_enhancement() -> None:
    for precision in Precision:
        with pytest.raises(errors.CodecUnsuitable):
            write_tensor("w", weights(64, 64), precision, Codec.LAYER_LAST)


ONE = read(write_layers("w", weights(64, 64)))
OTHER = read(write_layers("w", weights(64, 64) * np.float32(1.5)))
NAMED = read(write_layers("v", weights(64, 64)))
TALL = read(write_layers("w", weights(128, 32)))
HALVES = read(write_layers("w", weights(64, 64).astype(np.float16)))

NO_LAYERS = {
    "none": [],
    "four": [*ONE, ONE[2]],
    "no base": ONE[1:],
    "no middle": [ONE[0], ONE[2]],
    "another order": [ONE[1], ONE[0]],
    "the base twice": [ONE[0], ONE[0]],
    "upon an exact unit": [HALVES[0], HALVES[1], HALVES[1]],
    "another name": [ONE[0], NAMED[1]],
    "another shape": [ONE[0], TALL[1]],
    "another type": [ONE[0], HALVES[1]],
    "the middle of another base": [ONE[0], OTHER[1]],
    "the last of another middle": [*ONE[:2], OTHER[2]],
}


@pytest.mark.parametrize("layers", NO_LAYERS.values(), ids=NO_LAYERS.keys())
def test_units_that_are_not_layers_of_one_tensor_are_refused(layers: list[TensorUnit]) -> None:
    with pytest.raises(errors.LayersMismatch):
        decode_layers(layers)


def test_a_topology_is_no_layer() -> None:
    with pytest.raises(errors.UnitKindUnknown):
        units.read_tensor(write_topology(b"graph"))


MIDDLE = written(write_layers("w", weights(64, 64)))[1]
COUNTS = 12 + 16 + 1 + 4


def payload_of(unit: bytes) -> memoryview:
    return units.read_tensor(unit).payload


REFUSED = {
    "no counts": MIDDLE[: COUNTS + 20],
    "counts of other numbers": patched(MIDDLE, COUNTS, MIDDLE[COUNTS] ^ 1),
    "huge counts": patched(MIDDLE, COUNTS, *b"\xff" * 28),
    "frames of other sizes": patched(MIDDLE, COUNTS, MIDDLE[COUNTS + 4], 0, 0, 0, MIDDLE[COUNTS]),
    "a frame more": MIDDLE + MIDDLE[-30:],
    "a frame less": MIDDLE[:-30],
}


@pytest.mark.parametrize("unit", REFUSED.values(), ids=REFUSED.keys())
def test_a_reader_refuses_what_does_not_fit_the_shape(unit: bytes) -> None:
    with pytest.raises(errors.PayloadCorrupt):
        units.read_tensor(unit)


def test_layers_of_integers_are_refused() -> None:
    with pytest.raises(errors.CodecUnsuitable):
        units.read_tensor(patched(MIDDLE, 6, DType.INT32, DType.INT32))


def swapped_counts(unit: TensorUnit, refines: int) -> TensorUnit:
    """The layer with the counts of its two last kinds exchanged; its frames are as they were."""
    counts = np.frombuffer(unit.payload[4:32], "<u4").copy()
    counts[[5, 6]] = counts[[6, 5]]
    payload = refines.to_bytes(4, "little") + counts.tobytes() + bytes(unit.payload[32:])
    return replace(unit, payload=memoryview(payload))


def test_counts_that_are_not_those_of_the_values_are_refused() -> None:
    base, middle, last = ONE
    crossed = swapped_counts(middle, zlib.crc32(base.payload))
    with pytest.raises(errors.PayloadCorrupt, match="other kinds than the numbers"):
        decode_layers([base, crossed])
    onto = replace(
        last,
        payload=memoryview(zlib.crc32(crossed.payload).to_bytes(4, "little") + last.payload[4:]),
    )
    with pytest.raises(errors.PayloadCorrupt, match="than the middle one"):
        decode_layers([base, crossed, onto])


def test_a_value_that_does_not_stand_for_its_number_is_refused_by_the_writer() -> None:
    scales = channels.Channels(np.ones(1, np.float32), 4)
    bits = np.full(4, 100, np.float32).view(np.uint32)
    with pytest.raises(errors.CodecUnsuitable, match="outside the cell"):
        residuals.split(bits, np.full(4, 2, np.int8), scales, 0)


LIMITS = UnitLimits(max_tensor_bytes=1 << 20)
DAMAGED = written(write_layers("w", weights(40, 40)))


def tensor_of(data: list[bytes]) -> bytes | None:
    try:
        layers = [units.read_tensor(unit, LIMITS) for unit in data]
        tensor = decode_layers(layers)
    except CodecError:
        return None
    return layers[0].name.encode() + tensor.tobytes()


@given(st.integers(0, 2), st.data())
def test_flipped_bits_are_refused_or_change_nothing(index: int, data: st.DataObject) -> None:
    unit = bytearray(DAMAGED[index])
    for _ in range(data.draw(st.integers(1, 4))):
        unit[data.draw(st.integers(0, len(unit) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    layers = [*DAMAGED[:index], bytes(unit), *DAMAGED[index + 1 :]]
    assert tensor_of(layers) in (None, tensor_of(DAMAGED))


@given(st.integers(0, 2), st.data())
def test_a_layer_cut_or_prolonged_is_refused(index: int, data: st.DataObject) -> None:
    unit = DAMAGED[index]
    cut = unit[: data.draw(st.integers(0, len(unit) - 1))]
    longer = unit + data.draw(st.binary(min_size=1, max_size=9))
    for damaged in (cut, longer, resealed(longer)):
        assert tensor_of([*DAMAGED[:index], damaged, *DAMAGED[index + 1 :]]) is None
