"""Measure every variant on its own segments, and every composition against the whole."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from fivegms_engine.errors import EngineError
from fivegms_manifests.model import Composition
from fivegms_prepare.compose import WHOLE, SubsetPlan
from fivegms_prepare.decoding import load_variant
from fivegms_prepare.errors import EvaluationFailed
from fivegms_prepare.evaluation_set import EvaluationSet
from fivegms_prepare.manifest import MeasuredVariant
from fivegms_prepare.measurement import Values, check_same, made_up_feeds, measure_latency
from fivegms_prepare.variants import EncodedVariant

Encoded = Mapping[int, Sequence[EncodedVariant]]
"""The variants of each subset by its id, in the same order for all."""


def measure_subset(
    subset: SubsetPlan,
    encoded: Sequence[EncodedVariant],
    folder: Path,
    evaluation: EvaluationSet | None,
    progress: Callable[[float], None],
) -> tuple[MeasuredVariant, ...]:
    """Accuracy (of the whole, with an evaluation set) and latency of each variant of a subset."""
    judge = evaluation if subset.name == WHOLE else None
    feeds = judge.sample(subset.inputs) if judge else made_up_feeds(subset.inputs)
    measured = []
    for index, variant in enumerate(encoded):
        measured.append(_measure(variant, folder, judge, feeds))
        progress((index + 1) / len(encoded))
    return tuple(measured)


def _measure(
    variant: EncodedVariant, folder: Path, judge: EvaluationSet | None, feeds: Values | None
) -> MeasuredVariant:
    # A function of its own, so that one model is let go before the next is loaded.
    model = load_variant(variant, folder)
    return MeasuredVariant(
        variant,
        accuracy=judge.accuracy(model) if judge else (),
        latency=measure_latency(model, feeds) if feeds is not None else None,
    )


def check_compositions(
    compositions: Sequence[Composition],
    whole: SubsetPlan,
    encoded: Encoded,
    folder: Path,
    evaluation: EvaluationSet | None,
) -> None:
    """Run the chain of each variant of each composition beside the whole, which runs once for all.

    One subset is in memory at a time. Raises CompositionDiffers, and EvaluationFailed if there is
    nothing to feed.
    """
    if not compositions:
        return
    feeds = evaluation.sample(whole.inputs) if evaluation else made_up_feeds(whole.inputs)
    if feeds is None:
        raise EvaluationFailed(
            f"composition {compositions[0].id!r} cannot be compared with the whole: an input's "
            "shape is open; add an evaluation set to the template"
        )
    for index, variant in enumerate(encoded[whole.id]):
        expected = _run(variant, folder, feeds)
        for composition in compositions:
            chain = [encoded[member.subset_id][index] for member in composition.members]
            check_same(composition.id, expected, _run_chain(chain, folder, feeds))


def _run_chain(chain: Sequence[EncodedVariant], folder: Path, feeds: Values) -> Values:
    values = feeds
    for variant in chain:
        values = _run(variant, folder, values)
    return values


def _run(variant: EncodedVariant, folder: Path, feeds: Values) -> Values:
    model = load_variant(variant, folder)
    try:
        return model.run(feeds)
    except EngineError as error:
        raise EvaluationFailed(f"the model does not run: {error}") from error
