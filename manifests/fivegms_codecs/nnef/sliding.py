"""Sliding-window primitives on numpy arrays, one slice of the input per place of the window.

The transposed operations add each input to the windows that it stems from.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fivegms_codecs.nnef.errors import TooLarge, Unsupported
from fivegms_codecs.nnef.graph import Shape
from fivegms_codecs.nnef.windows import Padding, Windows, offsets

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]
Slices = tuple[slice, ...]

MAX_PLACES = 2**16
"""The most elements that a window may have here: each is a step."""

_MODES = {"replicate": "edge", "reflect": "reflect", "reflect-even": "symmetric"}


def padded(source: Floats, padding: Padding, border: str, outside: float) -> Floats:
    """The input with its border, which has `outside` in it unless it repeats what is inside."""
    if not any(map(any, padding)):
        return source
    if border in _MODES:
        return np.pad(source, padding, _MODES[border])  # type: ignore[call-overload, no-any-return]
    return np.pad(source, padding, constant_values=outside)


def conv(
    source: Floats, kernel: Floats, bias: Floats, where: Windows, border: str, groups: int
) -> Floats:
    """`[N, C, ...]` and `[M, C / groups, ...]` to `[N, M, ...]`."""
    wide = padded(source, ((0, 0), (0, 0), *where.padding), border, 0.0)
    batch, members = source.shape[0], kernel.shape[0] // groups
    result = np.zeros((batch, kernel.shape[0], *where.coarse), np.float32)
    inputs = kernel.shape[1]
    for place, window in _places(where):
        part = wide[:, :, *window]
        for group in range(groups):
            rows = slice(group * members, (group + 1) * members)
            taps = _at(kernel, place)[rows]
            columns = part[:, group * inputs : (group + 1) * inputs]
            result[:, rows] += _mixed(taps, columns)
    return result + _per_channel(bias, result.ndim)


def deconv(source: Floats, kernel: Floats, bias: Floats, where: Windows, groups: int) -> Floats:
    """`[N, M, ...]` and `[M, C / groups, ...]` to `[N, C, ...]`."""
    members, outputs = kernel.shape[0] // groups, kernel.shape[1]
    wide = np.zeros((source.shape[0], outputs * groups, *_wide(where)), np.float32)
    for place, window in _places(where):
        for group in range(groups):
            rows = slice(group * members, (group + 1) * members)
            columns = slice(group * outputs, (group + 1) * outputs)
            taps = _at(kernel, place)[rows].T
            wide[:, columns, *window] += _mixed(taps, source[:, rows])
    return _inside(wide, where) + _per_channel(bias, wide.ndim)


def box(source: Floats, where: Windows, border: str, *, normalise: bool) -> Floats:
    """Sums over windows; divided by their volume, or by what of it is inside for `ignore`."""
    total = _summed(padded(source, where.padding, border, 0.0), where)
    if not normalise:
        return total
    if border != "ignore":
        return (total / np.prod(where.size)).astype(np.float32)
    return (total / _counts(where)).astype(np.float32)


def debox(source: Floats, where: Windows, border: str, *, normalise: bool) -> Floats:
    """The transposition of `box`."""
    if normalise:
        volume = _counts(where) if border == "ignore" else np.prod(where.size)
        source = (source / volume).astype(np.float32)
    wide = np.zeros(_wide(where), np.float32)
    for _, window in _places(where):
        wide[window] += source
    return _inside(wide, where)


def argmax_pool(source: Floats, where: Windows, border: str) -> Integers:
    """The number of the place in each window at which the input is largest, the first of equals."""
    wide = padded(source, where.padding, border, -np.inf if border == "ignore" else 0.0)
    best = np.full(where.coarse, -np.inf, np.float32)
    found = np.zeros(where.coarse, np.int64)
    for number, (_, window) in enumerate(_places(where)):
        part = wide[window]
        better = part > best
        found[better] = number
        np.maximum(best, part, out=best)
    return found


def sample(source: Floats, index: Integers, where: Windows, border: str) -> Floats:
    """What lies at the numbered place of each window."""
    wide = padded(source, where.padding, border, 0.0)
    result = np.zeros(where.coarse, np.float32)
    for number, (_, window) in enumerate(_places(where)):
        np.copyto(result, wide[window], where=index == number)
    return result


def desample(source: Floats, index: Integers, where: Windows) -> Floats:
    """The transposition of `sample`: numbers added at their places, 0 elsewhere."""
    wide = np.zeros(_wide(where), np.float32)
    for number, (_, window) in enumerate(_places(where)):
        wide[window] += np.where(index == number, source, np.float32(0))
    return _inside(wide, where)


def upsample_linear(source: Floats, factor: Shape, method: str, border: str) -> Floats:
    """Multilinear interpolation along each axis from 2 on, one after the other."""
    for axis, by in enumerate(factor, start=2):
        source = _interpolated(source, axis, by, method, border)
    return source


def _interpolated(source: Floats, axis: int, by: int, method: str, border: str) -> Floats:
    extent = source.shape[axis]
    below, share = _POSITIONS[_known_method(method, border)](np.arange(extent * by), by, extent)
    lower = np.floor(below).astype(np.int64)
    first = np.take(source, np.clip(lower, 0, extent - 1), axis)
    second = np.take(source, np.clip(lower + 1, 0, extent - 1), axis)
    weight = share.astype(np.float32).reshape(-1, *(1,) * (source.ndim - axis - 1))
    return first * (1 - weight) + second * weight


Positions = Callable[[Integers, int, int], "tuple[NDArray[np.float64], NDArray[np.float64]]"]


def _symmetric(
    places: Integers, by: int, extent: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return _split(np.clip((places + 0.5) / by - 0.5, 0, extent - 1))


def _asymmetric(
    places: Integers, by: int, extent: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return _split(np.clip(places / by, 0, extent - 1))


def _aligned(
    places: Integers, by: int, extent: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return _split(places * (extent - 1) / max(extent * by - 1, 1))


def _split(at: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return np.floor(at), at - np.floor(at)


_POSITIONS: dict[str, Positions] = {
    "symmetric": _symmetric,
    "asymmetric": _asymmetric,
    "aligned": _aligned,
}


def _known_method(method: str, border: str) -> str:
    if method not in _POSITIONS or border != "replicate":
        raise Unsupported(f"multilinear_upsample: method {method!r} with border {border!r}")
    return method


def _places(where: Windows) -> Iterator[tuple[tuple[int, ...], Slices]]:
    """Each place of the window, and the elements of the padded input that lie there."""
    if np.prod(where.size, dtype=np.float64) > MAX_PLACES:
        raise TooLarge(f"a window of {list(where.size)}; the limit is {MAX_PLACES} elements")
    for place in offsets(where.size):
        zipped = zip(place, where.dilation, where.stride, where.coarse, strict=True)
        yield place, tuple(slice(p * d, p * d + (o - 1) * s + 1, s) for p, d, s, o in zipped)


def _wide(where: Windows) -> Shape:
    """The extents of the fine side with its border, at least what the windows span."""
    zipped = zip(
        where.coarse, where.stride, where.dilated(), where.fine, where.padding, strict=True
    )
    return tuple(max((o - 1) * s + k, i + p + q) for o, s, k, i, (p, q) in zipped)


def _inside(wide: Floats, where: Windows) -> Floats:
    """The fine side without its border."""
    window = tuple(slice(p, p + i) for i, (p, _) in zip(where.fine, where.padding, strict=True))
    leading = (slice(None),) * (wide.ndim - len(window))
    return wide[leading + window]


def _summed(wide: Floats, where: Windows) -> Floats:
    total = np.zeros(where.coarse, np.float32)
    for _, window in _places(where):
        total += wide[window]
    return total


def _counts(where: Windows) -> Floats:
    """How many elements of each window are inside."""
    ones = np.ones(where.fine, np.float32)
    return np.maximum(_summed(padded(ones, where.padding, "constant", 0.0), where), 1)


def _at(kernel: Floats, place: tuple[int, ...]) -> Floats:
    """The taps `[M, C]` of a filter at one place of its window."""
    index: Any = (slice(None), slice(None), *place)
    taps: Floats = kernel[index]
    return taps


def _mixed(taps: Floats, columns: Floats) -> Floats:
    """`[M, C]` and `[N, C, ...]` to `[N, M, ...]`."""
    mixed = taps @ columns.reshape(*columns.shape[:2], -1)
    return mixed.reshape(columns.shape[0], taps.shape[0], *columns.shape[2:])


def _per_channel(bias: Floats, rank: int) -> Floats:
    """A bias, one number or `[1, C]` or `[C]`, against `[N, C, ...]`."""
    return bias.reshape(-1, *(1,) * (rank - 2)) if bias.size > 1 else bias.reshape(())
