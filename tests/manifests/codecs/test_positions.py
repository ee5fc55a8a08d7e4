"""Positions of numbers among zeros, as masks and as gaps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from fivegms_codecs import errors
from fivegms_codecs.positions import Positions, check_size, pack, places

Mask = NDArray[np.bool_]


def read(kind: int, packed: NDArray[np.uint8], elements: int) -> list[int]:
    return [int(place) for block in places(kind, packed, elements) for place in block]


def scattered(elements: int, share: float) -> Mask:
    return np.random.default_rng(elements).random(elements) < share


@given(st.integers(1, 3000), st.floats(0, 1))
def test_positions_come_back(elements: int, share: float) -> None:
    occupied = scattered(elements, share)
    kind, packed = pack(occupied)
    check_size(kind, packed.size, int(occupied.sum()), elements)
    assert read(kind, packed, elements) == np.flatnonzero(occupied).tolist()


@pytest.mark.parametrize("share", [0.0, 0.0001, 0.1, 0.5, 1.0])
def test_positions_of_several_blocks_come_back(share: float) -> None:
    occupied = scattered(1_500_000, share)
    kind, packed = pack(occupied)
    found = np.concatenate([*places(kind, packed, occupied.size), np.empty(0, np.int64)])
    np.testing.assert_array_equal(found, np.flatnonzero(occupied))


def test_few_numbers_are_said_by_gaps_and_many_by_a_mask() -> None:
    assert pack(scattered(10_000, 0.05))[0] is Positions.GAPS
    assert pack(scattered(10_000, 0.5))[0] is Positions.MASK


def test_gaps_are_as_the_page_says() -> None:
    occupied = np.zeros(2000, np.bool_)
    occupied[[0, 1, 256, 512, 1022]] = True
    kind, packed = pack(occupied)
    # 1022 - 513 = 509 zeros are 255 and 254; of the 977 after the last number, 3 * 255 are said.
    assert kind is Positions.GAPS
    assert packed.tolist() == [0, 0, 254, 255, 0, 255, 254, 255, 255, 255]


def test_a_mask_has_the_first_element_in_the_lowest_bit() -> None:
    kind, packed = pack(np.array([1, 0, 1, 1, 0, 0, 0, 0, 1, 1], np.bool_))
    assert (kind, packed.tolist()) == (Positions.MASK, [0b1101, 0b11])


@pytest.mark.parametrize(
    ("kind", "size_bytes", "numbers", "elements"),
    [
        (2, 10, 3, 80),
        (Positions.MASK, 10, 81, 80),
        (Positions.MASK, 9, 3, 80),
        (Positions.MASK, 11, 3, 80),
        (Positions.GAPS, 2, 3, 80),
        (Positions.GAPS, 4, 3, 257),
        (Positions.GAPS, 3, 3, 1020),
        (Positions.GAPS, 0, 0, 2**40),
    ],
)
def test_sizes_that_cannot_be_are_refused(
    kind: int, size_bytes: int, numbers: int, elements: int
) -> None:
    with pytest.raises(errors.PayloadCorrupt):
        check_size(kind, size_bytes, numbers, elements)


@pytest.mark.parametrize(
    ("kind", "packed", "elements", "message"),
    [
        (Positions.MASK, [0b1000], 3, "after the last element"),
        (Positions.GAPS, [3], 3, "after the last element"),
        (Positions.GAPS, [255, 0], 255, "after the last element"),
        (Positions.GAPS, [0], 256, "unsaid"),
    ],
)
def test_positions_outside_the_tensor_are_refused(
    kind: int, packed: list[int], elements: int, message: str
) -> None:
    with pytest.raises(errors.PayloadCorrupt, match=message):
        read(kind, np.array(packed, np.uint8), elements)
