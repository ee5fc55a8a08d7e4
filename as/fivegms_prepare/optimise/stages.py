"""The stages in one table: what each does, what it reports, how it is labelled.

Every stage here is the sender's alone: what comes out is an ordinary ONNX model that a plain engine
runs, so a UE needs nothing to recover it (TR 26.927 6.1.1, last paragraph). How weights are coded
after the last stage, and what a UE needs to undo that, is the codecs' (`fivegms_codecs`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fivegms_api.model_stages import StageRequest, stage_text
from fivegms_engine.graph import SeparatedModel
from fivegms_manifests.model import Recovery
from fivegms_prepare.optimise import (
    half,
    low_rank,
    prune_channels,
    prune_weights,
    quantisation,
    simplify,
)
from fivegms_prepare.optimise.calibration import Calibration


@dataclass(frozen=True, slots=True)
class StageLabel:
    """How a manifest describes a stage (`fivegms_manifests.model.Stage`)."""

    name: str
    recovery: Recovery
    transparent: bool
    settings: str


@dataclass(frozen=True, slots=True)
class Technique:
    """What a stage does to a model, and the sentence that compares the model before and after."""

    apply: Callable[[Any, SeparatedModel, Calibration | None], SeparatedModel]
    report: Callable[[SeparatedModel, SeparatedModel], str]


TECHNIQUES: Mapping[str, Technique] = {
    "simplify": Technique(simplify.apply, simplify.report),
    "prune-weights": Technique(prune_weights.apply, prune_weights.report),
    "prune-channels": Technique(prune_channels.apply, prune_channels.report),
    "low-rank": Technique(low_rank.apply, low_rank.report),
    "quantise-dynamic": Technique(quantisation.apply_dynamic, quantisation.report),
    "quantise-static": Technique(quantisation.apply_static, quantisation.report),
    "convert-fp16": Technique(half.apply, half.report),
}


def apply(
    stage: StageRequest, model: SeparatedModel, calibration: Calibration | None = None
) -> SeparatedModel:
    """The model after a stage; `model` is not changed, and must outlive the result.

    Inputs and outputs keep their names, types and shapes. Raises StageImpossible if there is
    nothing to do or it cannot be done, CalibrationMissing, and the ModelRefused of a model that
    cannot be prepared.
    """
    return TECHNIQUES[stage.stage].apply(stage, model, calibration)


def report(stage: StageRequest, before: SeparatedModel, after: SeparatedModel) -> str:
    """What the stage did, for people: how sparse, how many channels or nodes, what was left."""
    return TECHNIQUES[stage.stage].report(before, after)


def label(stage: StageRequest) -> StageLabel:
    """The stage as a manifest describes it; `settings` are those that were asked for."""
    _, _, settings = stage_text(stage).partition(":")
    return StageLabel(stage.stage, Recovery.SENDER_ONLY, True, settings)
