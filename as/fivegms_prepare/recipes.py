"""What the variants of a template are made of, and which of them one pass over the weights makes.

A recipe is one variant to be: the stages of its optimisation, its precision, how it is packed, and
the recipe of the layer below if it is an enhancement. A batch is the recipes that are coded
together: one, or all layers of a layered variant, because each layer codes what the one below left.
Pure: nothing here has seen the model.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from fivegms_api.model_stages import StageRequest
from fivegms_api.model_variants import (
    LAYERS,
    Precision,
    VariantRequest,
    WeightCodec,
    base_request,
    variant_names,
)

Chain = tuple[StageRequest, ...]
"""Optimisation stages in order; the empty chain is the model as it was uploaded."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """One variant to make; `name` is its id in the manifest, `below` that of the layer below."""

    name: str
    precision: Precision
    codec: WeightCodec
    stages: Chain = ()
    below: str | None = None
    minimum_accuracy: float | None = None

    @property
    def is_lossless(self) -> bool:
        """Whether the tensors come out bit for bit as the stages left them."""
        return self.precision is Precision.FP32


@dataclass(frozen=True, slots=True)
class Batch:
    """Recipes that one pass makes, lowest layer first."""

    recipes: tuple[Recipe, ...]

    @property
    def stages(self) -> Chain:
        """The stages that all of them share."""
        return self.recipes[0].stages

    @property
    def is_layered(self) -> bool:
        """Whether the recipes are layers of one variant."""
        return len(self.recipes) > 1

    @property
    def title(self) -> str:
        """What the pass makes, for people."""
        return "+".join(recipe.name for recipe in self.recipes)


def batches(requests: Sequence[VariantRequest]) -> tuple[Batch, ...]:
    """Every variant asked for, each once, in the order of the requests.

    The plain int8 variant of the same stages is the lowest layer of a layered one: the two have the
    same bytes.
    """
    names = variant_names(requests)
    shared = {
        id(base_request(request, requests))
        for request in requests
        if request.codec is WeightCodec.LAYERED
    }
    return tuple(
        _layered(request, own, requests, names)
        if request.codec is WeightCodec.LAYERED
        else Batch((_plain(request, own[0]),))
        for request, own in zip(requests, names, strict=True)
        if id(request) not in shared
    )


def recipes(made: Sequence[Batch]) -> tuple[Recipe, ...]:
    """All recipes, whole variants before enhancement layers, as a manifest lists them."""
    found = [recipe for batch in made for recipe in batch.recipes]
    return tuple(sorted(found, key=lambda recipe: recipe.below is not None))


def layers_of(recipe: Recipe, known: Sequence[Recipe]) -> tuple[Recipe, ...]:
    """The recipe and all below it, lowest first."""
    by_name = {each.name: each for each in known}
    chain = [recipe]
    while (below := chain[0].below) is not None:
        chain.insert(0, by_name[below])
    return tuple(chain)


def prefixes(made: Sequence[Batch]) -> Iterator[Chain]:
    """Every chain of stages that has to be gone through, each after the one it goes on from."""
    seen: set[Chain] = set()
    for batch in made:
        for length in range(len(batch.stages) + 1):
            prefix = batch.stages[:length]
            if prefix not in seen:
                seen.add(prefix)
                yield prefix


def _plain(request: VariantRequest, name: str) -> Recipe:
    return Recipe(
        name,
        request.precision,
        request.codec,
        request.optimise,
        minimum_accuracy=request.minimum_accuracy,
    )


def _layered(
    request: VariantRequest,
    own: Sequence[str],
    requests: Sequence[VariantRequest],
    names: Sequence[Sequence[str]],
) -> Batch:
    below = base_request(request, requests)
    if below is None:
        lowest = replace(_plain(request, own[0]), precision=Precision.INT8)
        lowest = replace(lowest, codec=WeightCodec.INT8_ZSTD)
    else:
        lowest = _plain(below, names[[id(each) for each in requests].index(id(below))][0])
    made = [lowest]
    uppers = zip(LAYERS[1:], own[-2:], strict=True)
    for (precision, _), name in uppers:
        plain = _plain(request, name)
        made.append(replace(plain, precision=precision, below=made[-1].name))
    return Batch(tuple(made))
