"""From the segments of one variant to a topology and its tensors.

`SubsetAssembly` takes whole, verified segments in any order, from several threads at once: decoding
releases the interpreter, so it runs while other segments still arrive. Nothing is allocated beyond
what the manifest promises. Whether the tensors are those of the topology is the engine's check.
"""

from threading import Lock
from time import perf_counter
from typing import Any

from numpy.typing import NDArray

from fivegms_client.errors import MoreThanPromised, WrongKey, WrongModelSegment, WrongPayload
from fivegms_codecs.errors import CodecError
from fivegms_codecs.units import TensorUnit, TopologyUnit, decode_tensor, read_unit
from fivegms_manifests.encryption import SegmentPlace, decrypt_segment
from fivegms_manifests.errors import ManifestError, NotDecryptable
from fivegms_manifests.model import SegmentRef, Variant
from fivegms_manifests.segments import (
    WEIGHTS_PAYLOAD_URN,
    read_initialization_segment,
    read_media_segment,
)


class SubsetAssembly:
    """The tensors of one variant while its segments arrive. Safe to use from several threads.

    `model` is the model's name and `key` what opens an encrypted variant. `topology_bytes` is what
    the topology takes among the bytes of the segments.
    """

    def __init__(self, variant: Variant, model: str = "", key: bytes | None = None) -> None:
        self.variant = variant
        self._model = model
        self._key = key
        self._lock = Lock()
        self._topology: bytes | None = None
        self._tensors: dict[str, NDArray[Any]] = {}
        self._claimed: set[str] = set()
        self._promised_bytes = variant.weights_bytes
        self._decode_s = 0.0
        self.topology_bytes = 0

    def accept(self, part: SegmentRef, data: bytes | bytearray) -> None:
        """Decode one segment.

        Raises WrongPayload, WrongKey, WrongModelSegment, MoreThanPromised.
        """
        started = perf_counter()
        try:
            if part == self.variant.initialization:
                self._check_payload(data, part)
            else:
                self._decode(self._opened(data, part), part)
        except NotDecryptable as error:
            raise WrongKey(f"segment {part.url} does not open: {error}") from error
        except (CodecError, ManifestError) as error:
            raise WrongPayload(
                f"segment {part.url} has the promised digest and cannot be read ({error}); "
                "the publication is damaged, tell the provider"
            ) from error
        with self._lock:
            self._decode_s += perf_counter() - started

    def finish(self) -> tuple[bytes, dict[str, NDArray[Any]]]:
        """The topology and the tensors by name. Raises WrongModelSegment."""
        if self._topology is None:
            raise WrongModelSegment(f"no segment of variant {self.variant.id} has a topology")
        return self._topology, self._tensors

    @property
    def decode_ms(self) -> float:
        """The time spent decoding, summed over threads."""
        return 1000 * self._decode_s

    def _check_payload(self, data: bytes | bytearray, part: SegmentRef) -> None:
        payload = read_initialization_segment(memoryview(data)).payload_urn
        if payload != WEIGHTS_PAYLOAD_URN:
            raise WrongPayload(f"segment {part.url} is of {payload}, not {WEIGHTS_PAYLOAD_URN}")

    def _opened(self, data: bytes | bytearray, part: SegmentRef) -> bytes | bytearray:
        if self._key is None:
            return data
        index = self.variant.segments.index(part)
        return decrypt_segment(data, self._key, SegmentPlace(self._model, self.variant.id, index))

    def _decode(self, data: bytes | bytearray, part: SegmentRef) -> None:
        for sample in read_media_segment(memoryview(data)).samples:
            unit = read_unit(sample)
            if isinstance(unit, TopologyUnit):
                self._keep_topology(unit, part)
                self.topology_bytes = len(sample)
            else:
                self._reserve(unit, part)
                tensor = decode_tensor(unit)
                with self._lock:
                    self._tensors[unit.name] = tensor

    def _keep_topology(self, unit: TopologyUnit, part: SegmentRef) -> None:
        with self._lock:
            if self._topology is not None:
                raise WrongModelSegment(f"segment {part.url} has a second topology")
            self._topology = unit.graph

    def _reserve(self, unit: TensorUnit, part: SegmentRef) -> None:
        """Claim a tensor's name and count it against the promise before its memory is allocated."""
        with self._lock:
            if unit.name in self._claimed:
                raise WrongModelSegment(f"segment {part.url} has tensor {unit.name!r} once more")
            self._claimed.add(unit.name)
            self._promised_bytes -= unit.size_bytes
            if self._promised_bytes < 0:
                raise MoreThanPromised(
                    f"the tensors of variant {self.variant.id} take more than the "
                    f"{self.variant.weights_bytes:,} bytes that the manifest promises"
                )
