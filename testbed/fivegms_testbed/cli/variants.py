"""What was made of a model, as people read it: each variant's cost and worth, and what it lacks."""

from collections.abc import Sequence
from typing import Literal

from rich.table import Table

from fivegms_api.ai_models import PreparedVariant, WithheldVariant
from fivegms_testbed.cli.console import megabytes, messages, results
from fivegms_testbed.cli.stages import stages_table


def print_variants(
    variants: tuple[PreparedVariant, ...], withheld: Sequence[WithheldVariant]
) -> None:
    """The variants, the stages that led to them, and what was made and not published."""
    results.print(variants_table(variants))
    if any(variant.stages for variant in variants):
        results.print(stages_table(variants))
    for each in withheld:
        results.print(f"withheld  {each.id}: {each.reason}", soft_wrap=True)


def print_next(manifest: object, variants: Sequence[PreparedVariant]) -> None:
    """The command to go on with; a provider's own file is fetched, and never run here."""
    if variants and all(variant.codec == "as-is" for variant in variants):
        messages.print(f"Fetch it: fivegms get {manifest} --into FOLDER", soft_wrap=True)
    else:
        messages.print(f"Run it: fivegms run {manifest} --input FILE", soft_wrap=True)


def variants_table(variants: tuple[PreparedVariant, ...], *, digests: bool = False) -> Table:
    """What each variant costs and is worth; `ms` is the median inference where it was prepared.

    The bytes of a layer come on top of those below it.
    """
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
            ("+" if variant.depends_on else "") + megabytes(variant.size_bytes),
            str(variant.segments),
            *(figures.get(metric, "-") for metric in metrics),
            "-" if variant.latency_ms is None else f"{variant.latency_ms:.2f}",
            *([variant.sha256[:12]] if digests else []),
        )
    return table
