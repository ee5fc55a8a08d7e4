"""`fivegms publish`: provision, ingest and follow a model until UEs can find it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress, TaskID

from fivegms_api.ai_models import AiModel
from fivegms_api.model_preparation import ModelPreparation
from fivegms_testbed.cli.authorization import (
    TOKEN_PATH,
    ClientIdOption,
    ClientSecretOption,
    TokenOption,
    TokenUrlOption,
    authorization,
)
from fivegms_testbed.cli.console import (
    JsonOption,
    headed,
    messages,
    print_json,
    reporting_errors,
    results,
    stage_progress,
    transfer_progress,
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
    EvaluationOption,
    FloorOption,
    OptimiseOption,
    SessionDeltaOption,
    SplitOption,
    VariantOption,
    Wishes,
)
from fivegms_testbed.prepared_folder import PreparedFolder, is_prepared, read_prepared
from fivegms_testbed.provider import Provider, Published
from fivegms_testbed.upload import DEFAULT_PATIENCE_S, UploadProgress

ModelArgument = Annotated[
    Path,
    typer.Argument(
        metavar="MODEL|DIR",
        exists=True,
        help="An ONNX model (with --as-is, any file), or what `fivegms prepare` made: a folder or "
        "its model MPD.",
    ),
]
SessionOption = Annotated[
    str | None,
    typer.Option("--session", help="Publish a further version in this provisioning session."),
]


def publish(
    model: ModelArgument,
    name: NameOption = None,
    task: TaskOption = None,
    model_version: VersionOption = None,
    session: SessionOption = None,
    template: TemplateOption = None,
    variant: VariantOption = None,
    optimise: OptimiseOption = None,
    minimum_accuracy: FloorOption = None,
    evaluation: EvaluationOption = None,
    calibration: CalibrationOption = None,
    delta_from: SessionDeltaOption = None,
    delta_mode: DeltaModeOption = "lossless",
    split: SplitOption = None,
    as_is: AsIsOption = False,
    m1: Annotated[
        str, typer.Option("--m1", metavar="URL", help="M1 of the AF.")
    ] = "http://127.0.0.1:7777",
    patience_s: Annotated[
        float,
        typer.Option("--patience-s", min=0, help="Give up when an AS is away for this long."),
    ] = DEFAULT_PATIENCE_S,
    token: TokenOption = None,
    client_id: ClientIdOption = None,
    client_secret: ClientSecretOption = None,
    token_url: TokenUrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Publish a model: every device then finds a variant that suits it."""
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
        shown = authorization(
            token, client_id, client_secret, token_url or m1.rstrip("/") + TOKEN_PATH
        )
        provider = Provider(m1, patience_s=patience_s, authorization=shown)
        if is_prepared(model):
            if wishes.asked or any((name, task, model_version, template)):
                raise typer.BadParameter(
                    f"{model} is published as it was prepared: its options are those of prepare"
                )
            made = asyncio.run(_as_prepared(provider, model, session, as_json=as_json))
        else:
            described = _Described(model, name, task, model_version, template, wishes)
            made = asyncio.run(_to_prepare(provider, described, session, as_json=as_json))
        if as_json:
            print_json(made)
        else:
            print_published(made)


@dataclass(frozen=True, slots=True)
class _Described:
    """A model to be prepared, and everything that the command line says of that."""

    file: Path
    name: str | None
    task: str | None
    version: int | None
    template: Path | None
    wishes: Wishes

    def template_with(self, held: Mapping[int, str]) -> ModelPreparation:
        """`held` has the sources of older versions. Raises typer.BadParameter."""
        members = self.wishes.members(self.file, held)
        return preparation_template(
            self.file, self.name, self.task, self.version, self.template, members
        )


async def _to_prepare(
    provider: Provider, described: _Described, session: str | None, *, as_json: bool
) -> Published:
    bars = _Bars(as_json=as_json)
    async with provider:
        held = await _sources(provider, described, session)
        template = described.template_with(held)
        with bars.uploads, bars.stages:
            return await provider.publish(
                described.file,
                template,
                session=session,
                held=held.values(),
                on_upload=bars.uploading,
                on_state=bars.preparing,
            )


async def _sources(
    provider: Provider, described: _Described, session: str | None
) -> dict[int, str]:
    """The sources of older versions that deltas start from, by version, where no file is named."""
    versions = described.wishes.versions_held
    if not versions:
        return {}
    if session is None:
        raise typer.BadParameter("--delta-from without a file takes versions of --session")
    name = described.template_with(dict.fromkeys(versions, "elsewhere")).model.name
    return {one: await provider.source_of(session, name, one) for one in versions}


async def _as_prepared(
    provider: Provider, entry: Path, session: str | None, *, as_json: bool
) -> Published:
    folder: PreparedFolder = await asyncio.to_thread(read_prepared, entry)
    bars = _Bars(as_json=as_json)
    async with provider:
        with bars.uploads:
            return await provider.publish_prepared(
                folder, session=session, on_session=_say_session, on_upload=bars.uploading
            )


def _say_session(session_id: str) -> None:
    """At once, because who breaks off needs it to go on."""
    messages.print(f"publishing in session {session_id}")


class _Bars:
    """The two progress bars of a publication: bytes sent, then stages of preparation."""

    def __init__(self, *, as_json: bool) -> None:
        self.uploads: Progress = transfer_progress(as_json=as_json)
        self.stages: Progress = stage_progress(as_json=as_json)
        self._files: dict[str, TaskID] = {}
        self._stage: TaskID | None = None
        self._waiting_for: str | None = None

    def uploading(self, name: str, progress: UploadProgress) -> None:
        if name not in self._files:
            self._files[name] = self.uploads.add_task(name, total=progress.total_bytes)
        self.uploads.update(self._files[name], completed=progress.sent_bytes)
        if progress.waiting_for not in (None, self._waiting_for):
            self.uploads.console.print(
                f"waiting to send {name}: {progress.waiting_for}", soft_wrap=True
            )
        self._waiting_for = progress.waiting_for

    def preparing(self, model: AiModel) -> None:
        if model.progress is None:
            return
        if self._stage is None:
            self._stage = self.stages.add_task("preparing", total=1.0)
        self.stages.update(
            self._stage, description=model.progress.stage, completed=model.progress.fraction
        )


def print_published(published: Published) -> None:
    """The variants, and how to run the model."""
    model = published.model
    results.print(headed(model.name, f" version {model.version}, {model.task}"))
    print_variants(model.variants, model.withheld)
    results.print(f"session   {published.provisioning_session_id}")
    if model.locator is not None:
        results.print(f"model MPD {model.locator}", soft_wrap=True)
        print_next(model.locator, model.variants)
