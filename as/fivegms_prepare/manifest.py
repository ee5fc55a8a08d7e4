"""What was prepared and measured, as a model manifest: ids, ranking, constraints."""

from collections.abc import Sequence
from dataclasses import dataclass

from fivegms_api.ai_models import MeasuredAccuracy, PreparedVariant
from fivegms_api.model_variants import Precision, WeightCodec
from fivegms_manifests.model import (
    Accuracy,
    Constraints,
    Latency,
    ModelManifest,
    Recovery,
    Subset,
    Variant,
    bandwidth_within_a_second,
)
from fivegms_prepare.compose import WHOLE, SubsetPlan
from fivegms_prepare.profile import Profile
from fivegms_prepare.variants import EncodedVariant

ENGINES = ("onnxruntime",)
SIGNIFICANT_LOSS = 0.005
"""Accuracy figures nearer than this do not rank variants: data sets are not that large."""

_FIDELITY = tuple(Precision)


@dataclass(frozen=True, slots=True)
class MeasuredVariant:
    """A variant with the figures measured on its segments."""

    encoded: EncodedVariant
    accuracy: tuple[Accuracy, ...] = ()
    latency: Latency | None = None

    @property
    def figure(self) -> float:
        """The accuracy that the template asks for; 0 where none was measured."""
        return self.accuracy[0].value if self.accuracy else 0.0


def subset_of(plan: SubsetPlan, profile: Profile, measured: Sequence[MeasuredVariant]) -> Subset:
    """The manifest's description of a subset and its variants."""
    keys = _rank_keys(measured)
    names = _names([each.encoded for each in measured])
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
            _variant(_variant_id(plan, name), profile, each, ranks.index(key) + 1)
            for name, each, key in zip(names, measured, keys, strict=True)
        ),
        macs=profile.macs,
        peak_memory_bytes=memory,
    )


def _rank_keys(measured: Sequence[MeasuredVariant]) -> list[tuple[float, int]]:
    """Better variants sort first: by what is lost against the most accurate, then by precision."""
    best = max(variant.figure for variant in measured)
    losses = [best - variant.figure for variant in measured]
    return [
        (0.0 if loss < SIGNIFICANT_LOSS else loss, _FIDELITY.index(each.encoded.request.precision))
        for loss, each in zip(losses, measured, strict=True)
    ]


def _variant(
    variant_id: str,
    profile: Profile,
    measured: MeasuredVariant,
    quality_ranking: int,
) -> Variant:
    encoded = measured.encoded
    sizes = [encoded.initialization.size_bytes, *(ref.size_bytes for ref in encoded.segments)]
    return Variant(
        id=variant_id,
        precision=str(encoded.request.precision),
        codec=str(encoded.request.codec),
        recovery=_recovery(encoded),
        quality_ranking=quality_ranking,
        bandwidth_bps=bandwidth_within_a_second(sum(sizes)),
        weights_bytes=profile.weights_bytes,
        initialization=encoded.initialization,
        segments=encoded.segments,
        accuracy=measured.accuracy,
        latency=measured.latency,
        constraints=Constraints(
            # onnxruntime keeps a packed copy of most weights beside those it was given.
            min_memory_bytes=2 * profile.weights_bytes + (profile.activation_bytes or 0),
            engines=ENGINES,
        ),
    )


def _names(variants: Sequence[EncodedVariant]) -> list[str]:
    """A variant's precision is its name; the codec joins it where two have the same precision."""
    precisions = [variant.request.precision for variant in variants]
    return [
        str(precision)
        if precisions.count(precision) == 1
        else f"{precision}-{variant.request.codec}".replace("+", "-")
        for precision, variant in zip(precisions, variants, strict=True)
    ]


def _variant_id(plan: SubsetPlan, name: str) -> str:
    """Unique in the manifest: variants of the whole model have short ids."""
    return name if plan.name == WHOLE else f"{plan.name}-{name}"


def _recovery(encoded: EncodedVariant) -> Recovery:
    as_is = encoded.request.codec == WeightCodec.RAW
    if as_is and encoded.request.precision == Precision.FP32:
        return Recovery.SENDER_ONLY
    return Recovery.RECEIVER_ASSISTED


def variants_of(manifest: ModelManifest) -> tuple[PreparedVariant, ...]:
    """Every variant as M3 and M1 report it."""
    return tuple(
        PreparedVariant(
            subset=subset.id,
            id=variant.id,
            precision=variant.precision,
            codec=variant.codec,
            size_bytes=variant.size_bytes,
            sha256=variant.sha256,
            segments=len(variant.segments),
            accuracy=tuple(
                MeasuredAccuracy(metric=a.metric, value=a.value, data_set=a.data_set)
                for a in variant.accuracy
            ),
            latency_ms=variant.latency.p50_ms if variant.latency else None,
        )
        for subset in manifest.subsets
        for variant in subset.variants
    )
