"""Quantisation files: entries both ways, and levels made numbers."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from fivegms_codecs.nnef import errors, run
from fivegms_codecs.nnef.graph import Value
from fivegms_codecs.nnef.quantisation import (
    Quantisation,
    dequantise,
    quantise_int8,
    read_quantisation,
    write_quantisation,
)
from support.nnef_graphs import graph_of

INVALID = errors.QuantisationInvalid
LINEAR = Quantisation("linear_quantize", {"min": -1.0, "max": 2.0, "bits": 4})
LOGARITHMIC = Quantisation("logarithmic_quantize", {"max": 4.0, "bits": 4})


def min_max(*, signed: bool, symmetric: bool) -> Quantisation:
    given: dict[str, Value] = {"min": -1.0, "max": 1.0, "bits": 4}
    return Quantisation(
        "min_max_linear_quantize", {**given, "signed": signed, "symmetric": symmetric}
    )


def zero_point(*, signed: bool) -> Quantisation:
    given: dict[str, Value] = {"zero_point": 3, "scale": 0.5, "bits": 4}
    return Quantisation(
        "zero_point_linear_quantize", {**given, "signed": signed, "symmetric": False}
    )


EVERY = [
    (LINEAR, range(16)),
    (min_max(signed=False, symmetric=False), range(16)),
    (min_max(signed=True, symmetric=False), range(-8, 8)),
    (min_max(signed=True, symmetric=True), range(-7, 8)),
    (zero_point(signed=True), range(-8, 8)),
    (zero_point(signed=False), range(16)),
]


@pytest.mark.requirement("R154c")
def test_a_file_is_read_as_it_was_written() -> None:
    entries = {f"t{i}": how for i, (how, _) in enumerate(EVERY)} | {"u": LOGARITHMIC}
    assert read_quantisation(write_quantisation(entries)) == entries
    assert write_quantisation({"a": LINEAR}) == (
        '"a": linear_quantize(min = -1.0, max = 2.0, bits = 4);\n'
    )


@pytest.mark.parametrize(("how", "levels"), EVERY)
def test_the_number_of_a_level_is_one_that_the_algorithm_rounds_to(
    how: Quantisation, levels: range
) -> None:
    numbers = dequantise(np.array(levels), how)
    assert np.all(np.diff(numbers) > 0)
    arguments = ", ".join(
        f"{name} = {str(value).lower()}" for name, value in how.parameters.items()
    )
    graph = graph_of(f"y = {how.operation}(x, {arguments});", shape=numbers.shape)
    rounded = run(graph, {}, {"x": numbers})["y"]
    np.testing.assert_allclose(rounded, numbers, atol=1e-6)


@given(arrays.arrays(np.float32, (3, 4), elements=st.floats(-1e6, 1e6, width=32)))
@example(np.full((3, 4), 1e-45, np.float32))
def test_eight_bits_are_within_half_a_step(numbers: NDArray[np.float32]) -> None:
    levels, how = quantise_int8(numbers)
    step = float(str(how.parameters["scale"]))
    assert np.abs(dequantise(levels, how) - numbers).max() <= 0.5001 * step


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ('"a" relu();', errors.SyntaxInvalid),
        ('"a": 1;', INVALID),
        ('"a": relu();', INVALID),
        ('"a": linear_quantize(min = 0.0, max = 1.0);', INVALID),
        ('"a": linear_quantize(0.0, 1.0, 8);', INVALID),
        ('"a": linear_quantize(min = x, max = 1.0, bits = 8);', INVALID),
        ('"a": linear_quantize(min = "0", max = 1.0, bits = 8);', INVALID),
        ('"a": linear_quantize(min = 0.0, max = 1.0, bits = 0);', INVALID),
        ('"a": linear_quantize(min = 0.0, max = 1.0, bits = 99);', INVALID),
        ('"a": linear_quantize(min = 0., min = 0., max = 1., bits = 8);', INVALID),
        ('"a": linear_quantize(min = [0.0], max = 1.0, bits = 8);', INVALID),
        ('"a": linear_quantize(min = 0.0, max = 1.0, bits = 8);' * 2, INVALID),
    ],
)  # fmt: skip
def test_entries_that_say_nothing_are_refused(text: str, refusal: type[errors.NnefError]) -> None:
    with pytest.raises(refusal):
        read_quantisation(text)


@pytest.mark.parametrize(
    "how",
    [
        LOGARITHMIC,
        Quantisation(
            "min_max_linear_quantize",
            {"min": 0.0, "max": 1.0, "bits": 1, "signed": True, "symmetric": True},
        ),
    ],
)
def test_levels_without_a_number_are_refused(how: Quantisation) -> None:
    with pytest.raises(errors.QuantisationInvalid):
        dequantise(np.array([0]), how)


def test_numbers_that_are_not_finite_have_no_levels() -> None:
    with pytest.raises(errors.QuantisationInvalid):
        quantise_int8(np.array([np.inf], np.float32))
