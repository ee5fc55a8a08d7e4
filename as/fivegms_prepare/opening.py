"""Everything that a preparation works on, read and checked before anything is coded.

Whatever can be refused by looking at the inputs is refused here: the model and the older models
that deltas start from, their metadata, the data sets, the cuts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree

from fivegms_api.model_preparation import ModelPreparation
from fivegms_engine.graph import SeparatedModel
from fivegms_manifests.model import Model
from fivegms_prepare.calibration_set import open_calibration, refuse_overlap
from fivegms_prepare.compose import Plan, plan
from fivegms_prepare.containers.conversion import as_onnx
from fivegms_prepare.description import describe
from fivegms_prepare.errors import EvaluationFailed
from fivegms_prepare.evaluation_set import EvaluationSet, open_evaluation
from fivegms_prepare.optimise import Calibration
from fivegms_prepare.source import load_source
from fivegms_prepare.values import inputs_of

CONVERTED = ".converted"
"""Made anew each time, so nothing of it is finished work."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A model that can be prepared, its data sets, its subsets; `bases` are older models."""

    source: SeparatedModel
    model: Model
    evaluation: EvaluationSet | None
    calibration: Calibration | None
    plan: Plan
    bases: Mapping[str, SeparatedModel]


def open_inputs(
    source: Path, template: ModelPreparation, folder: Path | None, workshop: Path
) -> Opened:
    """Read and check what a template names; all but the source lies below `folder`.

    Models of other formats are converted below `workshop`, from which they are then read. Raises a
    ModelRefused.
    """
    converted = workshop / CONVERTED
    rmtree(converted, ignore_errors=True)
    separated = load_source(as_onnx(source, converted))
    model = describe(separated.graph, template.model)
    evaluation = calibration = None
    if template.evaluation is not None:
        evaluation = open_evaluation(template.evaluation, _folder(folder), model)
    if template.calibration is not None:
        inputs = inputs_of(separated.graph)
        if template.evaluation is not None:
            refuse_overlap(template.calibration, template.evaluation, _folder(folder), inputs)
        calibration = open_calibration(template.calibration, _folder(folder), model, inputs)
    bases = {
        path: load_source(as_onnx(_folder(folder) / path, converted / f"{number}"))
        for number, path in enumerate(template.sources[1:], start=1)
    }
    planned = plan(separated, template.compositions)
    return Opened(separated, model, evaluation, calibration, planned, bases)


def _folder(folder: Path | None) -> Path:
    if folder is None:
        raise EvaluationFailed("the template names other files, but their folder is not there")
    return folder
