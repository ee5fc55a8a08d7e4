"""A subset's weights in one precision and codec, as segments named by their digest.

The first media segment is the topology alone, so that all variants of a subset share it. Then come
the tensors in execution order; a segment closes at the tensor boundary at which it would grow past
the template's segment size, and a tensor larger than that has a segment of its own. Tensors are
read, coded and written one after the other: memory holds one segment, never a variant.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from fivegms_api.model_variants import VariantRequest
from fivegms_codecs.errors import CodecError
from fivegms_codecs.units import write_tensor, write_topology
from fivegms_codecs.weights import Codec, Precision
from fivegms_engine.graph import SeparatedModel
from fivegms_manifests.digests import digest, initialization_name, segment_name
from fivegms_manifests.errors import SegmentLimitExceeded
from fivegms_manifests.model import SegmentRef
from fivegms_manifests.segments import (
    SEGMENT_DURATION,
    WEIGHTS_PAYLOAD_URN,
    write_initialization_segment,
    write_media_segment,
)
from fivegms_prepare.errors import VariantImpossible

INITIALIZATION_FOLDER = "init"
SEGMENT_FOLDER = "segments"
MAX_SAMPLES = 4096
"""The most tensors in one segment, well below what readers accept."""


@dataclass(frozen=True, slots=True)
class EncodedVariant:
    """The segments of one variant, written below a folder that their URLs are relative to."""

    request: VariantRequest
    initialization: SegmentRef
    segments: tuple[SegmentRef, ...]


def encode(
    model: SeparatedModel,
    request: VariantRequest,
    folder: Path,
    segment_size_bytes: int,
    progress: Callable[[float], None] = lambda fraction: None,
) -> EncodedVariant:
    """Write one variant's segments below `folder`; those that exist already are not written again.

    `progress` is given the share of the weights that is done. Raises VariantImpossible.
    """
    initialization = write_initialization_segment(WEIGHTS_PAYLOAD_URN)
    groups = _groups(model, request, segment_size_bytes, progress)
    try:
        return EncodedVariant(
            request,
            _store(folder / INITIALIZATION_FOLDER, initialization_name, initialization),
            tuple(_store_samples(folder, index, group) for index, group in enumerate(groups)),
        )
    except (CodecError, SegmentLimitExceeded) as error:  # the latter from a tensor of 4 GiB
        raise VariantImpossible(f"{request.precision} as {request.codec}: {error}") from error


def _groups(
    model: SeparatedModel,
    request: VariantRequest,
    segment_size_bytes: int,
    progress: Callable[[float], None],
) -> Iterator[list[bytes]]:
    """The samples of each media segment in order."""
    yield [write_topology(model.topology())]
    samples: list[bytes] = []
    size_bytes = done = 0
    total = max(model.weights_bytes, 1)
    for weight in model.weights:
        sample = write_tensor(
            weight.name, weight.array(), Precision(request.precision), Codec(request.codec)
        )
        full = size_bytes + len(sample) > segment_size_bytes or len(samples) == MAX_SAMPLES
        if samples and full:
            yield samples
            samples, size_bytes = [], 0
        samples.append(sample)
        size_bytes += len(sample)
        done += weight.size_bytes
        progress(done / total)
    if samples:
        yield samples


def _store_samples(folder: Path, index: int, samples: list[bytes]) -> SegmentRef:
    segment = write_media_segment(
        samples, sequence_number=index + 1, base_decode_time=index * SEGMENT_DURATION
    )
    return _store(folder / SEGMENT_FOLDER, segment_name, segment)


def _store(folder: Path, name: Callable[[str], str], data: bytes) -> SegmentRef:
    """Write `data` under the name of its digest, below a folder that its URL begins with."""
    sha256 = digest(data)
    path = folder / name(sha256)
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return SegmentRef(f"{folder.name}/{path.name}", sha256, len(data))
