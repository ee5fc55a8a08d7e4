"""The stages of every variant as a table: what each step did to bytes, accuracy and speed."""

from collections.abc import Sequence

from rich.table import Table

from fivegms_api.ai_models import PreparedStage, PreparedVariant
from fivegms_testbed.cli.console import megabytes


def stages_table(variants: Sequence[PreparedVariant]) -> Table:
    """One row for each stage of each variant of the whole model.

    Bytes are those before and after, accuracy and milliseconds what the stage changed them to.
    """
    table = Table(box=None, pad_edge=False)
    for heading in ("variant", "stage", "done by"):
        table.add_column(heading, overflow="fold")
    for heading in ("before", "after", "accuracy", "ms"):
        table.add_column(heading, justify="right")
    table.add_column("settings", overflow="fold")
    first = min((variant.subset for variant in variants), default=0)
    for variant in variants:
        if variant.subset != first:
            continue
        for index, stage in enumerate(variant.stages):
            table.add_row(variant.id if index == 0 else "", *_row(stage))
    return table


def _row(stage: PreparedStage) -> tuple[str, ...]:
    after = stage.after
    return (
        stage.name,
        "sender" if stage.recovery == "sender-only" else "receiver too",
        megabytes(stage.before.size_bytes),
        megabytes(after.size_bytes),
        "-" if after.accuracy is None else f"{after.accuracy:.4f}",
        "-" if after.latency_ms is None else f"{after.latency_ms:.2f}",
        stage.settings,
    )
