"""Samples of intermediate data: what is written is read back, and nothing else is read."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from fivegms_codecs import DType, errors, write_topology
from fivegms_codecs.intermediate import (
    INTERMEDIATE_PAYLOAD_URN,
    IntermediateLimits,
    IntermediateReader,
    IntermediateTensor,
    IntermediateWriter,
    ParameterSet,
    Profile,
    Quantiser,
    TensorSpec,
    calibrated,
    decode_intermediate,
)
from fivegms_codecs.intermediate.tensor_unit import TensorCodec
from fivegms_manifests.segments import (
    read_initialization_segment,
    read_media_segment,
    write_initialization_segment,
    write_media_segment,
)
from support.intermediate import CUT, LIMITS, Array, feature_maps, parameters, told
from support.units import patched, resealed

SET, ARRAYS = feature_maps()
WRITER = IntermediateWriter(SET)
STATED = WRITER.sample(ARRAYS, stated=True)
UNSTATED = WRITER.sample(ARRAYS, stated=False)
PLAIN = TensorSpec("x", DType.FLOAT32, (2,))
ZEROS = np.zeros(2, np.float32)

any_arrays = st.sampled_from(list(DType)).flatmap(
    lambda dtype: arrays.arrays(dtype.numpy, arrays.array_shapes(min_dims=0, min_side=0))
)


def reader() -> IntermediateReader:
    return IntermediateReader([CUT], LIMITS)


def read(*samples: bytes) -> list[IntermediateTensor]:
    """The tensors of the last of these samples of one stream."""
    stream = reader()
    return [list(stream.read(sample)) for sample in samples][-1]


def exact_sample(spec: TensorSpec, array: Array) -> bytes:
    return IntermediateWriter(parameters(spec)).sample([array], stated=True)


def forged_set(offset: int, *values: int) -> bytes:
    """The unit of the sample's parameter set with other bytes, under a true checksum."""
    return resealed(patched(WRITER.parameter_unit, offset, *values))


@pytest.mark.requirement("R145")
@given(any_arrays, st.data())
def test_a_tensor_of_any_type_and_shape_comes_back_to_its_every_bit(
    array: Array, data: st.DataObject
) -> None:
    shape = tuple(data.draw(st.sampled_from([size, None])) for size in array.shape)
    spec = TensorSpec("x", DType[array.dtype.name.upper()], shape)
    [tensor] = read(exact_sample(spec, array))
    assert tensor.spec == spec
    decoded = decode_intermediate(tensor)
    assert (decoded.dtype, decoded.shape) == (array.dtype, array.shape)
    assert decoded.tobytes() == array.tobytes()


@pytest.mark.requirement("R145")
def test_a_quantised_sample_says_where_it_comes_from_and_what_it_holds() -> None:
    tensors = read(STATED)
    assert {tensor.parameters for tensor in tensors} == {SET}
    assert [tensor.spec.name for tensor in tensors] == ["maps", "skips", "ids", "scale"]
    assert [tensor.codec.name for tensor in tensors] == [
        *["LEVELS_ZSTD"] * 2,
        "PLANES_ZSTD",
        "RAW",
    ]
    maps, skips, ids, scale = (decode_intermediate(tensor) for tensor in tensors)
    assert np.abs(maps - np.minimum(ARRAYS[0], 3)).max() <= 0.1001
    assert np.abs(skips - np.clip(ARRAYS[1], -4, 4)).max() <= 1.001
    np.testing.assert_array_equal(ids, ARRAYS[2])
    assert scale == 0.5


def test_later_samples_leave_the_parameter_set_out() -> None:
    assert WRITER.parameter_unit + UNSTATED == STATED
    assert told([STATED, UNSTATED, STATED, UNSTATED]) == 4 * (told([STATED]) or [])


def test_the_same_arrays_give_the_same_bytes() -> None:
    writer = IntermediateWriter(SET)
    for other in (
        [np.array(array, order="F") for array in ARRAYS],
        [array.astype(array.dtype.newbyteorder(">")) for array in ARRAYS],
    ):
        assert writer.sample(other, stated=True) == STATED


def test_tensors_are_given_as_soon_as_their_units_are_complete() -> None:
    sample = reader().begin()
    ends = []
    for place in range(len(STATED)):
        sample.receive(STATED[place : place + 1])
        if sample.next_tensor() is not None:
            ends.append(place + 1)
    sample.finish()
    sizes = [len(WRITER.tensor(number, array)) for number, array in enumerate(ARRAYS)]
    assert ends == (len(WRITER.parameter_unit) + np.cumsum(sizes)).tolist()


@pytest.mark.parametrize("number", range(4))
def test_a_buffer_of_the_caller_is_filled_in_place(number: int) -> None:
    tensor = read(STATED)[number]
    out = np.empty(tensor.shape, tensor.spec.dtype.numpy)
    assert decode_intermediate(tensor, out) is out
    assert out.tobytes() == decode_intermediate(tensor).tobytes()


@pytest.mark.parametrize("number", range(4))
def test_another_buffer_is_refused(number: int) -> None:
    tensor = read(STATED)[number]
    with pytest.raises(errors.BufferMismatch):
        decode_intermediate(tensor, np.empty((9, 9), np.int8))


def test_what_has_no_levels_goes_exactly() -> None:
    spec = TensorSpec("x", DType.FLOAT32, (None,), calibrated([(0, 1)], 16))
    writer = IntermediateWriter(parameters(spec, profile=Profile.QUANTISED))
    for array in (np.array([1, np.nan], np.float32), np.empty(0, np.float32)):
        [tensor] = read(writer.sample([array], stated=True))
        assert tensor.codec is TensorCodec.RAW
        np.testing.assert_array_equal(decode_intermediate(tensor), array)


# The stream


@pytest.mark.requirement("R145")
def test_samples_go_through_the_segments_of_any_timed_metadata_track() -> None:
    head = write_initialization_segment(INTERMEDIATE_PAYLOAD_URN)
    assert read_initialization_segment(head).payload_urn == INTERMEDIATE_PAYLOAD_URN
    media = write_media_segment([STATED, UNSTATED], sequence_number=1, base_decode_time=0)
    stream = reader()
    tensors = [list(stream.read(sample)) for sample in read_media_segment(media).samples]
    assert tensors == 2 * [read(STATED)]


def test_a_tensor_of_a_set_that_has_not_come_is_refused() -> None:
    with pytest.raises(errors.ParameterSetUnknown, match="known are"):
        read(UNSTATED)


def test_a_set_that_differs_has_another_name() -> None:
    other = IntermediateWriter(replace(SET, tensors=(*SET.tensors[:3], replace(PLAIN, shape=()))))
    with pytest.raises(errors.ParameterSetUnknown):
        read(STATED, other.sample(ARRAYS, stated=False))


def test_the_set_stated_longest_ago_is_forgotten() -> None:
    writers = [
        IntermediateWriter(parameters(replace(PLAIN, name=f"x{number}"))) for number in range(3)
    ]
    stated = [writer.sample([ZEROS], stated=True) for writer in writers]
    stream = IntermediateReader([CUT], IntermediateLimits(max_parameter_sets=2))
    for number in (0, 1, 0, 2):
        assert list(stream.read(stated[number]))
    assert list(stream.read(writers[0].sample([ZEROS], stated=False)))
    with pytest.raises(errors.ParameterSetUnknown):
        list(stream.read(writers[1].sample([ZEROS], stated=False)))


@pytest.mark.parametrize("cut", [replace(CUT, model="other"), replace(CUT, model_version=4)])
def test_another_model_or_version_is_refused(cut: object) -> None:
    sample = IntermediateWriter(replace(SET, cut=cut)).sample(ARRAYS, stated=True)
    with pytest.raises(errors.ModelVersionUnknown, match="detector"):
        read(sample)


@pytest.mark.parametrize("cut", [replace(CUT, composition="other"), replace(CUT, index=1)])
def test_another_cut_is_refused(cut: object) -> None:
    sample = IntermediateWriter(replace(SET, cut=cut)).sample(ARRAYS, stated=True)
    with pytest.raises(errors.CutUnknown):
        read(sample)


def test_video_is_refused_by_name() -> None:
    with pytest.raises(errors.ProfileUnknown, match="tiled into video"):
        read(forged_set(10, 3))


@pytest.mark.parametrize("profile", [0, 4])
def test_another_profile_is_refused(profile: int) -> None:
    with pytest.raises(errors.ProfileUnknown, match="this reader knows"):
        read(forged_set(10, profile))


def test_tensors_in_another_order_are_refused() -> None:
    units = [WRITER.tensor(number, array) for number, array in enumerate(ARRAYS)]
    for order in ([0, 2, 1, 3], [1, 0], [0, 0], [0, 1, 2, 3, 3]):
        sample = b"".join(units[number] for number in order)
        with pytest.raises(errors.TensorOutOfPlace, match="belongs"):
            read(WRITER.parameter_unit + sample)


def test_two_sets_in_one_sample_are_refused() -> None:
    other = IntermediateWriter(parameters(PLAIN))
    with pytest.raises(errors.TensorOutOfPlace, match="begin"):
        read(2 * WRITER.parameter_unit + UNSTATED)
    with pytest.raises(errors.TensorOutOfPlace, match="another parameter set"):
        read(other.sample([ZEROS], stated=True), WRITER.parameter_unit + other.tensor(0, ZEROS))


def test_a_sample_that_ends_early_is_refused() -> None:
    for sample in (
        b"",
        STATED[:-1],
        WRITER.parameter_unit,
        STATED[: -len(WRITER.tensor(3, ARRAYS[3]))],
    ):
        with pytest.raises(errors.SampleIncomplete):
            read(sample)


# Bounds, before anything is allocated


def test_a_unit_of_weights_is_refused() -> None:
    with pytest.raises(errors.UnitKindUnknown, match="neither parameters"):
        read(write_topology(b"graph"))


def test_another_version_of_the_format_is_refused() -> None:
    with pytest.raises(errors.UnitVersionUnknown):
        read(b"\2" + STATED[1:])


@pytest.mark.parametrize("kind", [3, 4])
def test_a_unit_above_the_limit_is_refused_by_its_prefix(kind: int) -> None:
    sample = reader().begin()
    sample.receive(bytes([1, kind, 0, 0, 0, 0]) + b"\xff" * 4)
    with pytest.raises(errors.LimitExceeded):
        sample.next_tensor()


def test_a_sample_above_the_limit_is_refused() -> None:
    sample = reader().begin()
    with pytest.raises(errors.LimitExceeded, match="sample"):
        sample.receive(bytes(LIMITS.max_sample_bytes + 1))


def test_an_open_dimension_cannot_ask_for_memory() -> None:
    spec = TensorSpec("x", DType.FLOAT32, (None,))
    sample = exact_sample(spec, np.zeros(40, np.float32))
    start = len(IntermediateWriter(parameters(spec)).parameter_unit)
    unit = patched(sample[start:], 18, *b"\0\0\0\0\0\1")
    tracemalloc.start()
    try:
        with pytest.raises(errors.LimitExceeded, match="tensor of"):
            read(sample[:start] + unit)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("limits", "what"),
    [
        (IntermediateLimits(max_name_bytes=3), "name"),
        (IntermediateLimits(max_rank=3), "rank"),
        (IntermediateLimits(max_tensors=3), "tensors"),
        (IntermediateLimits(max_tensor_bytes=50), "tensor"),
        (IntermediateLimits(max_parameter_set_bytes=99), "parameter set"),
    ],
)
def test_a_set_above_a_limit_is_neither_written_nor_read(
    limits: IntermediateLimits, what: str
) -> None:
    with pytest.raises(errors.LimitExceeded, match=what):
        IntermediateWriter(SET, limits)
    with pytest.raises(errors.LimitExceeded, match=what):
        list(IntermediateReader([CUT], limits).read(STATED))


def test_a_sample_above_the_limit_is_not_written() -> None:
    writer = IntermediateWriter(parameters(PLAIN), IntermediateLimits(max_sample_bytes=30))
    with pytest.raises(errors.LimitExceeded, match="sample"):
        writer.sample([ZEROS], stated=True)


# What no stream can have


def quantised(quantiser: Quantiser, dtype: DType = DType.FLOAT32) -> ParameterSet:
    spec = TensorSpec("x", dtype, (2, None), quantiser)
    return parameters(spec, profile=Profile.QUANTISED)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (parameters(), "without tensors"),
        (parameters(PLAIN, PLAIN), "2 tensors have the name 'x'"),
        (parameters(replace(PLAIN, shape=(-1,))), "has shape"),
        (parameters(replace(PLAIN, name="")), "have names"),
        (replace(parameters(PLAIN), cut=replace(CUT, index=1 << 16)), "out of range"),
        (parameters(replace(PLAIN, quantiser=calibrated([(0, 1)], 4))), "LOSSLESS profile"),
        (quantised(calibrated([(0, 1)], 4), DType.INT32), "levels for INT32"),
        (quantised(Quantiser(1, (1.0,), (0,))), "1 levels"),
        (quantised(Quantiser(257, (1.0,), (0,))), "257 levels"),
        (quantised(Quantiser(4, (1.0,), (0,), axis=0)), "other than 2 channels"),
        (quantised(Quantiser(4, (1.0,), (0,), axis=1)), "along axis 1"),
        (quantised(Quantiser(4, (1.0,), (0,), axis=2)), "along axis 2"),
        (quantised(Quantiser(4, (-1.0,), (0,))), "negative"),
        (quantised(Quantiser(4, (float("nan"),), (0,))), "not finite"),
        (quantised(Quantiser(4, (1.0,), (1 << 15,))), "zero point"),
        (quantised(Quantiser(4, (3e4,), (0,)), DType.FLOAT16), "too large for FLOAT16"),
        (quantised(Quantiser(4, (2e38,), (0,))), "too large"),
    ],
)
def test_a_set_that_no_stream_can_have_is_not_written(bad: ParameterSet, reason: str) -> None:
    with pytest.raises(errors.ParameterSetMalformed, match=reason):
        IntermediateWriter(bad)


HEAD_BYTES = 10 + 13 + len(CUT.model) + len(CUT.composition)


@pytest.mark.parametrize(
    ("offset", "values", "error"),
    [
        (17, [0, 0], errors.UnitMalformed),  # no tensors, and bytes after them
        (17, [3, 0], errors.UnitMalformed),
        (17, [5, 0], errors.UnitTruncated),
        (19, [0, 0], errors.UnitMalformed),  # a model without a name
        (HEAD_BYTES - 1, [0xFF], errors.UnitMalformed),  # no UTF-8
        (HEAD_BYTES, [8], errors.DtypeUnsupported),  # strings
        (HEAD_BYTES, [6], errors.ParameterSetMalformed),  # levels for int32
        (HEAD_BYTES + 2, [2], errors.ParameterSetMalformed),  # scales along an open dimension
        (HEAD_BYTES + 2, [9], errors.ParameterSetMalformed),
        (HEAD_BYTES + 5, [1], errors.ParameterSetMalformed),  # one level
        (HEAD_BYTES + 5, [0], errors.CodecError),  # none
        (10, [1], errors.ParameterSetMalformed),  # levels in the lossless profile
        (HEAD_BYTES + 7 + 32 + 4, [0, 0, 0xC0, 0x7F], errors.ParameterSetMalformed),  # NaN
    ],
)
def test_a_set_that_no_writer_writes_is_refused(
    offset: int, values: list[int], error: type[errors.CodecError]
) -> None:
    with pytest.raises(error):
        read(forged_set(offset, *values) + UNSTATED)


def test_an_axis_without_levels_is_refused() -> None:
    unit = IntermediateWriter(parameters(PLAIN)).parameter_unit
    with pytest.raises(errors.ParameterSetMalformed, match="no levels"):
        read(resealed(patched(unit, HEAD_BYTES + 2, 0)))


def test_arrays_that_are_not_those_of_the_set_are_not_written() -> None:
    writer = IntermediateWriter(parameters(PLAIN))
    for arrays_ in ([], [ZEROS.astype(np.float64)], [np.zeros(3, np.float32)], [ZEROS[None]]):
        with pytest.raises(errors.TensorMismatch):
            writer.sample(arrays_, stated=True)


@pytest.mark.parametrize(
    ("offset", "values", "error"),
    [
        (16, [9], errors.CodecUnknown),
        (16, [2], errors.TensorMismatch),  # levels, and no quantiser
        (17, [1], errors.TensorMismatch),  # an open dimension, and none in the set
        (17, [200], errors.LimitExceeded),
        (17, [3], errors.UnitTruncated),
        (16, [1], errors.PayloadCorrupt),  # raw numbers as frames
    ],
)
def test_a_tensor_that_no_writer_writes_is_refused(
    offset: int, values: list[int], error: type[errors.CodecError]
) -> None:
    unit = exact_sample(PLAIN, np.array([1, 2], np.float32))
    start = len(unit) - 26
    forged = resealed(patched(unit[start:], offset, *values))
    with pytest.raises(error):
        read(unit[:start] + forged)


def test_levels_of_no_numbers_are_refused() -> None:
    spec = TensorSpec("x", DType.FLOAT32, (None,), calibrated([(0, 1)], 16))
    sample = IntermediateWriter(parameters(spec, profile=Profile.QUANTISED)).sample(
        [np.empty(0, np.float32)], stated=True
    )
    start = len(sample) - 26
    with pytest.raises(errors.TensorMismatch, match="no numbers"):
        read(sample[:start] + resealed(patched(sample[start:], 16, 2)))


# Damage


@given(st.data())
def test_flipped_bits_are_refused_or_change_nothing(data: st.DataObject) -> None:
    stream = [STATED, UNSTATED]
    which = data.draw(st.integers(0, 1))
    damaged = bytearray(stream[which])
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(damaged) - 1))
        damaged[place] ^= 1 << data.draw(st.integers(0, 7))
    whole = told(stream)
    stream[which] = bytes(damaged)
    assert told(stream) in (None, whole)


@given(st.data())
def test_a_sample_cut_or_prolonged_is_refused(data: st.DataObject) -> None:
    assert told([STATED[: data.draw(st.integers(0, len(STATED) - 1))]]) is None
    assert told([STATED + data.draw(st.binary(min_size=1, max_size=20))]) is None


def units_of_sample() -> list[tuple[bytes, int]]:
    """The units of the tensors, with how many bytes of each are frames."""
    return [
        (
            WRITER.tensor(number, array),
            0 if tensor.codec is TensorCodec.RAW else len(tensor.payload),
        )
        for number, (array, tensor) in enumerate(zip(ARRAYS, read(STATED), strict=True))
    ]


UNITS = units_of_sample()


@given(st.data())
def test_a_forger_of_parameters_gets_tensors_or_named_errors(data: st.DataObject) -> None:
    parameter_unit = forged(data, WRITER.parameter_unit, 0)
    name = parameter_unit[2:6]
    renamed = [resealed(patched(unit, 10, *name), size) for unit, size in UNITS]
    told([parameter_unit + b"".join(renamed)])


@given(st.integers(0, 3), st.data())
def test_a_forger_of_a_tensor_gets_tensors_or_named_errors(
    number: int, data: st.DataObject
) -> None:
    units = [unit for unit, _ in UNITS]
    units[number] = forged(data, *UNITS[number])
    told([WRITER.parameter_unit + b"".join(units)])


def forged(data: st.DataObject, unit: bytes, frames_bytes: int) -> bytes:
    """The unit with other bytes outside its prefix and its frames."""
    place = data.draw(st.integers(10, len(unit) - frames_bytes - 1))
    values = data.draw(st.binary(min_size=1, max_size=4))
    values = values[: len(unit) - frames_bytes - place]
    return resealed(patched(unit, place, *values), frames_bytes)


@given(st.binary(max_size=300))
def test_noise_is_refused(data: bytes) -> None:
    assert told([data]) is None
    assert told([STATED, data]) is None
