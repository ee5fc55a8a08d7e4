"""Which tensors may be approximated, and which had better stay exact.

A precision is asked for per variant and granted per tensor. What cannot be approximated safely or
is not worth it (integers, small tensors, NaN, infinity, overflow) stays as it is.
"""

import numpy as np

from fivegms_codecs.coding import Array
from fivegms_codecs.dtypes import FLOATS, DType

MIN_QUANTISED_ELEMENTS = 1025
"""Smaller tensors (biases, norms, box priors) cost few bytes and much accuracy: kept exact."""

MIN_CHANNEL_ELEMENTS = 8
"""With fewer numbers per channel, the scales cost more than the quantisation saves."""


def halves(array: Array, dtype: DType) -> bool:
    """Whether every number keeps its magnitude in float16; false where one is not finite."""
    return dtype in FLOATS and _is_large(array) and peak(array) <= float(np.finfo(np.float16).max)


def quantises(array: Array, dtype: DType) -> bool:
    """Whether levels per channel are worth it and safe; false where a number is not finite."""
    if dtype not in FLOATS or not _is_large(array):
        return False
    if array.size // array.shape[0] < MIN_CHANNEL_ELEMENTS:
        return False
    return peak(array) <= float(np.finfo(np.float32).max)


def moves(array: Array, dtype: DType) -> bool:
    """Whether steps to or from these numbers are worth it, and far from overflow.

    Steps are float32, and longer than the numbers move.
    """
    if dtype not in FLOATS or not _is_large(array):
        return False
    largest = min(float(np.finfo(kind).max) for kind in (array.dtype.name, np.float32))
    return peak(array) <= largest / 16


def peak(array: Array) -> float:
    """The largest magnitude; NaN where the array holds one, so that no comparison accepts it."""
    return max(float(np.max(array)), -float(np.min(array)))


def _is_large(array: Array) -> bool:
    return array.ndim >= 2 and array.size >= MIN_QUANTISED_ELEMENTS
