"""What was prepared and measured, as a model manifest: ids, ranking, constraints."""

from collections.abc import Sequence
from dataclasses import dataclass

from fivegms_api.model_variants import Precision
from fivegms_manifests.model import (
    Constraints,
    Delta,
    Stage,
    Subset,
    Variant,
    bandwidth_within_a_second,
)
from fivegms_prepare.compose import WHOLE, SubsetPlan
from fivegms_prepare.evaluation import Contents
from fivegms_prepare.figures import Performance, recovery_of
from fivegms_prepare.profile import Profile
from fivegms_prepare.recipes import Recipe
from fivegms_prepare.variants import EncodedVariant

ENGINES = ("onnxruntime",)
SIGNIFICANT_LOSS = 0.005
"""Accuracy figures nearer than this do not rank variants: data sets are not that large."""

_FIDELITY = tuple(Precision)
_DELTA_CODECS = {"lossless": "delta-bits+zstd", "quantised": "delta-int+zstd"}


@dataclass(frozen=True, slots=True)
class MeasuredVariant:
    """A variant with what was measured on its segments and those of the layers below.

    `activation_bytes` is the most that intermediate values take at once, None where unknown.
    """

    encoded: EncodedVariant
    contents: Contents
    performance: Performance
    stages: tuple[Stage, ...] = ()
    activation_bytes: int | None = None
    delta: Delta | None = None

    @property
    def recipe(self) -> Recipe:
        """What the variant is made of."""
        return self.encoded.recipe

    @property
    def codec(self) -> str:
        """How its numbers travel."""
        return str(self.recipe.codec) if self.delta is None else _DELTA_CODECS[self.delta.mode]

    @property
    def figure(self) -> float:
        """The accuracy that the template asks for; 0 where none was measured."""
        return self.performance.accuracy[0].value if self.performance.accuracy else 0.0


def subset_of(plan: SubsetPlan, profile: Profile, measured: Sequence[MeasuredVariant]) -> Subset:
    """The manifest's description of a subset and its variants."""
    keys = _rank_keys(measured)
    ranks = sorted(set(keys))
    memory = None
    if profile.activation_bytes is not None:
        memory = profile.weights_bytes + profile.activation_bytes
    return Subset(
        id=plan.id,
        name=plan.name,
        inputs=plan.inputs,
        outputs=plan.outputs,
        parameters=profile.parameters,
        variants=tuple(
            _variant(plan, each, ranks.index(key) + 1)
            for each, key in zip(measured, keys, strict=True)
        ),
        macs=profile.macs,
        peak_memory_bytes=memory,
    )


def _rank_keys(measured: Sequence[MeasuredVariant]) -> list[tuple[float, int]]:
    """Better variants sort first: by what is lost against the most accurate, then by precision."""
    best = max(variant.figure for variant in measured)
    losses = [best - variant.figure for variant in measured]
    return [
        (0.0 if loss < SIGNIFICANT_LOSS else loss, _FIDELITY.index(each.recipe.precision))
        for loss, each in zip(losses, measured, strict=True)
    ]


def _variant(plan: SubsetPlan, measured: MeasuredVariant, quality_ranking: int) -> Variant:
    encoded, contents = measured.encoded, measured.contents
    below = measured.recipe.below
    return Variant(
        id=variant_id(plan, measured.recipe.name),
        precision=str(measured.recipe.precision),
        codec=measured.codec,
        recovery=recovery_of(measured.stages),
        quality_ranking=quality_ranking,
        bandwidth_bps=bandwidth_within_a_second(encoded.size_bytes),
        weights_bytes=contents.weights_bytes,
        initialization=encoded.initialization,
        segments=encoded.segments,
        accuracy=measured.performance.accuracy,
        latency=measured.performance.latency,
        constraints=Constraints(
            # onnxruntime keeps a packed copy of most weights beside those it was given.
            min_memory_bytes=2 * contents.weights_bytes + (measured.activation_bytes or 0),
            engines=ENGINES,
        ),
        depends_on=None if below is None else variant_id(plan, below),
        stages=measured.stages,
        weights_sha256=contents.weights_sha256,
        decode_ms=contents.decode_ms,
        delta=measured.delta,
    )


def variant_id(plan: SubsetPlan, name: str) -> str:
    """Unique in the manifest: variants of the whole model have short ids."""
    return name if plan.name == WHOLE else f"{plan.name}-{name}"
