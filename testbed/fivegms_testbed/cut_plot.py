"""A model's cuts as a picture: how much work lies before each, and what would have to cross.

The lower the dot, the fewer bytes; the further left, the less work for the UE. SVG for documents,
or one HTML page that holds the picture and the table and needs no network.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from io import StringIO
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from fivegms_prepare.values import sample_shape
from fivegms_testbed.errors import BadFile
from fivegms_testbed.model_inspection import InspectedCut, InspectedModel

_INK, _QUIET, _GRID = "#1f2430", "#7a8194", "#e4e7ee"
_ONE, _SEVERAL, _BEST = "#3b6fb6", "#b9c6da", "#d1495b"
_MOST_LABELS = 6
_PAPER = {"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 0.5}
"""Behind letters, which then can be read over lines."""
_SETTINGS: Any = {
    "font.family": "sans-serif",
    "font.size": 10,
    "svg.hashsalt": "fivegms",  # the same model gives the same bytes
    "svg.fonttype": "path",
    "text.parse_math": False,  # a name may have dollars in it
}


class NothingToPlot(BadFile):
    """No cut of the model has a known size, or its work is not known."""


class PlotFormatUnknown(BadFile):
    """A plot is an .svg or an .html file."""


@dataclass(frozen=True, slots=True)
class _Point:
    cut: InspectedCut
    work: float
    """Percent of all multiply-accumulates that lie before the cut."""
    size_bytes: int


def write_plot(model: InspectedModel, title: str, path: Path) -> None:
    """Write the picture or the page, by the file's name.

    Raises PlotFormatUnknown, NothingToPlot and OSError.
    """
    if path.suffix not in (".svg", ".html"):
        raise PlotFormatUnknown(f"{path.name} is neither an .svg nor an .html file")
    points = _points(model)
    picture = _svg(points, model, title)
    page = picture if path.suffix == ".svg" else _page(points, picture, title)
    path.write_text(page, encoding="utf-8")


def _points(model: InspectedModel) -> list[_Point]:
    points = [
        _Point(cut, 100 * cut.head.macs / model.macs, cut.size_bytes)
        for cut in model.cuts
        if model.macs and cut.size_bytes and cut.head.macs is not None
    ]
    if not points:
        raise NothingToPlot("no cut has a known size and known work before it: shapes are open")
    return points


def _svg(points: Sequence[_Point], model: InspectedModel, title: str) -> str:
    from matplotlib import rc_context  # half a second that other commands need not wait
    from matplotlib.figure import Figure

    with rc_context(_SETTINGS):
        figure = Figure(figsize=(9.6, 5.4), layout="constrained")
        axes = figure.subplots()
        _draw_axes(axes, [point.size_bytes for point in points])
        _draw_cuts(axes, points)
        _draw_input(axes, model)
        _draw_labels(axes, [point for point in points if point.cut.best])
        axes.set_title(title, loc="left", fontsize=13, fontweight="bold", color=_INK, pad=16)
        axes.legend(
            frameon=False,
            loc="lower right",
            bbox_to_anchor=(1, 1.005),
            ncols=3,
            handletextpad=0.2,
            columnspacing=1.2,
            fontsize=9,
            labelcolor=_INK,
        )
        text = StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return text.getvalue()


def _draw_axes(axes: Any, sizes: Sequence[int]) -> None:
    from matplotlib.ticker import FuncFormatter

    axes.set_yscale("log")
    axes.set_ylim(min(sizes) / 2.2, max(sizes) * 1.6)  # room for labels below the dots
    axes.set_xlim(-1.5, 101.5)
    axes.set_xlabel("multiply-accumulates before the cut, % of the model's", color=_INK)
    axes.set_ylabel("bytes that cross the cut, per sample", color=_INK)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: amount(value)))
    axes.grid(which="major", color=_GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=_QUIET, which="both", length=0)
    for side in ("top", "right", "left", "bottom"):
        axes.spines[side].set_visible(False)


def _draw_cuts(axes: Any, points: Sequence[_Point]) -> None:
    axes.step(
        [point.work for point in points],
        [point.size_bytes for point in points],
        where="post",
        color=_SEVERAL,
        linewidth=1,
        zorder=1,
    )
    single = [point for point in points if len(point.cut.tensors) == 1]
    several = [point for point in points if len(point.cut.tensors) > 1]
    best = [point for point in points if point.cut.best]
    kinds = (
        (several, _SEVERAL, 16, "several tensors cross"),
        (single, _ONE, 22, "one tensor crosses"),
        (best, _BEST, 46, "smaller than every earlier cut"),
    )
    for order, (some, color, size, label) in enumerate(kinds, start=2):
        if some:
            x, y = zip(*((point.work, point.size_bytes) for point in some), strict=True)
            axes.scatter(
                x, y, s=size, color=color, edgecolors="white", linewidths=0.6, zorder=order,
                label=label,
            )  # fmt: skip


def _draw_input(axes: Any, model: InspectedModel) -> None:
    """What would cross if nothing ran before the cut: the inputs, as bytes of pictures."""
    shapes = [sample_shape(info) for info in model.inputs]
    numbers = sum(prod(shape) for shape in shapes if shape is not None)
    if numbers and None not in shapes:
        axes.axhline(numbers, color=_QUIET, linewidth=1, linestyle=(0, (4, 4)), zorder=1)
        axes.annotate(
            f"the inputs at 8 bits, {amount(numbers)}",
            (101.5, numbers),
            (0, 4),
            textcoords="offset points",
            ha="right",
            fontsize=8.5,
            color=_QUIET,
            bbox=_PAPER,
        )


def _draw_labels(axes: Any, best: Sequence[_Point]) -> None:
    """Name the best cuts, as many as there is room for: those that save most come first."""
    for point in _labelled(best):
        right = point.work > 70
        axes.annotate(
            f"{point.cut.after}\n{amount(point.size_bytes)}, {point.work:.0f} % of the work",
            (point.work, point.size_bytes),
            (-9 if right else 9, -4),
            textcoords="offset points",
            ha="right" if right else "left",
            va="top",
            fontsize=8.5,
            color=_INK,
            linespacing=1.25,
            bbox=_PAPER,
        )


def _labelled(best: Sequence[_Point]) -> list[_Point]:
    sizes = np.log([point.size_bytes for point in best])
    gains = [0.0, *-np.diff(sizes)]
    order = sorted(range(len(best)), key=lambda index: -gains[index])
    chosen: list[int] = []
    for index in order:
        clear = all(
            abs(best[index].work - best[other].work) > 25 or abs(sizes[index] - sizes[other]) > 0.9
            for other in chosen
        )
        if clear and len(chosen) < _MOST_LABELS:
            chosen.append(index)
    return [best[index] for index in sorted(chosen)]


def amount(size_bytes: float) -> str:
    """Bytes as an axis says them: `512 B`, `16 kB`, `1.6 MB` (decimal units)."""
    for limit, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if size_bytes >= limit:
            return f"{size_bytes / limit:.3g} {unit}"
    return f"{size_bytes:.3g} B"


_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1f2430; max-width: 60rem; margin: 2rem auto;
  padding: 0 1rem }
svg { width: 100%; height: auto }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
th, td { padding: .25rem .75rem; border-bottom: 1px solid #e4e7ee; text-align: right }
th:first-child, td:first-child, th:nth-child(2), td:nth-child(2) { text-align: left }
tr.best { color: #d1495b; font-weight: 600 }
th { color: #7a8194; font-weight: 500; position: sticky; top: 0; background: #fff }
"""


def _page(points: Sequence[_Point], picture: str, title: str) -> str:
    start = picture.index("<svg")  # a page has neither an XML declaration nor a second DOCTYPE
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>\n"
        f"{picture[start:]}\n{_table(points)}\n</body></html>\n"
    )


def _table(points: Sequence[_Point]) -> str:
    headings = ("cut after", "tensors", "bytes", "work before", "weights before", "memory before")
    head = "".join(f"<th>{heading}</th>" for heading in headings)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(_rows(points))}</tbody></table>"


def _rows(points: Sequence[_Point]) -> Iterator[str]:
    for point in points:
        cut = point.cut
        memory = cut.head.memory_bytes
        cells = (
            cut.after,
            ", ".join(info.name for info in cut.tensors),
            f"{point.size_bytes:,}",
            f"{point.work:.1f} %",
            amount(cut.head.weights_bytes),
            "unknown" if memory is None else amount(memory),
        )
        kind = ' class="best"' if cut.best else ""
        yield f"<tr{kind}>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"
