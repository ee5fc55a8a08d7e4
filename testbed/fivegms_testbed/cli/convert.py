"""`fivegms convert`: a model of another format as ONNX, or an ONNX model as an NNEF package."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from fivegms_codecs.nnef.paths import PLAIN
from fivegms_prepare.containers import Container, ModelContainer, describe_container
from fivegms_prepare.containers.conversion import convert as convert_container
from fivegms_prepare.nnef import write_nnef
from fivegms_prepare.source import load_source
from fivegms_testbed.cli.console import JsonOption, megabytes, print_json, reporting_errors, results
from fivegms_testbed.errors import BadFile

_ONNX = ".onnx"


class AlreadyConverted(BadFile):
    """The model is of the format that it is to be converted to."""


def convert(
    source: Annotated[Path, typer.Argument(metavar="IN", exists=True, help="The model.")],
    target: Annotated[
        Path,
        typer.Argument(
            metavar="OUT", help="An .onnx file, or an NNEF package: a folder, a .tgz or a .tar."
        ),
    ],
    trust: Annotated[
        bool,
        typer.Option("--trust", help="Run the code that a TensorFlow or PyTorch model brings."),
    ] = False,
    representation: Annotated[
        list[str] | None,
        typer.Option(
            "--representation",
            help="From NNEF: the representation of variables to take; repeat for a second choice.",
        ),
    ] = None,
    int8: Annotated[
        bool, typer.Option("--int8", help="To NNEF: write each weight as 8-bit levels too.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Convert a model to ONNX, or to NNEF."""
    with reporting_errors(as_json=as_json):
        model = describe_container(source)
        if target.suffix == _ONNX:
            _check_unused("--int8", "is for packages of NNEF", given=int8)
            _to_onnx(model, target, trusted=trust, prefer=representation)
        else:
            _check_unused("--representation", "is for ONNX", given=bool(representation))
            _to_nnef(model, target, trusted=trust, int8=int8)
        size_bytes = _size_bytes(target)
        if as_json:
            print_json({"from": model.container, "to": target, "size_bytes": size_bytes})
        else:
            results.print(
                f"{target}: {megabytes(size_bytes)}, from {model.container}", soft_wrap=True
            )


def _check_unused(option: str, why: str, *, given: bool) -> None:
    """Refuse an option that would change nothing. Raises BadParameter."""
    if given:
        raise typer.BadParameter(f"{option} {why}")


def _to_onnx(
    model: ModelContainer, target: Path, *, trusted: bool, prefer: list[str] | None
) -> None:
    if model.container is Container.ONNX:
        raise AlreadyConverted(f"{model.path.name} is an ONNX model already")
    if model.container is not Container.NNEF:
        _check_unused("--representation", "is for packages of NNEF", given=bool(prefer))
    convert_container(model, target, trusted=trusted, prefer=prefer or (PLAIN,))


def _to_nnef(model: ModelContainer, target: Path, *, trusted: bool, int8: bool) -> None:
    if model.container is Container.NNEF:
        raise AlreadyConverted(f"{model.path.name} is an NNEF package already")
    with TemporaryDirectory() as scratch:
        onnx = model.path
        if model.container is not Container.ONNX:
            onnx = Path(scratch) / "converted.onnx"
            convert_container(model, onnx, trusted=trusted)
        write_nnef(load_source(onnx), target, int8=int8)


def _size_bytes(target: Path) -> int:
    files = target.rglob("*") if target.is_dir() else [target]
    return sum(file.stat().st_size for file in files if file.is_file())
