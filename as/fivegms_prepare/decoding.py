"""Segments back to a running model, from the very bytes that a UE will fetch.

What is measured and advertised is measured on this, never on the model that was uploaded.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from fivegms_codecs.units import TopologyUnit, decode_tensor, read_unit
from fivegms_engine.errors import EngineError
from fivegms_engine.session import InferenceEngine, LoadedModel
from fivegms_manifests.digests import verify
from fivegms_manifests.model import SegmentRef
from fivegms_manifests.segments import read_media_segment
from fivegms_prepare.errors import NotLoadable
from fivegms_prepare.variants import EncodedVariant


def load_variant(variant: EncodedVariant, folder: Path) -> LoadedModel:
    """Verify, decode and load the segments of a variant below `folder`.

    Raises NotLoadable with onnxruntime's reason, and the errors of the codecs and manifests if the
    segments are not what was written.
    """
    topology, tensors = decode(variant.segments, folder)
    try:
        return InferenceEngine.load(topology, tensors)
    except EngineError as error:
        raise NotLoadable(f"onnxruntime does not load the model: {error}") from error


def decode(segments: Sequence[SegmentRef], folder: Path) -> tuple[bytes, dict[str, NDArray[Any]]]:
    """The topology and every tensor that these media segments hold."""
    topology = b""
    tensors: dict[str, NDArray[Any]] = {}
    for ref in segments:
        data = (folder / ref.url).read_bytes()
        verify(ref, data)
        for sample in read_media_segment(data).samples:
            unit = read_unit(sample)
            if isinstance(unit, TopologyUnit):
                topology = unit.graph
            else:
                tensors[unit.name] = decode_tensor(unit)
    return topology, tensors
