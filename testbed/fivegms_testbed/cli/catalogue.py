"""`fivegms catalogue`: the networks of table 6.1.1-1, listed or written as ONNX files."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from fivegms_testbed.catalogue import CATALOGUE, write
from fivegms_testbed.catalogue.comparison import Row, compare_all
from fivegms_testbed.catalogue.page import catalogue_page
from fivegms_testbed.catalogue.table import Figure
from fivegms_testbed.cli.console import JsonOption, megabytes, print_json, reporting_errors, results


class Format(StrEnum):
    """How the list is printed."""

    TABLE = "table"
    MD = "md"


def catalogue(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Write this network; else, list all.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(dir_okay=False, help="The file to write (NAME.onnx).")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="What its weights are drawn from.")] = 0,
    output: Annotated[Format, typer.Option("--format", help="How to print the list.")] = (
        Format.TABLE
    ),
    as_json: JsonOption = False,
) -> None:
    """List the networks of table 6.1.1-1, or write one as an ONNX file with seeded weights."""
    with reporting_errors(as_json=as_json):
        if name is not None:
            _write(name, out or Path(f"{name}.onnx"), seed, as_json=as_json)
            return
        rows = compare_all()
        if as_json:
            print_json({"rows": rows})
        elif output is Format.MD:
            typer.echo(catalogue_page(rows), nl=False)
        else:
            _show(rows)


def _write(name: str, path: Path, seed: int, *, as_json: bool) -> None:
    if name not in CATALOGUE:
        raise typer.BadParameter(f"no network {name!r}; there are {', '.join(CATALOGUE)}")
    size_bytes = write(CATALOGUE[name].network(), path, seed)
    if as_json:
        print_json({"name": name, "file": path, "size_bytes": size_bytes, "seed": seed})
    else:
        results.print(f"{path}: {megabytes(size_bytes)}", soft_wrap=True)


def _show(rows: list[Row]) -> None:
    table = Table(box=None, pad_edge=False)
    for heading in ("name", "network"):
        table.add_column(heading, no_wrap=True)
    for heading in ("params M", "built", "MB", "x 4", "FLOPs G", "built"):
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(
            row.key,
            row.name,
            _flagged(row, Figure.PARAMETERS, row.printed_parameters_m),
            f"{1e-6 * row.parameters:.4g}",
            _flagged(row, Figure.FOOTPRINT, row.printed_footprint_mb),
            f"{row.expected_footprint_mb:.4g}",
            _flagged(row, Figure.FLOPS, row.printed_flops_g),
            "unknown" if row.macs is None else f"{1e-9 * row.macs:.3g}",
        )
    results.print(table)
    for row in rows:
        for flag, remark in zip(row.flags, row.remarks, strict=True):
            results.print(f"! {row.name}, {flag}: {remark}.")


def _flagged(row: Row, figure: Figure, value: float) -> str:
    return f"{value:g} !" if figure in row.flags else f"{value:g}"
