"""A model as tables: what it is, what its nodes cost, and where it can be cut."""

from collections.abc import Sequence

from rich.table import Table

from fivegms_manifests.model import Latency, TensorInfo
from fivegms_prepare.timings import NodeTime
from fivegms_testbed.cli.console import headed, megabytes, results
from fivegms_testbed.model_inspection import InspectedCut, InspectedModel


def show_model(model: InspectedModel) -> None:
    """Print the facts, then the nodes and cuts that the model still holds."""
    results.print(_facts(model))
    if model.nodes:
        results.print()
        results.print(headed("nodes", " in execution order"))
        results.print(_nodes(model))
    if model.cuts:
        results.print()
        best = all(cut.best for cut in model.cuts)
        meaning = " that no other beats in both work and bytes" if best else ""
        results.print(headed("cuts", f"{meaning}: what crosses, what lies before and after"))
        results.print(_cuts(model.cuts, model.macs))


def facts_table() -> Table:
    """An empty table of names and values."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim")
    table.add_column()
    return table


def tensor_text(info: TensorInfo) -> str:
    """A tensor's name, type and shape; `?` for a size without a name."""
    return f"{info.name} {info.dtype} [{', '.join(str(dim) or '?' for dim in info.shape)}]"


def _facts(model: InspectedModel) -> Table:
    table = facts_table()
    table.add_row("size", megabytes(model.size_bytes))
    table.add_row("made by", model.producer or "not said")
    opsets = ", ".join(f"{opset.domain or 'ai.onnx'} {opset.version}" for opset in model.opsets)
    table.add_row("operator sets", f"{opsets} (IR {model.ir_version})")
    table.add_row("parameters", f"{model.parameters:,}")
    table.add_row("multiply-adds", _number(model.macs))
    table.add_row("peak activations", _size(model.activation_bytes))
    for title, tensors in (("input", model.inputs), ("output", model.outputs)):
        for info in tensors:
            table.add_row(title, tensor_text(info))
    operators = ", ".join(f"{name} x{count}" for name, count in model.operators.items())
    table.add_row("operators", operators)
    for key, value in model.metadata.items():
        table.add_row(key, value)
    return table


def _nodes(model: InspectedModel) -> Table:
    measured = ["time", "share"] if model.node_times else []
    figures = ["parameters", "multiply-adds", "gives", "memory"]
    table = _table(["node", "operator"], figures + measured)
    times = model.node_times or (None,) * len(model.nodes)
    for node, time in zip(model.nodes, times, strict=True):
        cells = [
            f"{node.parameters:,}",
            _number(node.macs),
            _size(node.output_bytes),
            _size(node.live_bytes),
        ]
        if time is not None:
            cells += _time(time)
        table.add_row(node.name, node.operator, *cells)
    return table


def _time(time: NodeTime) -> tuple[str, str]:
    if time.time_us is None or time.share is None:
        return "unknown", "unknown"
    return f"{time.time_us:,.0f} us", f"{100 * time.share:.1f} %"


def _cuts(cuts: Sequence[InspectedCut], macs: int | None) -> Table:
    """What crosses, what lies before it, and what after."""
    measured = any(cut.head_latency for cut in cuts)
    before = ["crosses", "work", "weights", "memory"] + ["time"] * measured
    table = _table(["tensors"], [*before, "memory after", *["time after"] * measured])
    for cut in cuts:
        head = [
            _size(cut.size_bytes),
            _share(cut.head.macs, macs),
            megabytes(cut.head.weights_bytes),
            _size(cut.head.memory_bytes),
        ]
        tail = [_size(cut.tail.memory_bytes)]
        if measured:
            head.append(_latency(cut.head_latency))
            tail.append(_latency(cut.tail_latency))
        table.add_row(", ".join(info.name for info in cut.tensors), *head, *tail)
    return table


def _table(texts: Sequence[str], numbers: Sequence[str]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in texts:
        table.add_column(heading, overflow="fold")
    for heading in numbers:
        table.add_column(heading, justify="right")
    return table


def _number(count: int | None) -> str:
    return "unknown" if count is None else f"{count:,}"


def _size(size_bytes: int | None) -> str:
    return "unknown" if size_bytes is None else megabytes(size_bytes)


def _share(part: int | None, whole: int | None) -> str:
    return f"{100 * part / whole:.1f} %" if part is not None and whole else "unknown"


def _latency(latency: Latency | None) -> str:
    return "" if latency is None else f"{latency.p50_ms:.1f} ms"
