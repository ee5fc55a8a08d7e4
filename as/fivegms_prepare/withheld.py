"""Which variants are not published, and why.

A variant that is measured below the floor that the template sets for it is withheld, and with it
what cannot be used without it: the layers that stand on it, the deltas that lead to it. Its figures
are told to the provider; no manifest names it.
"""

from collections.abc import Mapping, Sequence

from fivegms_api.ai_models import MeasuredAccuracy, WithheldVariant
from fivegms_prepare.errors import NothingPublishable
from fivegms_prepare.manifest import MeasuredVariant


def withhold(
    measured: Sequence[MeasuredVariant], leading_to: Mapping[str, str]
) -> tuple[WithheldVariant, ...]:
    """What is withheld of the whole model's variants, in the order given, lower layers first.

    `leading_to` names the variant that each delta leads to. Raises NothingPublishable if nothing
    is left.
    """
    withheld: dict[str, WithheldVariant] = {}
    for variant in measured:
        reason = _reason(variant, withheld, leading_to)
        if reason is not None:
            withheld[variant.recipe.name] = _told(variant, reason)
    if len(withheld) == len(measured):
        reasons = "; ".join(f"{each.id}: {each.reason}" for each in withheld.values())
        raise NothingPublishable(f"no variant is good enough to be published: {reasons}")
    return tuple(withheld.values())


def _reason(
    variant: MeasuredVariant,
    withheld: Mapping[str, WithheldVariant],
    leading_to: Mapping[str, str],
) -> str | None:
    recipe = variant.recipe
    floor = recipe.minimum_accuracy
    if floor is not None and variant.figure < floor:
        metric = variant.performance.accuracy[0].metric
        return f"{metric} {variant.figure:g} is below the {floor:g} asked for"
    needed = leading_to.get(recipe.name) or recipe.below
    if needed in withheld:
        return f"it is of no use without {needed}, which is withheld"
    return None


def _told(variant: MeasuredVariant, reason: str) -> WithheldVariant:
    latency = variant.performance.latency
    return WithheldVariant(
        id=variant.recipe.name,
        precision=str(variant.recipe.precision),
        codec=variant.codec,
        size_bytes=variant.encoded.size_bytes,
        reason=reason,
        minimum_accuracy=variant.recipe.minimum_accuracy,
        accuracy=tuple(
            MeasuredAccuracy(metric=each.metric, value=each.value, data_set=each.data_set)
            for each in variant.performance.accuracy
        ),
        latency_ms=latency.p50_ms if latency else None,
    )
