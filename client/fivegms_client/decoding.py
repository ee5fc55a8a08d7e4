"""From the segments of a variant, and of those it builds on, to a topology and its tensors.

`SubsetAssembly` takes whole, verified segments in any order, from several threads at once: decoding
releases the interpreter, so it runs while other segments still arrive. A tensor is decoded as soon
as it has a unit of every layer; in the end the rest is, which needs fewer. What a delta leaves out
is the base's own array, not a copy. Nothing is allocated beyond what the manifest promises.
Whether the tensors are those of the topology is the engine's check.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from time import perf_counter
from typing import Any

from numpy.typing import NDArray

from fivegms_client.errors import (
    MoreThanPromised,
    WrongKey,
    WrongModelSegment,
    WrongPayload,
)
from fivegms_codecs.deltas import apply_delta
from fivegms_codecs.digest import weights_digest
from fivegms_codecs.errors import CodecError
from fivegms_codecs.layers import decode_layers
from fivegms_codecs.units import TensorUnit, TopologyUnit, read_unit
from fivegms_codecs.weights import Codec
from fivegms_engine.errors import TopologyError
from fivegms_engine.graph import expected_tensors
from fivegms_manifests.encryption import SegmentPlace, decrypt_segment
from fivegms_manifests.errors import ManifestError, NotDecryptable
from fivegms_manifests.model import SegmentRef, Variant
from fivegms_manifests.segments import (
    WEIGHTS_PAYLOAD_URN,
    read_initialization_segment,
    read_media_segment,
)

Array = NDArray[Any]
Tensors = Mapping[str, Array]

DELTA_CODECS = frozenset({Codec.DELTA_BITS_ZSTD, Codec.DELTA_INT_ZSTD})


@dataclass(frozen=True, slots=True)
class Layer:
    """One variant to read: the model's name, and what opens its segments if they are encrypted."""

    variant: Variant
    model: str = ""
    key: bytes | None = field(default=None, repr=False)

    def units(
        self, part: SegmentRef, data: bytes | bytearray
    ) -> Iterator[tuple[TensorUnit | TopologyUnit, int]]:
        """The units of a segment, each with its size in bytes.

        Raises WrongPayload, and errors of the manifests and codecs.
        """
        if part == self.variant.initialization:
            payload = read_initialization_segment(memoryview(data)).payload_urn
            if payload != WEIGHTS_PAYLOAD_URN:
                raise WrongPayload(f"segment {part.url} is of {payload}, not {WEIGHTS_PAYLOAD_URN}")
            return
        for sample in read_media_segment(memoryview(self.opened(part, data))).samples:
            yield read_unit(sample), len(sample)

    def opened(self, part: SegmentRef, data: bytes | bytearray) -> bytes | bytearray:
        """A media segment, decrypted if it is encrypted. Raises NotDecryptable."""
        if self.key is None:
            return data
        index = self.variant.segments.index(part)
        return decrypt_segment(data, self.key, SegmentPlace(self.model, self.variant.id, index))


class SubsetAssembly:
    """The tensors of one variant while its segments arrive. Safe to use from several threads.

    `layers` are the variant and all that it builds on, lowest first; `base` what a delta is applied
    to. `topology_bytes` is what the topology takes among the bytes of the segments.
    """

    def __init__(self, layers: Sequence[Layer], base: Tensors | None = None) -> None:
        self.layers = tuple(layers)
        self._base = base
        self.variant = layers[-1].variant
        self._lock = Lock()
        self._topology: bytes | None = None
        self._tensors: dict[str, Array] = {}
        self._waiting: defaultdict[str, dict[int, TensorUnit]] = defaultdict(dict)
        self._claimed: set[tuple[str, int]] = set()
        self._promised_bytes = self.variant.weights_bytes
        self._decode_s = 0.0
        self.topology_bytes = 0

    def accept(self, part: SegmentRef, data: bytes | bytearray, layer: int = 0) -> None:
        """Take a segment of a layer, and decode what is complete with it.

        Raises WrongPayload, WrongKey, WrongModelSegment, MoreThanPromised.
        """
        with self._timed(), damage(f"segment {part.url}"):
            for unit, size_bytes in self.layers[layer].units(part, data):
                if isinstance(unit, TopologyUnit):
                    self._keep_topology(unit, part)
                    self.topology_bytes = size_bytes
                else:
                    self._take(unit, part, layer)

    def finish(self, pool: Executor | None = None) -> tuple[bytes, dict[str, Array]]:
        """The topology and the tensors by name; `pool` decodes what is left.

        Raises WrongPayload and WrongModelSegment.
        """
        if self._topology is None:
            raise WrongModelSegment(f"no segment of variant {self.variant.id} has a topology")
        left = list(self._waiting)
        for _ in map(self._finish, left) if pool is None else pool.map(self._finish, left):
            pass
        if self._base is not None:
            self._take_over(self._topology, self._base)
        return self._topology, self._tensors

    @property
    def decode_ms(self) -> float:
        """The time spent decoding, summed over threads."""
        return 1000 * self._decode_s

    def _finish(self, name: str) -> None:
        with self._timed(), damage(f"tensor {name!r} of variant {self.variant.id}"):
            self._decode(name)

    def _keep_topology(self, unit: TopologyUnit, part: SegmentRef) -> None:
        with self._lock:
            if self._topology is not None:
                raise WrongModelSegment(f"segment {part.url} has a second topology")
            self._topology = unit.graph

    def _take(self, unit: TensorUnit, part: SegmentRef, layer: int) -> None:
        with self._lock:
            self._reserve(unit, part, layer)
            stack = self._waiting[unit.name]
            stack[layer] = unit
            complete = len(stack) == len(self.layers)
        if complete:
            self._decode(unit.name)

    def _reserve(self, unit: TensorUnit, part: SegmentRef, layer: int) -> None:
        """Claim a tensor's name and count it against the promise before its memory is allocated."""
        if (unit.name, layer) in self._claimed:
            raise WrongModelSegment(f"segment {part.url} has tensor {unit.name!r} once more")
        self._claimed.add((unit.name, layer))
        if unit.name in self._waiting:  # a tensor takes its memory once, whatever its layers
            return
        self._promised_bytes -= unit.size_bytes
        if self._promised_bytes < 0:
            raise MoreThanPromised(
                f"the tensors of variant {self.variant.id} take more than the "
                f"{self.variant.weights_bytes:,} bytes that the manifest promises"
            )

    def _decode(self, name: str) -> None:
        with self._lock:
            stack = self._waiting.pop(name)
        tensor = self._recover([stack[layer] for layer in sorted(stack)])
        with self._lock:
            self._tensors[name] = tensor

    def _recover(self, units: Sequence[TensorUnit]) -> Array:
        if self._base is not None and units[-1].codec in DELTA_CODECS:
            return self._applied(units[-1], self._base)
        return decode_layers(units)

    def _applied(self, unit: TensorUnit, base: Tensors) -> Array:
        if unit.name not in base:
            raise WrongModelSegment(f"a delta changes tensor {unit.name!r}, which its base lacks")
        return apply_delta(unit, base[unit.name])

    def _take_over(self, topology: bytes, base: Tensors) -> None:
        """The base's own tensors where nothing changed. Raises WrongModelSegment."""
        try:
            wanted = [info.name for info in expected_tensors(topology)]
        except TopologyError as error:
            raise WrongModelSegment(f"variant {self.variant.id}: {error}") from error
        self._tensors |= {
            name: base[name] for name in wanted if name in base and name not in self._tensors
        }
        found = weights_digest(self._tensors)
        if found != self.variant.weights_sha256:
            raise WrongModelSegment(
                f"the delta {self.variant.id} leads to weights with SHA-256 {found}, and the "
                f"manifest says {self.variant.weights_sha256}"
            )

    @contextmanager
    def _timed(self) -> Iterator[None]:
        started = perf_counter()
        yield
        with self._lock:
            self._decode_s += perf_counter() - started


@contextmanager
def damage(what: str) -> Iterator[None]:
    """What the readers of wire formats refuse, as an error of this package."""
    try:
        yield
    except NotDecryptable as error:
        raise WrongKey(f"{what} does not open: {error}") from error
    except (CodecError, ManifestError) as error:
        raise WrongPayload(
            f"{what} has the promised digest and cannot be read ({error}); "
            "the publication is damaged, tell the provider"
        ) from error
