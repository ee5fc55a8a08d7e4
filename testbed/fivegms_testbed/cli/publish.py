"""`fivegms publish`: provision, ingest and follow a model until UEs can find it."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from pydantic import ValidationError
from rich.progress import Progress, TaskID
from rich.table import Table

from fivegms_api.ai_models import AiModel, PreparedVariant
from fivegms_api.model_preparation import ModelPreparation
from fivegms_client.authorization import Authorization
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
    megabytes,
    messages,
    print_json,
    reporting_errors,
    results,
    stage_progress,
    transfer_progress,
)
from fivegms_testbed.provider import Provider, Published
from fivegms_testbed.upload import DEFAULT_PATIENCE_S, UploadProgress

ModelFile = Annotated[
    Path, typer.Argument(metavar="MODEL.onnx", exists=True, dir_okay=False, help="An ONNX model.")
]
NameOption = Annotated[
    str | None, typer.Option("--name", help="The model's name; default: the file's.")
]
TaskOption = Annotated[
    str | None,
    typer.Option("--task", help="What it does: object-detection, image-classification, ..."),
]
VersionOption = Annotated[
    int | None, typer.Option("--model-version", min=1, help="The model's version.")
]
SessionOption = Annotated[
    str | None,
    typer.Option("--session", help="Publish a further version in this provisioning session."),
]
TemplateOption = Annotated[
    Path | None,
    typer.Option(
        "--template",
        exists=True,
        dir_okay=False,
        help="A content preparation template (docs/preparation.md); options override it.",
    ),
]


def publish(
    model: ModelFile,
    name: NameOption = None,
    task: TaskOption = None,
    model_version: VersionOption = None,
    session: SessionOption = None,
    template: TemplateOption = None,
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
        shown = authorization(
            token, client_id, client_secret, token_url or m1.rstrip("/") + TOKEN_PATH
        )
        preparation = preparation_template(model, name, task, model_version, template)
        published = asyncio.run(
            _publish(m1, model, preparation, session, patience_s, shown, as_json=as_json)
        )
        if as_json:
            print_json(published)
        else:
            print_published(published)


def preparation_template(
    model: Path,
    name: str | None,
    task: str | None,
    version: int | None,
    file: Path | None,
    members: Mapping[str, Any] | None = None,
) -> ModelPreparation:
    """The template in `file`, or an empty one, with the options laid over it.

    `members` are further members, which take the place of the file's.

    Raises typer.BadParameter, naming the member, when the whole is not a template.
    """
    document = {**_read_template(file), **(members or {})}
    described = document.setdefault("model", {})
    document.setdefault("source", model.name)
    for member, value in (("name", name), ("task", task), ("version", version)):
        if value is not None:
            described[member] = value
    described.setdefault("name", model.stem)
    if "task" not in described:
        raise typer.BadParameter("say what the model does with --task, or in the template")
    try:
        return ModelPreparation.model_validate(document)
    except ValidationError as error:
        raise typer.BadParameter(_members(error)) from error


def _read_template(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        document = json.loads(file.read_text())
    except ValueError as error:
        raise typer.BadParameter(f"{file} is not JSON: {error}") from error
    if not isinstance(document, dict) or not isinstance(document.get("model", {}), dict):
        raise typer.BadParameter(f"{file} is not a content preparation template")
    return document


def _members(error: ValidationError) -> str:
    lines = (f"{'.'.join(map(str, entry['loc']))}: {entry['msg']}" for entry in error.errors())
    return "not a content preparation template:\n  " + "\n  ".join(lines)


async def _publish(
    m1: str,
    model: Path,
    template: ModelPreparation,
    session: str | None,
    patience_s: float,
    shown: Authorization | None,
    *,
    as_json: bool,
) -> Published:
    bars = _Bars(as_json=as_json)
    async with Provider(m1, patience_s=patience_s, authorization=shown) as provider:
        with bars.uploads, bars.stages:
            return await provider.publish(
                model,
                template,
                session=session,
                on_upload=bars.uploading,
                on_state=bars.preparing,
            )


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


def variants_table(variants: tuple[PreparedVariant, ...], *, digests: bool = False) -> Table:
    """What each variant costs and is worth; `ms` is the median inference at the AS."""
    metrics = sorted({figure.metric for variant in variants for figure in variant.accuracy})
    table = Table(box=None, pad_edge=False)
    table.add_column("variant", style="bold", overflow="fold")
    for heading in ("codec", "bytes", "segments", *metrics, "ms"):
        justify: Literal["left", "right"] = "left" if heading == "codec" else "right"
        table.add_column(heading, justify=justify, overflow="fold")
    if digests:
        table.add_column("sha256", overflow="fold")
    for variant in variants:
        figures = {figure.metric: f"{figure.value:.4f}" for figure in variant.accuracy}
        table.add_row(
            variant.id,
            variant.codec,
            megabytes(variant.size_bytes),
            str(variant.segments),
            *(figures.get(metric, "-") for metric in metrics),
            "-" if variant.latency_ms is None else f"{variant.latency_ms:.2f}",
            *([variant.sha256[:12]] if digests else []),
        )
    return table


def print_published(published: Published) -> None:
    """The variants, and how to run the model."""
    model = published.model
    results.print(headed(model.name, f" version {model.version}, {model.task}"))
    results.print(variants_table(model.variants))
    results.print(f"session   {published.provisioning_session_id}")
    if model.locator is not None:
        results.print(f"model MPD {model.locator}", soft_wrap=True)
        messages.print(f"Run it: fivegms run {model.locator} --input FILE", soft_wrap=True)
