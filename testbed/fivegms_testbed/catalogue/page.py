"""The comparison as Markdown: docs/catalogue.md, and `fivegms catalogue --format md`."""

from collections.abc import Iterator, Sequence

from fivegms_testbed.catalogue.comparison import Row
from fivegms_testbed.catalogue.table import Figure

_INTRODUCTION = """# The catalogue

Made by `fivegms catalogue --format md`. The twelve networks of table 6.1.1-1 of the permanent
document (TR 26.927), built as ONNX graphs from their papers, with seeded weights of He et al.'s
variance: workloads of real shapes and sizes that need no download. What they recognise is nothing.

```sh
fivegms catalogue resnet50 --out resnet50.onnx
fivegms inspect resnet50.onnx --plot resnet50.html
fivegms prepare resnet50.onnx --task image-classification --out prepared
```

A file is written as it is drawn, in at most 100 MB of memory for any network; the same name and
`--seed` give the same bytes. Classifiers take `images` float32 [N, 3, H, W] and give `logits`;
detectors give `boxes`, `scores` and `labels`, the 100 best.

`built` is what the graph has: learned parameters (normalisations folded into convolutions where
they follow one, running statistics included where not) and multiply-accumulates of one picture. The
table's FLOPs are multiply-accumulates too. A row whose figure is more than 5 % from the network it
names, or whose footprint is not four bytes for each parameter, is flagged.
"""


def catalogue_page(rows: Sequence[Row]) -> str:
    """The whole page."""
    return "\n".join((_INTRODUCTION, *_table(rows), "", *_remarks(rows), ""))


def _table(rows: Sequence[Row]) -> Iterator[str]:
    yield "| name | network | parameters, M | built | footprint, MB | x 4 byte | FLOPs, G | built |"
    yield "|---|---|---:|---:|---:|---:|---:|---:|"
    for row in rows:
        macs = "unknown" if row.macs is None else f"{1e-9 * row.macs:.3g}"
        cells = (
            f"`{row.key}`",
            row.name,
            _flagged(row, Figure.PARAMETERS, row.printed_parameters_m),
            f"{1e-6 * row.parameters:.4g}",
            _flagged(row, Figure.FOOTPRINT, row.printed_footprint_mb),
            f"{row.expected_footprint_mb:.4g}",
            _flagged(row, Figure.FLOPS, row.printed_flops_g),
            macs,
        )
        yield f"| {' | '.join(cells)} |"


def _flagged(row: Row, figure: Figure, value: float) -> str:
    return f"**{value:g}** (!)" if figure in row.flags else f"{value:g}"


def _remarks(rows: Sequence[Row]) -> Iterator[str]:
    yield "## Flagged\n"
    for row in rows:
        for flag, remark in zip(row.flags, row.remarks, strict=True):
            yield f"- **{row.name}, {flag}**: {remark}."
