"""`fivegms prepare`: what the AS does with an uploaded model, offline and into a folder."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from fivegms_api.ai_models import PreparationProgress
from fivegms_api.model_preparation import ModelPreparation
from fivegms_prepare import preparation
from fivegms_prepare.allocation import return_freed_memory
from fivegms_prepare.preparation import PreparationResult
from fivegms_testbed.cli.console import (
    JsonOption,
    headed,
    print_json,
    reporting_errors,
    results,
    stage_progress,
)
from fivegms_testbed.cli.encryption import (
    EncryptKeyOption,
    KeyIdOption,
    KeyUrlOption,
    encryption,
)
from fivegms_testbed.cli.template import (
    NameOption,
    TaskOption,
    TemplateOption,
    VersionOption,
    preparation_template,
)
from fivegms_testbed.cli.variants import print_next, print_variants
from fivegms_testbed.cli.wishes import (
    AsIsOption,
    CalibrationOption,
    DeltaModeOption,
    DeltaOption,
    EvaluationOption,
    FloorOption,
    OptimiseOption,
    SplitOption,
    VariantOption,
    Wishes,
)


def prepare(
    model: Annotated[
        Path,
        typer.Argument(metavar="MODEL", exists=True, help="An ONNX model; with --as-is, any."),
    ],
    out: Annotated[
        Path, typer.Option("--out", file_okay=False, help="Folder for the MPD and its segments.")
    ],
    name: NameOption = None,
    task: TaskOption = None,
    model_version: VersionOption = None,
    template: TemplateOption = None,
    variant: VariantOption = None,
    optimise: OptimiseOption = None,
    minimum_accuracy: FloorOption = None,
    evaluation: EvaluationOption = None,
    calibration: CalibrationOption = None,
    delta_from: DeltaOption = None,
    delta_mode: DeltaModeOption = "lossless",
    split: SplitOption = None,
    as_is: AsIsOption = False,
    encrypt_key: EncryptKeyOption = None,
    key_url: KeyUrlOption = None,
    key_id: KeyIdOption = None,
    as_json: JsonOption = False,
) -> None:
    """Prepare a model into a folder that any web server can deliver."""
    with reporting_errors(as_json=as_json):
        wishes = Wishes(
            variant or (),
            optimise or (),
            minimum_accuracy,
            evaluation,
            calibration,
            delta_from or (),
            delta_mode,
            split or (),
            as_is,
        )
        members = wishes.members(model)
        wanted = preparation_template(model, name, task, model_version, template, members)
        wanted, key = encryption(wanted, encrypt_key, key_url, key_id)
        with stage_progress(as_json=as_json) as bar:
            stage = bar.add_task("preparing", total=1.0)

            def report(progress: PreparationProgress) -> None:
                bar.update(stage, description=progress.stage, completed=progress.fraction)

            return_freed_memory()
            prepared = preparation.prepare(
                model,
                wanted,
                out,
                evaluation_dir=model.parent,
                progress=report,
                now=datetime.now(UTC),
                key=key,
            )
        if as_json:
            told = {"variants": prepared.variants, "withheld": prepared.withheld}
            print_json({"manifest": out / wanted.manifest, **told})
        else:
            _print(prepared, wanted, out)


def _print(prepared: PreparationResult, template: ModelPreparation, out: Path) -> None:
    described = template.model
    results.print(headed(described.name, f" version {described.version}, {described.task}"))
    print_variants(prepared.variants, prepared.withheld)
    results.print(f"model MPD {out / template.manifest}", soft_wrap=True)
    print_next(out / template.manifest, prepared.variants)
