"""What `codecs.py` compares, and on which weights: contenders and workloads, no clock."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import onnx
from backports import zstd
from numpy.typing import NDArray
from onnx import numpy_helper

import fivegms_testbed.assets
from fivegms_codecs import Codec, Precision, channels, decode_tensor, weights, write_tensor
from fivegms_codecs.layers import decode_layers, write_layers
from fivegms_codecs.units import TensorUnit, read_tensor
from fivegms_testbed.catalogue import CATALOGUE
from fivegms_testbed.catalogue.network import Drawn

Floats = NDArray[np.float32]
Parts = list[bytes]

MOST_BYTES = 1 << 24
"""Of a larger tensor, the first rows of so many bytes stand for all of it."""

PRUNED_SHARE = 0.5
ASSETS = Path(fivegms_testbed.assets.__file__).parent
DETECTOR = ASSETS / "digits_detector.onnx"


@dataclass(frozen=True)
class Tensor:
    """Weights as float32; `share` tensors of this size make the one they are taken from."""

    name: str
    array: Floats
    share: float = 1.0


@dataclass(frozen=True)
class Contender:
    """A way to write a tensor and to read it back into a buffer of its own shape."""

    name: str
    encode: Callable[[Floats], Parts]
    decode: Callable[[Parts, Floats], None]
    coding: tuple[Precision, Codec] | None = None
    pruned: bool = False
    slow: bool = False


def is_large(array: Floats) -> bool:
    """Whether a tensor is worth quantising; others are exact whatever the codec."""
    return array.ndim >= 2 and array.size > 1024


def pruned(array: Floats) -> Floats:
    """The weights of a large tensor, without the smallest of them."""
    if not is_large(array):
        return array
    magnitudes = np.abs(array)
    return np.where(magnitudes < np.quantile(magnitudes, PRUNED_SHARE), np.float32(0), array)


def contenders() -> Iterator[Contender]:
    """Peers and ours, the lossless first."""
    yield Contender("raw fp32, as safetensors", _raw, _from_raw)
    yield Contender("zstd-3 of fp32", partial(_zstd, level=3), _from_zstd)
    yield Contender("zstd-19 of fp32", partial(_zstd, level=19), _from_zstd, slow=True)
    yield Contender("numpy fp16", _half, _from_half)
    yield _unit(Precision.FP32, Codec.RAW)
    yield _unit(Precision.FP32, Codec.PLANES_ZSTD)
    yield _unit(Precision.FP16, Codec.PLANES_ZSTD)
    yield _unit(Precision.INT8, Codec.INT8_ZSTD)
    yield _unit(Precision.INT8, Codec.INT8_HUFFMAN)
    yield _unit(Precision.INT4, Codec.INT4_ZSTD)
    yield _unit(Precision.CODEBOOK, Codec.CODEBOOK_ZSTD)
    yield Contender("layered, base and middle", partial(_layers, count=2), _from_layers)
    yield Contender("layered, all three", partial(_layers, count=3), _from_layers)
    yield _unit(Precision.FP32, Codec.PLANES_ZSTD, sparse=True)
    yield _unit(Precision.FP32, Codec.SPARSE_ZSTD, sparse=True)


def detector() -> Iterator[Tensor]:
    """The weights of the shipped detector."""
    for initializer in onnx.load(DETECTOR).graph.initializer:
        array = numpy_helper.to_array(initializer)
        if array.dtype == np.float32:
            yield Tensor(initializer.name, np.ascontiguousarray(array))


def gaussian(model: str) -> Iterator[Tensor]:
    """A model of the catalogue, its weights drawn as He et al. 2015 do."""
    for tensor, random, shape, share in _drawn(model):
        numbers = random.standard_normal(shape, np.float32)
        yield Tensor(tensor.name, numbers * np.float32(tensor.deviation), share)


def heavy_tailed(model: str) -> Iterator[Tensor]:
    """The same shapes as trained networks fill them: tails of Student's t, channels that differ."""
    for tensor, random, shape, share in _drawn(model):
        numbers = random.standard_t(5, shape) * (0.6**0.5 * tensor.deviation)
        spread = random.lognormal(0, 0.5, (shape[0], *[1] * (len(shape) - 1)))
        yield Tensor(tensor.name, (numbers * spread).astype(np.float32), share)


def entropy_bits(contender: Contender, array: Floats, parts: Parts) -> float | None:
    """What an ideal coder of independent levels, or bytes of a plane, takes; None if it is moot."""
    if contender.coding is None:
        return None
    unit = read_tensor(parts[0])
    side = weights.check(unit.payload, unit.shape, weights.Coding(unit.stored, unit.codec))
    match unit.codec:
        case Codec.INT8_ZSTD | Codec.INT8_HUFFMAN:
            scales = channels.whole_scales(array)
            [levels] = channels.quantise(array, scales, array.size)
            return _entropy(levels) + 8 * scales.nbytes
        case Codec.INT4_ZSTD:
            return _entropy(_levels(unit)) + 8 * side
        case Codec.CODEBOOK_ZSTD:
            return _entropy(decode_tensor(unit)) + 8 * side
        case Codec.PLANES_ZSTD:
            stored = array.astype(unit.stored.numpy)
            planes = stored.reshape(-1).view(np.uint8).reshape(-1, unit.stored.itemsize)
            return sum(_entropy(plane) for plane in planes.T)
    return None


def _unit(precision: Precision, codec: Codec, *, sparse: bool = False) -> Contender:
    def encode(array: Floats) -> Parts:
        return [write_tensor("w", array, precision, codec)]

    def decode(parts: Parts, out: Floats) -> None:
        decode_tensor(read_tensor(parts[0]), out)

    title = f"{codec}" if codec.startswith(precision) else f"{precision} {codec}"
    title += f", {PRUNED_SHARE:.0%} pruned" if sparse else ""
    return Contender(title, encode, decode, (precision, codec), sparse)


def _raw(array: Floats) -> Parts:
    return [array.tobytes()]


def _from_raw(parts: Parts, out: Floats) -> None:
    out.reshape(-1)[...] = np.frombuffer(parts[0], np.float32)


def _zstd(array: Floats, level: int) -> Parts:
    return [zstd.compress(array.data, level)]


def _from_zstd(parts: Parts, out: Floats) -> None:
    _from_raw([zstd.decompress(parts[0])], out)


def _half(array: Floats) -> Parts:
    return [array.astype(np.float16).tobytes()]


def _from_half(parts: Parts, out: Floats) -> None:
    out.reshape(-1)[...] = np.frombuffer(parts[0], np.float16)


def _layers(array: Floats, count: int) -> Parts:
    layers = write_layers("w", array)
    return [part for part in (layers.base, layers.middle, layers.last)[:count] if part]


def _from_layers(parts: Parts, out: Floats) -> None:
    decode_layers([read_tensor(part) for part in parts], out)


def _drawn(
    model: str,
) -> Iterator[tuple[Drawn, np.random.Generator, tuple[int, ...], float]]:
    """Every drawn tensor of a model: a generator of its own, and the shape that is measured."""
    for index, tensor in enumerate(CATALOGUE[model].network().tensors.values()):
        if isinstance(tensor, Drawn) and tensor.deviation:
            row_bytes = 4 * tensor.elements // tensor.shape[0]
            rows = min(tensor.shape[0], max(1, MOST_BYTES // row_bytes))
            random = np.random.default_rng([7, index])
            yield tensor, random, (rows, *tensor.shape[1:]), tensor.shape[0] / rows


def _levels(unit: TensorUnit) -> NDArray[np.float64]:
    """The levels of an int4 unit, from what it decodes to."""
    scales = np.frombuffer(unit.payload[: 4 * unit.shape[0]], np.float32).astype(np.float64)
    scales[scales == 0] = 1
    decoded = decode_tensor(unit).reshape(unit.shape[0], -1).astype(np.float64)
    levels: NDArray[np.float64] = np.rint(decoded / scales[:, None])
    return levels


def _entropy(symbols: NDArray[np.generic]) -> float:
    """Bits of all symbols at their entropy of order 0."""
    _, counts = np.unique(symbols, return_counts=True)
    return float(-(counts * np.log2(counts / counts.sum())).sum())
