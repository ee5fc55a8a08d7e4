"""A model MPD as tables: the model, its compositions, and what each variant is made of."""

from collections.abc import Iterator

from rich.table import Table

from fivegms_api.ai_models import PreparedVariant
from fivegms_manifests.model import (
    MAX_DELTA_CHAIN,
    Composition,
    Figures,
    ModelManifest,
    Stage,
    Subset,
    Variant,
)
from fivegms_prepare.reported import variants_of
from fivegms_testbed.cli.console import headed, megabytes, results
from fivegms_testbed.cli.model_tables import facts_table, tensor_text
from fivegms_testbed.cli.variants import variants_table


def show_manifest(manifest: ModelManifest) -> None:
    """Print the model, then each subset with its variants and how they were made."""
    results.print(_facts(manifest))
    variants = variants_of(manifest)
    for subset in manifest.subsets:
        _show_subset(subset, tuple(one for one in variants if one.subset == subset.id))


def _facts(manifest: ModelManifest) -> Table:
    model = manifest.model
    table = facts_table()
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
        table.add_row("composition", f"{composition.id}: {chain}{_sameness(composition)}")
    return table


def _sameness(composition: Composition) -> str:
    """How close the chain's results are to the whole model's."""
    if composition.exact is None:
        return ""
    exact = "exact" if composition.exact else "not exact"
    if composition.tolerance is None:
        return f", {exact}"
    return f", {exact}; within {composition.tolerance:.1g} at the engine's highest level"


def _show_subset(subset: Subset, variants: tuple[PreparedVariant, ...]) -> None:
    macs = "" if subset.macs is None else f", {subset.macs:,} multiply-adds"
    results.print()
    results.print(headed(f"subset {subset.name}", f" {subset.parameters:,} parameters{macs}"))
    for title, tensors in (("in", subset.inputs), ("out", subset.outputs)):
        for info in tensors:
            results.print(f"  {title:<4}{tensor_text(info)}")
    results.print(variants_table(variants, digests=True))
    for variant in subset.variants:
        for line in _needs(variant):
            results.print(headed(f"  {variant.id}", f" {line}"))
    if any(variant.stages for variant in subset.variants):
        results.print()
        results.print(_stages(subset))


def _needs(variant: Variant) -> Iterator[str]:
    """What a variant is of no use without, or is not."""
    if variant.depends_on is not None:
        yield f"is a layer on {variant.depends_on}; its figures are of all layers up to it"
    if variant.delta is not None:
        base = variant.delta
        yield (
            f"is a {base.mode} delta on variant {base.base_variant} of version "
            f"{base.base_version} (number {base.chain} of at most {MAX_DELTA_CHAIN} in a row)"
        )
    if variant.container is not None:
        yield f"is the provider's own file ({variant.container})"
    if variant.encryption is not None:
        yield f"is encrypted ({variant.encryption.scheme}); key: {variant.encryption.key_url}"


def _stages(subset: Subset) -> Table:
    """What each step did, from the file that was uploaded to what is fetched."""
    table = Table(box=None, pad_edge=False)
    table.add_column("variant", style="bold", overflow="fold")
    for heading in ("stage", "settings", "recovery"):
        table.add_column(heading, overflow="fold")
    for heading in ("bytes", "accuracy", "ms"):
        table.add_column(heading, justify="right")
    for variant in subset.variants:
        for index, stage in enumerate(variant.stages):
            table.add_row("" if index else variant.id, *_stage(stage))
    return table


def _stage(stage: Stage) -> tuple[str, ...]:
    recovery = stage.recovery.value + ("" if stage.transparent else ", not transparent")
    before, after = stage.before, stage.after
    size = f"{megabytes(before.size_bytes)} > {megabytes(after.size_bytes)}"
    return stage.name, stage.settings, recovery, size, *_changes(before, after)


def _changes(before: Figures, after: Figures) -> tuple[str, str]:
    return (
        _change(before.accuracy, after.accuracy, 4),
        _change(before.latency_ms, after.latency_ms, 2),
    )


def _change(before: float | None, after: float | None, digits: int) -> str:
    known = [f"{figure:.{digits}f}" for figure in (before, after) if figure is not None]
    return " > ".join(dict.fromkeys(known)) or "-"
