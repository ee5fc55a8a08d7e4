"""`fivegms inspect`: what a model, a model MPD or a segment says, as a table."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer
from rich.table import Table

from fivegms_testbed.cli.console import (
    JsonOption,
    megabytes,
    messages,
    print_json,
    reporting_errors,
    results,
)
from fivegms_testbed.cli.manifest_tables import show_manifest
from fivegms_testbed.cli.model_tables import show_model
from fivegms_testbed.cut_plot import NothingToPlot, write_plot
from fivegms_testbed.inspection import (
    Inspected,
    InspectedManifest,
    InspectedSegment,
    inspect_bytes,
    read_location,
)
from fivegms_testbed.model_inspection import InspectedModel


def inspect(
    location: Annotated[str, typer.Argument(metavar="FILE|URL", help="What to look at.")],
    nodes: Annotated[
        bool, typer.Option("--nodes", help="Show what each node of a model costs.")
    ] = False,
    cuts: Annotated[
        bool, typer.Option("--cuts", help="Show every cut of a model, not only the best.")
    ] = False,
    measure: Annotated[
        bool,
        typer.Option("--measure", help="Time a model's nodes and the subsets at its best cuts."),
    ] = False,
    plot: Annotated[
        Path | None,
        typer.Option("--plot", dir_okay=False, help="Draw a model's cuts (.svg or .html)."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show what a model, a model MPD or a segment holds."""
    with reporting_errors(as_json=as_json):
        data = read_location(location)
        remote = urlsplit(location).scheme in ("http", "https")
        folder = None if remote else Path(location).resolve().parent
        inspected = inspect_bytes(data, folder, measure=measure)
        if plot is not None:
            _plot(inspected, Path(urlsplit(location).path if remote else location).stem, plot)
        if isinstance(inspected, InspectedModel):
            inspected = _asked_for(inspected, nodes=nodes or measure, cuts=cuts)
        if as_json:
            print_json(inspected)
            return
        match inspected:
            case InspectedModel():
                show_model(inspected)
            case InspectedManifest():
                show_manifest(inspected.manifest)
            case InspectedSegment():
                _show_segment(inspected)


def _asked_for(model: InspectedModel, *, nodes: bool, cuts: bool) -> InspectedModel:
    return replace(
        model,
        nodes=model.nodes if nodes else (),
        cuts=model.cuts if cuts else model.best_cuts,
    )


def _plot(inspected: Inspected, title: str, path: Path) -> None:
    if not isinstance(inspected, InspectedModel):
        raise NothingToPlot("only a model's cuts can be drawn")
    write_plot(inspected, title, path)
    messages.print(f"drawn: {path}", soft_wrap=True)


def _show_segment(segment: InspectedSegment) -> None:
    if segment.payload_urn is not None:
        size = megabytes(segment.size_bytes)
        results.print(f"initialization segment of {segment.payload_urn}, {size}")
        return
    results.print(
        f"media segment number {segment.sequence_number}, decode time "
        f"{segment.base_decode_time}, {megabytes(segment.size_bytes)}, {len(segment.units)} units"
    )
    table = Table(box=None, pad_edge=False)
    for heading in ("unit", "name", "type", "sent as", "shape", "codec"):
        table.add_column(heading)
    for heading in ("coded", "decoded"):
        table.add_column(heading, justify="right")
    for unit in segment.units:
        shape = str(list(unit.shape)) if unit.what == "tensor" else ""
        sizes = (megabytes(unit.coded_bytes), megabytes(unit.decoded_bytes))
        table.add_row(unit.what, unit.name, unit.dtype, unit.stored, shape, unit.codec, *sizes)
    results.print(table)
