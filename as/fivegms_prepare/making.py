"""All variants of a model, coded and measured; nothing here knows where they are published.

Whole models first, chain by chain of optimisation stages, so that only one chain's model is in
memory; then the subsets of compositions, which are cut from the model as it was uploaded. What is
measured is decoded from the segments. Everything that is finished goes into the journal.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from fivegms_api.ai_models import WithheldVariant
from fivegms_api.model_preparation import ModelPreparation
from fivegms_engine.graph import SeparatedModel
from fivegms_manifests.model import Composition, Figures, ModelManifest, SegmentRef, Stage, Subset
from fivegms_prepare.compose import SubsetPlan
from fivegms_prepare.compositions import Comparison
from fivegms_prepare.errors import EvaluationFailed
from fivegms_prepare.evaluation import Examination
from fivegms_prepare.figures import coding_stages, source_bytes
from fivegms_prepare.journal import Journal
from fivegms_prepare.lines import Lines
from fivegms_prepare.manifest import MeasuredVariant, subset_of
from fivegms_prepare.opening import Opened
from fivegms_prepare.optimise import apply
from fivegms_prepare.packaging import is_intact
from fivegms_prepare.profile import profile
from fivegms_prepare.progress import Progress
from fivegms_prepare.recipes import Batch, Chain, Recipe, batches, layers_of, prefixes, recipes
from fivegms_prepare.updating import Updating
from fivegms_prepare.variants import EncodedVariant, encode
from fivegms_prepare.withheld import withhold

MEASURING, ENCODING, COMPARING, UPDATING = 2.0, 3.0, 1.0, 8.0
"""What the parts of the work take in proportion, for a model of 100 MB."""


@dataclass(frozen=True, slots=True)
class Made:
    """What is to be published, and what is not."""

    manifest: ModelManifest
    withheld: tuple[WithheldVariant, ...]


@dataclass(frozen=True, slots=True)
class _Coded:
    """An encoded variant as the journal keeps it."""

    name: str
    initialization: SegmentRef
    segments: tuple[SegmentRef, ...]
    packed_bytes: int


_CODED = TypeAdapter(tuple[_Coded, ...])
Variants = Mapping[str, EncodedVariant]


class Making:
    """One template's variants, with segments below `folder`."""

    def __init__(
        self,
        opened: Opened,
        template: ModelPreparation,
        folder: Path,
        journal: Journal,
        progress: Progress,
    ) -> None:
        self._opened = opened
        self._template = template
        self._folder = folder
        self._journal = journal
        self._progress = progress
        self._batches = batches(template.variants)
        self._recipes = recipes(self._batches)
        self._examination = Examination(opened.evaluation, journal, folder)
        self._lines = Lines(opened.source, self._examination, opened.calibration, journal)

    def make(self) -> Made:
        """Everything. Raises a ModelRefused."""
        plans = self._opened.plan.subsets
        plain = [batch for batch in self._batches if not batch.stages]
        self._progress.expect(self._work(len(plain)))
        coded = {plans[0].id: self._encode_whole(plans[0])}
        for plan in plans[1:]:
            coded[plan.id] = self._encode(plan, plan.model, plain)
        measured = {plan.id: self._measure(plan, coded[plan.id]) for plan in plans}
        measured[plans[0].id] += self._update(measured[plans[0].id])
        leading_to = {delta.name: delta.variant for delta in self._template.deltas}
        withheld = withhold(measured[plans[0].id], leading_to)
        compositions = self._compare(coded)
        subsets = self._subsets(measured, withheld)
        kept = _complete(compositions, subsets)
        return Made(ModelManifest(self._opened.model, subsets, kept), withheld)

    def _work(self, plain: int) -> float:
        others = len(self._opened.plan.subsets) - 1
        chains = sum(1 for _ in prefixes(self._batches))
        encodings = len(self._batches) + others * plain
        measurings = chains + len(self._recipes) + others * plain
        compared = len(self._opened.plan.compositions) - 1
        parts = ENCODING * encodings + MEASURING * measurings + COMPARING * compared
        return parts + UPDATING * len(self._template.deltas) + 1.0

    def _encode_whole(self, plan: SubsetPlan) -> dict[str, EncodedVariant]:
        coded: dict[str, EncodedVariant] = {}
        for chain in prefixes(self._batches):
            self._progress.stage(chain[-1].stage if chain else "measuring source", MEASURING)
            self._lines.line(chain)
            made = [batch for batch in self._batches if batch.stages == chain]
            if made:
                coded |= self._encode(plan, None, made)
        return coded

    def _encode(
        self, plan: SubsetPlan, model: SeparatedModel | None, made: Sequence[Batch]
    ) -> dict[str, EncodedVariant]:
        """The variants of some batches; of the whole, their chain's model where there is none."""
        coded: dict[str, EncodedVariant] = {}
        for batch in made:
            self._progress.stage(f"encoding {batch.title}", ENCODING)
            key = f"coded {plan.id} {batch.title}"
            found = self._journal.find(key, _CODED)
            if found is None or not self._is_intact(found):
                encoded = encode(
                    model or self._lines.model(batch.stages),
                    batch,
                    self._folder,
                    self._template.segment_size_bytes,
                    self._progress.step,
                )
                found = self._journal.keep(key, _CODED, tuple(map(_to_keep, encoded)))
            by_name = {recipe.name: recipe for recipe in batch.recipes}
            coded |= {each.name: _from_kept(by_name[each.name], each) for each in found}
        return coded

    def _is_intact(self, coded: Sequence[_Coded]) -> bool:
        refs = [ref for each in coded for ref in (each.initialization, *each.segments)]
        return all(is_intact(ref, self._folder) for ref in refs)

    def _measure(self, plan: SubsetPlan, coded: Variants) -> list[MeasuredVariant]:
        measured = []
        for recipe in self._recipes:
            if recipe.name in coded:
                self._progress.stage(f"measuring {plan.name} {recipe.name}", MEASURING)
                measured.append(self._measure_one(plan, recipe, coded))
        return measured

    def _measure_one(self, plan: SubsetPlan, recipe: Recipe, coded: Variants) -> MeasuredVariant:
        is_whole = plan is self._opened.plan.subsets[0]
        layers = [coded[layer.name] for layer in layers_of(recipe, self._recipes)]
        contents, performance = self._examination.of_variant(layers, judged=is_whole)
        stages: tuple[Stage, ...] = ()
        if is_whole:
            line = self._lines.line(recipe.stages)
            stages, before, activations = line.stages, line.figures, line.activation_bytes
        else:
            before = Figures(source_bytes(plan.model))
            activations = profile(plan.model).activation_bytes
        packed = sum(layer.packed_bytes for layer in layers)
        after = performance.figures(fetched_bytes(layers))
        coding = coding_stages(recipe.precision, recipe.codec, before, packed, after)
        return MeasuredVariant(layers[-1], contents, performance, (*stages, *coding), activations)

    def _update(self, whole: Sequence[MeasuredVariant]) -> list[MeasuredVariant]:
        """The deltas to variants of the whole model."""
        known = {variant.recipe.name: variant for variant in whole}
        updating = Updating(
            self._template.source,
            self._model,
            {recipe.name: recipe for recipe in self._recipes},
            self._examination,
            self._journal,
            self._folder,
            self._template.segment_size_bytes,
        )
        deltas = []
        for request in self._template.deltas:
            self._progress.stage(f"delta {request.name}", UPDATING)
            deltas.append(updating.make(request, known[request.variant]))
        return deltas

    def _model(self, path: str, chain: Chain) -> SeparatedModel:
        """This model or an older one, after stages."""
        if path == self._template.source:
            return self._lines.model(chain)
        model = self._opened.bases[path]
        for stage in chain:
            model = apply(stage, model, self._opened.calibration)
        return model

    def _compare(self, coded: Mapping[int, Variants]) -> tuple[Composition, ...]:
        whole, *divided = self._opened.plan.compositions
        if not divided:
            return (whole,)
        self._progress.stage("comparing compositions", COMPARING * len(divided))
        plans = self._opened.plan.subsets
        feeds = self._examination.feeds(plans[0].inputs, judged=True)
        if feeds is None:
            raise EvaluationFailed(
                f"composition {divided[0].id!r} cannot be compared with the whole: an input's "
                "shape is open; add an evaluation set to the template"
            )
        alone = [recipe for recipe in self._recipes if not recipe.stages and not recipe.below]
        layers = {plan.id: [(coded[plan.id][recipe.name],) for recipe in alone] for plan in plans}
        comparison = Comparison(layers, self._folder, feeds)
        return (whole, *comparison.compare(divided, plans[0].id))

    def _subsets(
        self,
        measured: Mapping[int, Sequence[MeasuredVariant]],
        withheld: Sequence[WithheldVariant],
    ) -> tuple[Subset, ...]:
        """The subsets of which a variant is left."""
        names = {each.id for each in withheld}
        left = (
            (plan, [each for each in measured[plan.id] if each.recipe.name not in names])
            for plan in self._opened.plan.subsets
        )
        return tuple(
            subset_of(plan, profile(plan.model), variants) for plan, variants in left if variants
        )


def _complete(
    compositions: Sequence[Composition], subsets: Sequence[Subset]
) -> tuple[Composition, ...]:
    """The compositions of which every subset is left."""
    ids = {subset.id for subset in subsets}
    return tuple(
        composition
        for composition in compositions
        if all(member.subset_id in ids for member in composition.members)
    )


def fetched_bytes(layers: Sequence[EncodedVariant]) -> int:
    """What a UE fetches for all of some layers: what they share, once."""
    refs = {ref for layer in layers for ref in (layer.initialization, *layer.segments)}
    return sum(ref.size_bytes for ref in refs)


def _to_keep(variant: EncodedVariant) -> _Coded:
    return _Coded(
        variant.recipe.name, variant.initialization, variant.segments, variant.packed_bytes
    )


def _from_kept(recipe: Recipe, kept: _Coded) -> EncodedVariant:
    return EncodedVariant(recipe, kept.initialization, kept.segments, kept.packed_bytes)
