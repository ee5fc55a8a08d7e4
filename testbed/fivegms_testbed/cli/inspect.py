"""`fivegms inspect`: what a model, a model MPD or a segment says, as a table."""

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer
from rich.table import Table

from fivegms_api.ai_models import PreparedVariant
from fivegms_manifests.model import ModelManifest, Subset, TensorInfo
from fivegms_prepare.manifest import variants_of
from fivegms_testbed.cli.console import (
    JsonOption,
    headed,
    megabytes,
    print_json,
    reporting_errors,
    results,
)
from fivegms_testbed.cli.publish import variants_table
from fivegms_testbed.inspection import (
    InspectedManifest,
    InspectedModel,
    InspectedSegment,
    inspect_bytes,
    read_location,
)


def inspect(
    location: Annotated[str, typer.Argument(metavar="FILE|URL", help="What to look at.")],
    as_json: JsonOption = False,
) -> None:
    """Show what a model, a model MPD or a segment holds."""
    with reporting_errors(as_json=as_json):
        data = read_location(location)
        remote = urlsplit(location).scheme in ("http", "https")
        inspected = inspect_bytes(data, None if remote else Path(location).resolve().parent)
        if as_json:
            print_json(inspected)
            return
        match inspected:
            case InspectedModel():
                _show_model(inspected)
            case InspectedManifest():
                _show_manifest(inspected.manifest)
            case InspectedSegment():
                _show_segment(inspected)


def _show_model(model: InspectedModel) -> None:
    table = _facts()
    table.add_row("size", megabytes(model.size_bytes))
    table.add_row("made by", model.producer or "not said")
    opsets = ", ".join(f"{opset.domain or 'ai.onnx'} {opset.version}" for opset in model.opsets)
    table.add_row("operator sets", f"{opsets} (IR {model.ir_version})")
    table.add_row("parameters", f"{model.parameters:,}")
    table.add_row("multiply-adds", "unknown" if model.macs is None else f"{model.macs:,}")
    peak = model.activation_bytes
    table.add_row("peak activations", "unknown" if peak is None else megabytes(peak))
    for title, tensors in (("input", model.inputs), ("output", model.outputs)):
        for info in tensors:
            table.add_row(title, _tensor(info))
    operators = ", ".join(f"{name} x{count}" for name, count in model.operators.items())
    table.add_row("operators", operators)
    for key, value in model.metadata.items():
        table.add_row(key, value)
    results.print(table)


def _show_manifest(manifest: ModelManifest) -> None:
    model = manifest.model
    table = _facts()
    table.add_row("model", f"{model.name} version {model.version}")
    table.add_row("task", model.task)
    opsets = ", ".join(f"{opset.domain or 'ai.onnx'} {opset.version}" for opset in model.opsets)
    table.add_row("operator sets", f"{opsets} ({model.framework}, IR {model.ir_version})")
    if model.labels:
        shown = ", ".join(model.labels[:10]) + (", ..." if len(model.labels) > 10 else "")
        table.add_row("labels", f"{len(model.labels)}: {shown}")
    if manifest.published is not None:
        table.add_row("published", manifest.published.isoformat())
    names = {subset.id: subset.name for subset in manifest.subsets}
    for composition in manifest.compositions:
        chain = " > ".join(
            f"{names[member.subset_id]} ({'/'.join(member.endpoints)})"
            for member in composition.members
        )
        table.add_row("composition", f"{composition.id}: {chain}")
    results.print(table)
    variants = variants_of(manifest)
    for subset in manifest.subsets:
        _show_subset(subset, tuple(one for one in variants if one.subset == subset.id))


def _show_subset(subset: Subset, variants: tuple[PreparedVariant, ...]) -> None:
    macs = "" if subset.macs is None else f", {subset.macs:,} multiply-adds"
    results.print()
    results.print(headed(f"subset {subset.name}", f" {subset.parameters:,} parameters{macs}"))
    for title, tensors in (("in", subset.inputs), ("out", subset.outputs)):
        for info in tensors:
            results.print(f"  {title:<4}{_tensor(info)}")
    results.print(variants_table(variants, digests=True))


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


def _facts() -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim")
    table.add_column()
    return table


def _tensor(info: TensorInfo) -> str:
    return f"{info.name} {info.dtype} [{', '.join(str(dim) or '?' for dim in info.shape)}]"
