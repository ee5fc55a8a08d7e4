"""`fivegms convert`: a model of another format as ONNX, or an ONNX model as an NNEF package."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from fivegms_prepare.containers import Container, describe_container
from fivegms_prepare.containers.conversion import as_onnx
from fivegms_prepare.containers.conversion import convert as convert_container
from fivegms_prepare.nnef import convert_nnef, write_nnef
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
        container = describe_container(source).container
        if target.suffix == _ONNX:
            _to_onnx(source, container, target, trusted=trust, prefer=representation)
        else:
            _to_nnef(source, container, target, trusted=trust, int8=int8)
        size_bytes = _size_bytes(target)
        if as_json:
            print_json({"from": container, "to": target, "size_bytes": size_bytes})
        else:
            results.print(f"{target}: {megabytes(size_bytes)}, from {container}", soft_wrap=True)


def _to_onnx(
    source: Path,
    container: Container,
    target: Path,
    *,
    trusted: bool,
    prefer: list[str] | None,
) -> None:
    if container is Container.ONNX:
        raise AlreadyConverted(f"{source.name} is an ONNX model already")
    if container is Container.NNEF and prefer:
        convert_nnef(source, target, prefer)
    else:
        convert_container(describe_container(source), target, trusted=trusted)


def _to_nnef(
    source: Path, container: Container, target: Path, *, trusted: bool, int8: bool
) -> None:
    if container is Container.NNEF:
        raise AlreadyConverted(f"{source.name} is an NNEF package already")
    with TemporaryDirectory() as scratch:
        onnx = as_onnx(source, Path(scratch), trusted=trusted)
        write_nnef(load_source(onnx), target, int8=int8)


def _size_bytes(target: Path) -> int:
    files = target.rglob("*") if target.is_dir() else [target]
    return sum(file.stat().st_size for file in files if file.is_file())
