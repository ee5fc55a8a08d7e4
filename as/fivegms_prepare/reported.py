"""A manifest's variants as M3 and M1 report them.

Of a model that was prepared here and of one that a provider prepared: all that is reported is in
the manifest. It knows the wire and nothing of how models are prepared.
"""

from fivegms_api.ai_models import (
    DeltaBase,
    MeasuredAccuracy,
    PreparedStage,
    PreparedVariant,
    StageFigures,
)
from fivegms_manifests.model import Delta, Figures, ModelManifest, Stage, Variant


def variants_of(manifest: ModelManifest) -> tuple[PreparedVariant, ...]:
    """Every variant as M3 and M1 report it."""
    return tuple(
        _prepared(subset.id, variant) for subset in manifest.subsets for variant in subset.variants
    )


def _prepared(subset_id: int, variant: Variant) -> PreparedVariant:
    return PreparedVariant(
        subset=subset_id,
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
        decode_ms=variant.decode_ms,
        depends_on=variant.depends_on,
        delta=None if variant.delta is None else _base(variant.delta),
        container=variant.container,
        stages=tuple(map(_stage, variant.stages)),
    )


def _base(delta: Delta) -> DeltaBase:
    return DeltaBase(
        base_version=delta.base_version,
        base_variant=delta.base_variant,
        base_weights=delta.base_sha256,
        mode=delta.mode,
        chain=delta.chain,
    )


def _stage(stage: Stage) -> PreparedStage:
    return PreparedStage(
        name=stage.name,
        recovery=str(stage.recovery),
        transparent=stage.transparent,
        settings=stage.settings,
        before=_figures(stage.before),
        after=_figures(stage.after),
    )


def _figures(figures: Figures) -> StageFigures:
    return StageFigures(
        size_bytes=figures.size_bytes, accuracy=figures.accuracy, latency_ms=figures.latency_ms
    )
