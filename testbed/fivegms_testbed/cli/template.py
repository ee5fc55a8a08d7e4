"""The content preparation template of a command: a file, and options laid over it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from fivegms_api.model_preparation import ModelPreparation

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
TemplateOption = Annotated[
    Path | None,
    typer.Option(
        "--template",
        exists=True,
        dir_okay=False,
        help="A content preparation template (docs/preparation.md); options override it.",
    ),
]


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
    lines = (_fault(entry["loc"], entry["msg"]) for entry in error.errors())
    return "not a content preparation template:\n  " + "\n  ".join(lines)


def _fault(where: tuple[int | str, ...], why: str) -> str:
    """What contradicts itself across members has no place; rules of ours begin as pydantic's do."""
    place = ".".join(map(str, where))
    said = why.removeprefix("Value error, ")
    return f"{place}: {said}" if place else said
