"""Linear quantisation: whole levels of a scale per channel (TR 26.927 6.1.1).

A channel is what has one index of axis 0: the weights that make one output. All is arithmetic, on
runs of numbers in C order, so that a tensor is taken block by block however long a channel is.
Nothing here knows how scales or levels are written.
"""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from fivegms_codecs.coding import Array
from fivegms_codecs.errors import PayloadCorrupt
from fivegms_codecs.ordering import parts

PEAK = 127
"""The highest level of int8."""

Scales = NDArray[np.float32]
Levels = NDArray[np.int8]


class Channels:
    """The scale of each number of a tensor [outer, channels, numbers], by its place in it.

    Weights have no outer axes: their channels come once.
    """

    def __init__(self, scales: NDArray[np.floating], count: int, outer: int = 1) -> None:
        self._scales = scales
        self._numbers = count // (outer * len(scales))

    def scales(self, start: int, stop: int) -> NDArray[np.floating]:
        """Those of the numbers from `start` to `stop`; one where all have the same."""
        first, last = start // self._numbers, (stop - 1) // self._numbers
        channels = self._scales[np.arange(first, last + 1) % len(self._scales)]
        if first == last:
            return channels
        begin = start - first * self._numbers
        return np.repeat(channels, self._numbers)[begin : begin + stop - start]


def reaches(array: Array) -> NDArray[np.float64]:
    """The largest magnitude of each channel; of zeros 0.0, whatever their signs."""
    rows = array.reshape(array.shape[0], -1)
    reach: NDArray[np.generic] = np.abs([rows.max(axis=1), rows.min(axis=1)]).max(axis=0)
    return reach.astype(np.float64)


def whole_scales(array: Array) -> Scales:
    """The int8 scales of a finite array, which reach the largest magnitude of each channel."""
    scales: Scales = (reaches(array) / PEAK).astype("<f4")
    return np.minimum(scales, scale_limit(array.dtype), out=scales)


def scale_limit(dtype: "np.dtype[np.generic]", peak: int = PEAK) -> np.float32:
    """The largest scale whose `peak`-fold is finite in `dtype`, and in float32 where it forms."""
    largest = min(float(np.finfo(dtype.name).max), float(np.finfo(np.float32).max))
    limit: np.float32 = np.nextafter(np.float32(largest / peak), np.float32(0))
    return limit


def quantise(array: Array, scales: Scales, step: int, peak: int = PEAK) -> Iterator[Levels]:
    """Yield number / scale, rounded half to even, -peak to peak; `step` of them at a time."""
    flat = array.reshape(-1)
    divisors = Channels(np.where(scales > 0, scales, 1).astype(np.float64), flat.size)
    for start in range(0, flat.size, step):
        levels = np.empty(min(step, flat.size - start), np.int8)
        for part in parts(len(levels)):
            here = slice(start + part.start, start + part.stop)
            divisor = divisors.scales(here.start, here.stop)
            quotients = np.divide(flat[here], divisor, dtype=np.float64)
            levels[part] = np.clip(np.rint(quotients, out=quotients), -peak, peak)
        yield levels


def dequantise(blocks: Iterable[Levels], scales: Scales, out: Array) -> None:
    """Fill `out` with level * scale, formed in float32, of levels that `check_levels` accepted."""
    flat, channels, done = out.reshape(-1), Channels(scales, out.size), 0
    for levels in blocks:
        for part in parts(len(levels)):
            here = slice(done + part.start, done + part.stop)
            scale = channels.scales(here.start, here.stop)
            np.multiply(levels[part], scale, out=flat[here], casting="same_kind")
        done += len(levels)


def check_levels(levels: Levels, peak: int = PEAK) -> Levels:
    """The levels, none of which is below -peak. Raises PayloadCorrupt."""
    if levels.min() < -peak:
        raise PayloadCorrupt(f"a value is below -{peak}, where its product may overflow")
    return levels
