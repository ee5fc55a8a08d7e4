"""Uniform levels of a range that the writer's calibration found (TR 26.927 6.1.1).

A number is scale * (level - zero point), with one scale and zero point for the whole tensor or one
for each index of an axis. They belong to the stream, not to the sample: activations keep their
range from frame to frame, and what is beyond it is clipped. So a payload is frames of levels alone,
several to a byte.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fivegms_codecs import bases, frames
from fivegms_codecs.channels import Channels
from fivegms_codecs.coding import Array, Part, Shape
from fivegms_codecs.errors import ParameterSetMalformed
from fivegms_codecs.ordering import parts

MIN_LEVELS, MAX_LEVELS = 2, bases.MAX_BASE
MAX_ZERO_POINT = (1 << 15) - 1

Range = tuple[float, float]
Levels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Quantiser:
    """How many levels, and what they stand for.

    `scales` are float32 numbers and `zero_points` whole ones, as many as the axis has indices; one
    of each where `axis` is None.
    """

    levels: int
    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    axis: int | None = None

    def reach(self) -> float:
        """The largest magnitude that a level stands for."""
        steps = (max(abs(zero), abs(self.levels - 1 - zero)) for zero in self.zero_points)
        return max(step * scale for step, scale in zip(steps, self.scales, strict=True))


def calibrated(ranges: Sequence[Range], levels: int, axis: int | None = None) -> Quantiser:
    """The quantiser of those ranges, lowest and highest number, one per index of `axis`.

    0 is a level wherever it lies in the range. A range of one number, or farther from 0 than
    `MAX_ZERO_POINT` steps, is extended to 0. Raises ParameterSetMalformed.
    """
    if not MIN_LEVELS <= levels <= MAX_LEVELS:
        raise ParameterSetMalformed(f"{levels} levels; {MIN_LEVELS} to {MAX_LEVELS} are coded")
    if not ranges or not all(-math.inf < low <= high < math.inf for low, high in ranges):
        raise ParameterSetMalformed("a range is not from one finite number to another")
    fitted = [_fit(low, high, levels) for low, high in ranges]
    scales, zero_points = zip(*fitted, strict=True)
    return Quantiser(levels, scales, zero_points, axis)


def encode(array: Array, quantiser: Quantiser) -> Iterator[Part]:
    """Yield frames of the levels of a C-contiguous, finite `array`; no side information."""
    yield b""
    flat, (scales, zeros) = array.reshape(-1), _channels(quantiser, array.shape)
    step = frames.BLOCK_BYTES * bases.per_byte(quantiser.levels)
    for start in range(0, flat.size, step):
        levels = np.empty(min(step, flat.size - start), np.uint8)
        for part in parts(len(levels)):
            here = slice(start + part.start, start + part.stop)
            steps = _steps(flat[here], scales.scales(here.start, here.stop))
            steps += zeros.scales(here.start, here.stop)
            levels[part] = np.clip(steps, 0, quantiser.levels - 1, out=steps)
        packed = bases.pack(levels, quantiser.levels)
        yield from frames.pack(packed.reshape(-1, 1))


def check(payload: memoryview, shape: Shape, quantiser: Quantiser) -> int:
    """None of the payload is side information. Raises PayloadCorrupt."""
    frames.check(payload, bases.packed_bytes(math.prod(shape), quantiser.levels))
    return 0


def decode(payload: memoryview, out: Array, quantiser: Quantiser) -> None:
    """Fill the C-contiguous `out` from a payload that `check` accepted. Raises PayloadCorrupt."""
    flat, (scales, zeros), done = out.reshape(-1), _channels(quantiser, out.shape), 0
    width = bases.per_byte(quantiser.levels)
    for content in frames.contents(payload, bases.packed_bytes(flat.size, quantiser.levels)):
        count = min(width * len(content), flat.size - done)
        levels = bases.unpack(content, count, quantiser.levels)
        for part in parts(count):
            here = slice(done + part.start, done + part.stop)
            steps = np.subtract(levels[part], zeros.scales(here.start, here.stop), dtype=np.float32)
            scale = scales.scales(here.start, here.stop)
            np.multiply(steps, scale, out=flat[here], casting="same_kind")
        done += count


def _steps(numbers: Array, scales: NDArray[np.floating]) -> NDArray[np.float64]:
    """Number / scale, rounded half to even; 0 of a scale of 0."""
    divisors = np.where(scales > 0, scales, np.inf).astype(np.float64)
    with np.errstate(over="ignore"):
        quotients: NDArray[np.float64] = np.divide(numbers, divisors, dtype=np.float64)
    return np.rint(quotients, out=quotients)


def _fit(low: float, high: float, levels: int) -> tuple[float, int]:
    """The scale and the zero point of a range."""
    scale = _scale(low, high, levels)
    if scale * MAX_ZERO_POINT <= abs(low):
        low, high = min(low, 0.0), max(high, 0.0)
        scale = _scale(low, high, levels)
    return scale, round(-low / scale) if scale else 0


def _scale(low: float, high: float, levels: int) -> float:
    """The distance of two levels, rounded to float32."""
    scale = (high - low) / (levels - 1)
    if scale > float(np.finfo(np.float32).max):
        raise ParameterSetMalformed(f"a range of {low} to {high} is too wide for float32 scales")
    return float(np.float32(scale))


def _channels(quantiser: Quantiser, shape: Shape) -> tuple[Channels, Channels]:
    """The scale and the zero point of each number, by its place in a tensor without zero sizes."""
    outer = 1 if quantiser.axis is None else math.prod(shape[: quantiser.axis])
    scales = np.array(quantiser.scales, np.float32)
    zeros = np.array(quantiser.zero_points, np.float32)
    count = math.prod(shape)
    return Channels(scales, count, outer), Channels(zeros, count, outer)
