"""The deltas of a template, coded, measured and held to what they may lose.

A lossless delta has to give the very weights of the variant that it leads to. Of a quantised one
the coarsest step is taken whose accuracy is near enough to that variant's; every step that is tried
is measured as a UE will run it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from fivegms_api.model_deltas import DeltaRequest
from fivegms_codecs.deltas import coarsest_step
from fivegms_manifests.model import Delta, Figures, Recovery, SegmentRef, Stage
from fivegms_prepare.decoding import decode_delta
from fivegms_prepare.deltas import NO_STEP, Models, Update, encode_delta, update_of
from fivegms_prepare.errors import DeltaImpossible
from fivegms_prepare.evaluation import Contents, Examination, contents_of
from fivegms_prepare.figures import Performance
from fivegms_prepare.journal import Journal
from fivegms_prepare.manifest import MeasuredVariant
from fivegms_prepare.packaging import is_intact
from fivegms_prepare.recipes import Recipe
from fivegms_prepare.variants import EncodedVariant


@dataclass(frozen=True, slots=True)
class _Finished:
    """A delta as the journal keeps it."""

    initialization: SegmentRef
    segments: tuple[SegmentRef, ...]
    packed_bytes: int
    base_sha256: str
    step: float
    contents: Contents
    performance: Performance

    @property
    def parts(self) -> tuple[SegmentRef, ...]:
        return (self.initialization, *self.segments)


_FINISHED = TypeAdapter(_Finished)


@dataclass(frozen=True, slots=True)
class Updating:
    """Makes deltas to the variants of one model; segments lie below `folder`."""

    source: str
    models: Models
    recipes: Mapping[str, Recipe]
    examination: Examination
    journal: Journal
    folder: Path
    segment_size_bytes: int

    def make(self, request: DeltaRequest, target: MeasuredVariant) -> MeasuredVariant:
        """A delta to the variant `target`. Raises DeltaImpossible."""
        update = update_of(request, self.source, self.recipes, self.models)
        key = f"delta {request.name}"
        finished = self.journal.find(key, _FINISHED)
        if finished is None or not all(is_intact(ref, self.folder) for ref in finished.parts):
            finished = self.journal.keep(key, _FINISHED, self._finish(update, target))
        return _measured(update, finished, target)

    def _finish(self, update: Update, target: MeasuredVariant) -> _Finished:
        request = update.request
        tried: dict[float, _Finished] = {}

        def is_near_enough(step: float) -> bool:
            tried[step] = self._try(update, step)
            return target.figure - _figure(tried[step]) <= request.accuracy_loss

        if not request.needs_evaluation:
            made = self._try(update, request.step or NO_STEP)
            return _exact(made, update, target) if request.mode == "lossless" else made
        step = coarsest_step(is_near_enough)
        if step is None:
            best = max(map(_figure, tried.values()))
            raise DeltaImpossible(
                f"delta {request.name}: the finest step gives {best:g}, more than "
                f"{request.accuracy_loss:g} below {target.figure:g}: make it lossless"
            )
        return tried[step]

    def _try(self, update: Update, step: float) -> _Finished:
        encoded = encode_delta(update, step, self.folder, self.segment_size_bytes)
        decoded = decode_delta(encoded.segments, self.folder, update.held)
        contents = contents_of(decoded)
        performance = self.examination.of_model(decoded, contents, judged=True)
        return _Finished(
            encoded.initialization,
            encoded.segments,
            encoded.packed_bytes,
            update.base_sha256,
            step,
            contents,
            performance,
        )


def _exact(made: _Finished, update: Update, target: MeasuredVariant) -> _Finished:
    if made.contents.weights_sha256 != target.contents.weights_sha256:
        raise DeltaImpossible(
            f"delta {update.request.name} does not give the weights of {target.recipe.name}"
        )
    return made


def _figure(made: _Finished) -> float:
    return made.performance.accuracy[0].value if made.performance.accuracy else 0.0


def _measured(update: Update, made: _Finished, target: MeasuredVariant) -> MeasuredVariant:
    request = update.request
    encoded = EncodedVariant(update.recipe, made.initialization, made.segments, made.packed_bytes)
    whole = target.performance.figures(target.encoded.size_bytes)
    after = made.performance.figures(encoded.size_bytes)
    delta = Delta(
        base_version=request.base_version,
        base_variant=request.base_variant,
        base_sha256=made.base_sha256,
        mode=request.mode,
        chain=request.chain,
    )
    stage = _stage(request, made.step, whole, after)
    return MeasuredVariant(
        encoded,
        made.contents,
        made.performance,
        (*target.stages, stage),
        target.activation_bytes,
        delta,
    )


def _stage(request: DeltaRequest, step: float, before: Figures, after: Figures) -> Stage:
    mode = "lossless" if request.mode == "lossless" else f"quantised, step {step:g}"
    settings = f"{mode}; from {request.base_variant} of version {request.base_version}"
    return Stage("delta", Recovery.RECEIVER_ASSISTED, True, settings, before, after)
