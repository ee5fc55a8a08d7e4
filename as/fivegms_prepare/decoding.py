"""Segments back to a running model, from the very bytes that a UE will fetch.

What is measured and advertised is measured on this, never on the model that was uploaded. One
segment of each layer is in memory at a time, beside the tensors.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

from numpy.typing import NDArray

from fivegms_codecs.deltas import apply_delta
from fivegms_codecs.layers import decode_layers
from fivegms_codecs.units import TensorUnit, TopologyUnit, decode_tensor, read_unit
from fivegms_codecs.weights import Codec
from fivegms_engine.errors import EngineError
from fivegms_engine.graph import expected_tensors
from fivegms_engine.session import InferenceEngine, LoadedModel
from fivegms_manifests.digests import verify
from fivegms_manifests.model import SegmentRef
from fivegms_manifests.segments import read_media_segment
from fivegms_prepare.errors import NotLoadable

Array = NDArray[Any]
Readers = Mapping[str, Callable[[], Array]]
"""Tensors by name, each read when it is asked for."""

_DELTA_CODECS = frozenset({Codec.DELTA_BITS_ZSTD, Codec.DELTA_INT_ZSTD})


@dataclass(slots=True)
class Decoded:
    """A topology, its tensors, and the seconds that decoding them took, reading apart."""

    topology: bytes = b""
    tensors: dict[str, Array] = field(default_factory=dict)
    seconds: float = 0.0

    def take(self, name: str, recover: Callable[[], Array]) -> None:
        """Recover a tensor on the clock."""
        start = perf_counter()
        self.tensors[name] = recover()
        self.seconds += perf_counter() - start


def decode(layers: Sequence[Sequence[SegmentRef]], folder: Path) -> Decoded:
    """A variant from the segments of its layers, lowest first; most variants have one.

    Raises the errors of the codecs and manifests if the segments are not what was written.
    """
    base, *uppers = (_units(segments, folder) for segments in layers)
    above = [_Layer(upper) for upper in uppers]
    found = Decoded()
    for unit in base:
        if isinstance(unit, TopologyUnit):
            found.topology = unit.graph
        else:
            stack = [unit, *(part for layer in above if (part := layer.take(unit.name)))]
            found.take(unit.name, partial(decode_layers, stack))
    return found


def decode_delta(segments: Sequence[SegmentRef], folder: Path, held: Readers) -> Decoded:
    """What a delta makes of the tensors that a device holds; those it does not name stay."""
    found = Decoded()
    for unit in _units(segments, folder):
        if isinstance(unit, TopologyUnit):
            found.topology = unit.graph
        elif unit.codec in _DELTA_CODECS:
            found.take(unit.name, partial(apply_delta, unit, held[unit.name]()))
        else:
            found.take(unit.name, partial(decode_tensor, unit))
    for info in expected_tensors(found.topology):
        if info.name not in found.tensors:
            found.tensors[info.name] = held[info.name]()
    return found


def load(decoded: Decoded, *, exact: bool = True) -> LoadedModel:
    """Make a decoded model ready to run, as a UE does or not `exact`ly.

    Raises NotLoadable with onnxruntime's reason.
    """
    try:
        return InferenceEngine.load(decoded.topology, decoded.tensors, exact=exact)
    except EngineError as error:
        raise NotLoadable(f"onnxruntime does not load the model: {error}") from error


class _Layer:
    """The units of an enhancement layer, in the order of the layer below, which has more."""

    def __init__(self, units: Iterator[TensorUnit | TopologyUnit]) -> None:
        self._units = (unit for unit in units if isinstance(unit, TensorUnit))
        self._next = next(self._units, None)

    def take(self, name: str) -> TensorUnit | None:
        """The layer's unit of a tensor, or None if it has none."""
        unit = self._next
        if unit is None or unit.name != name:
            return None
        self._next = next(self._units, None)
        return unit


def _units(segments: Sequence[SegmentRef], folder: Path) -> Iterator[TensorUnit | TopologyUnit]:
    for ref in segments:
        data = (folder / ref.url).read_bytes()
        verify(ref, data)
        for sample in read_media_segment(data).samples:
            yield read_unit(sample)
