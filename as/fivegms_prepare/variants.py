"""A subset's weights in one precision and codec, or in all layers of one, as segments.

The first media segment is the topology alone, so that all variants of a subset share it; an
enhancement layer has none. Then come the tensors in execution order, those of a layer being what
the layers below leave open. Tensors are read, coded and written one after the other: memory holds
one segment of each layer, never a variant.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from fivegms_api.model_variants import Precision
from fivegms_codecs.errors import CodecError
from fivegms_codecs.layers import write_layers
from fivegms_codecs.units import write_tensor, write_topology
from fivegms_codecs.weights import Codec
from fivegms_codecs.weights import Precision as CodedPrecision
from fivegms_engine.graph import SeparatedModel, Weight
from fivegms_manifests.errors import SegmentLimitExceeded
from fivegms_manifests.model import SegmentRef
from fivegms_prepare.errors import VariantImpossible
from fivegms_prepare.figures import packed_bytes
from fivegms_prepare.packaging import SegmentWriter, store_initialization
from fivegms_prepare.recipes import Batch, Recipe

_BYTES_PER_NUMBER = {
    Precision.FP32: 8.0,
    Precision.FP16: 2.0,
    Precision.INT8: 1.0,
    Precision.INT4: 0.5,
    Precision.CODEBOOK: 1.0,
}
_LAYER_BYTES_PER_NUMBER = {Precision.FP16: 1.0, Precision.FP32: 2.0}
"""Of float32; of other numbers one layer has them all."""

_Unit = bytes | None


@dataclass(frozen=True, slots=True)
class EncodedVariant:
    """The segments of one variant, written below a folder that their URLs are relative to.

    `packed_bytes` is what its units would take without entropy coding.
    """

    recipe: Recipe
    initialization: SegmentRef
    segments: tuple[SegmentRef, ...]
    packed_bytes: int

    @property
    def size_bytes(self) -> int:
        """What is fetched."""
        return self.initialization.size_bytes + sum(ref.size_bytes for ref in self.segments)


def encode(
    model: SeparatedModel,
    batch: Batch,
    folder: Path,
    segment_size_bytes: int,
    progress: Callable[[float], None] = lambda fraction: None,
) -> tuple[EncodedVariant, ...]:
    """Write the segments of all recipes of a batch below `folder`, each once.

    A layer that would hold nothing, because the layers below are exact, is left out. `progress` is
    given the share of the weights that is done. Raises VariantImpossible.
    """
    drafts = [_Draft(recipe, folder, segment_size_bytes) for recipe in batch.recipes]
    done, total = 0, max(model.weights_bytes, 1)
    try:
        drafts[0].add_topology(write_topology(model.topology()))
        for weight in model.weights:
            for draft, unit in zip(drafts, _units(weight, batch), strict=True):
                draft.add(unit, weight)
            done += weight.size_bytes
            progress(done / total)
        initialization = store_initialization(folder)
        finished = [draft.finish(initialization) for draft in drafts]
    except (CodecError, SegmentLimitExceeded) as error:  # the latter from a tensor of 4 GiB
        top = batch.recipes[-1]
        raise VariantImpossible(f"{top.precision} as {top.codec}: {error}") from error
    return tuple(variant for variant in finished if variant.segments)


def _units(weight: Weight, batch: Batch) -> Iterator[_Unit]:
    """The unit of a tensor in each recipe of a batch; None where layers below say it all."""
    if batch.is_layered:
        layers = write_layers(weight.name, weight.array())
        yield from (layers.base, layers.middle, layers.last)
        return
    recipe = batch.recipes[0]
    precision, codec = CodedPrecision(recipe.precision), Codec(recipe.codec)
    yield write_tensor(weight.name, weight.array(), precision, codec)


class _Draft:
    """One variant while it is written."""

    def __init__(self, recipe: Recipe, folder: Path, segment_size_bytes: int) -> None:
        self._recipe = recipe
        self._writer = SegmentWriter(folder, segment_size_bytes)
        self._packed = 0

    def add_topology(self, unit: bytes) -> None:
        self._writer.add(unit, len(unit))
        self._writer.close_segment()
        self._packed += packed_bytes(unit)

    def add(self, unit: _Unit, weight: Weight) -> None:
        if unit is not None:
            self._writer.add(unit, _nominal_bytes(weight, self._recipe))
            self._packed += packed_bytes(unit)

    def finish(self, initialization: SegmentRef) -> EncodedVariant:
        return EncodedVariant(self._recipe, initialization, self._writer.finish(), self._packed)


def _nominal_bytes(weight: Weight, recipe: Recipe) -> int:
    """What a tensor takes in a precision before entropy coding, as far as its shape tells."""
    exact = not weight.info.dtype.startswith("float") or len(weight.info.shape) < 2
    width = _BYTES_PER_NUMBER[recipe.precision]
    if recipe.below is not None and weight.info.dtype == "float32":
        width = _LAYER_BYTES_PER_NUMBER[recipe.precision]
    elif exact or recipe.below is not None:
        return weight.size_bytes
    return min(weight.size_bytes, int(weight.elements * width))
