"""Deltas: what changed from what devices hold of an older version to a variant of this one.

What a device holds is made anew from the older source, by the recipe of the variant that it fetched
and by the deltas that it applied since; the digest of that binds a delta to it. Tensors are read
from both sources as they are needed. A quantised delta is as coarse as its accuracy allows: steps
are tried, each on the whole evaluation set.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from fivegms_api.model_deltas import DeltaRequest
from fivegms_codecs.deltas import DeltaMode, apply_delta, write_delta
from fivegms_codecs.digest import combine, tensor_digest
from fivegms_codecs.errors import CodecError
from fivegms_codecs.units import decode_tensor, read_tensor, write_tensor, write_topology
from fivegms_codecs.weights import Codec, Precision
from fivegms_engine.graph import SeparatedModel
from fivegms_prepare.decoding import Array, Readers
from fivegms_prepare.errors import DeltaImpossible
from fivegms_prepare.packaging import SegmentWriter, store_initialization
from fivegms_prepare.recipes import Chain, Recipe
from fivegms_prepare.variants import EncodedVariant

NO_STEP = 1.0
"""What stands for the step of a delta that loses nothing."""

Models = Callable[[str, Chain], SeparatedModel]
"""A source by its path, after stages."""


@dataclass(frozen=True, slots=True)
class Update:
    """A delta to make: from what devices hold, to the tensors of a variant of this model."""

    request: DeltaRequest
    recipe: Recipe
    model: SeparatedModel
    held: Readers
    base_sha256: str


def update_of(
    request: DeltaRequest, source: str, recipes: Mapping[str, Recipe], models: Models
) -> Update:
    """What a request is about, in models; `recipes` are those of this template by name.

    Reads all tensors that devices hold, for their digest.
    """
    target = recipes[request.variant]
    recipe = replace(target, name=request.name, minimum_accuracy=None)
    model = models(source, target.stages)
    held = _held(request, recipes, models)
    digests = {name: tensor_digest(name, read()) for name, read in held.items()}
    return Update(request, recipe, model, held, combine(digests))


def encode_delta(
    update: Update, step: float, folder: Path, segment_size_bytes: int
) -> EncodedVariant:
    """Write the segments of a delta below `folder`: the topology, then what changed.

    Raises DeltaImpossible.
    """
    writer = SegmentWriter(folder, segment_size_bytes)
    topology = write_topology(update.model.topology())
    writer.add(topology, len(topology))
    writer.close_segment()
    packed = len(topology)
    target = _made_of(update.model, update.recipe)
    try:
        for name, read in target.items():
            unit = _unit(name, read(), update.held.get(name), update.request, step)
            if unit is not None:
                writer.add(unit, len(unit))
                packed += len(unit)
    except CodecError as error:
        raise DeltaImpossible(f"delta {update.request.name}: {error}") from error
    return EncodedVariant(update.recipe, store_initialization(folder), writer.finish(), packed)


def _held(request: DeltaRequest, recipes: Mapping[str, Recipe], models: Models) -> Readers:
    """The tensors of the device that the delta is for."""
    below = request.base_delta
    recipe = recipes[request.base_variant if below is None else below.variant]
    made = _made_of(models(request.base, recipe.stages), recipe)
    if below is None:
        return made
    before = _held(below, recipes, models)
    return {
        name: partial(_after, name, read, before.get(name), below) for name, read in made.items()
    }


def _after(
    name: str, read: Callable[[], Array], held: Callable[[], Array] | None, request: DeltaRequest
) -> Array:
    """A tensor of a device that applied a delta."""
    array = read()
    unit = _unit(name, array, held, request, request.step or NO_STEP)
    if unit is None and held is not None:
        return held()
    if unit is None or held is None or not _alike(array, held()):
        return array
    return apply_delta(read_tensor(unit), held())


def _made_of(model: SeparatedModel, recipe: Recipe) -> Readers:
    """The tensors of a variant as they are decoded, each made when it is asked for."""
    return {
        weight.name: weight.array
        if recipe.is_lossless
        else partial(_decoded, weight.name, weight.array, recipe)
        for weight in model.weights
    }


def _decoded(name: str, read: Callable[[], Array], recipe: Recipe) -> Array:
    unit = write_tensor(name, read(), Precision(recipe.precision), Codec(recipe.codec))
    return decode_tensor(read_tensor(unit))


def _unit(
    name: str,
    array: Array,
    held: Callable[[], Array] | None,
    request: DeltaRequest,
    step: float,
) -> bytes | None:
    """A tensor's unit in a delta: what changed, or all of it; None where nothing did."""
    base = None if held is None else held()
    if base is None or not _alike(array, base):
        return write_tensor(name, array, Precision.FP32, Codec.PLANES_ZSTD)
    return write_delta(name, array, base, DeltaMode(request.mode), step)


def _alike(array: Array, base: Array) -> bool:
    return array.shape == base.shape and array.dtype == base.dtype
