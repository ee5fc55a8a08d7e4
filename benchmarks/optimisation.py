"""Optimisation stages on the shipped detector: bytes, accuracy and latency before and after each.

    .venv/bin/python benchmarks/optimisation.py [--plot stages.svg] [--json FILE]

One preparation, as an Application Server does it, makes a variant of each chain of stages below.
Every figure is what its manifest then advertises: bytes that a UE fetches, mAP@0.5 on the
evaluation set (120 pictures that no stage looks at), median time of one run and of decoding the
weights, and whether a UE has to help. Stages are fitted to 32 frames of another clip. Prints a
Markdown table of all variants and the stage tables of two chains; `--plot` draws bytes against
accuracy.
"""

import argparse
import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fivegms_api.model_preparation import ModelPreparation
from fivegms_api.model_stages import parse_stages
from fivegms_manifests.model import Figures, Variant
from fivegms_prepare.preparation import prepare
from fivegms_testbed import assets

RETRAIN = ",retrain=least-squares"
FP32, SPARSE = ("fp32", "planes+zstd"), ("fp32", "sparse+zstd")
CHAIN = f"prune-weights:sparsity=0.5{RETRAIN}"

GROUPS: dict[str, list[tuple[tuple[str, str], list[str]]]] = {
    "as it is": [(FP32, []), (("int8", "int8+zstd"), [])],
    "whole graph": [
        (FP32, ["simplify"]),
        (FP32, ["convert-fp16"]),
        (FP32, ["quantise-dynamic"]),
        (FP32, ["quantise-static"]),
    ],
    "unstructured": [
        (SPARSE, [f"prune-weights:sparsity=0.5{option}"])
        for option in ("", ",saliency=activations", RETRAIN)
    ]
    + [(SPARSE, [f"prune-weights:sparsity={share}{RETRAIN}"]) for share in (0.3, 0.7)],
    "structured": [
        (FP32, [f"prune-channels:ratio=0.15{option}"])
        for option in ("", ",importance=activations", RETRAIN)
    ]
    + [(FP32, [f"prune-channels:ratio={share}{RETRAIN}"]) for share in (0.08, 0.3)],
    "rank": [
        (FP32, [f"low-rank:ratio={share}{option}"])
        for share in (0.3, 0.5, 0.7)
        for option in ("", RETRAIN)
    ],
    "chain": [
        (("int8", "int8+zstd"), [CHAIN]),
        (("int8", "int8+huffman"), [CHAIN]),
        (FP32, [f"prune-channels:ratio=0.15{RETRAIN}", "quantise-static"]),
    ],
}


def names() -> Iterable[tuple[str, str, dict[str, Any]]]:
    """The group, the stages as text, and the request of each variant."""
    for group, requests in GROUPS.items():
        for index, ((precision, codec), texts) in enumerate(requests):
            stages = [stage.model_dump(by_alias=True) for stage in parse_stages(texts)]
            request = {"precision": precision, "codec": codec, "optimise": stages}
            yield group, " + ".join(texts) or "-", {**request, "id": f"{group[:2]}{index}"}


def template() -> ModelPreparation:
    return ModelPreparation.model_validate(
        {
            "model": {"name": "digits-detector", "task": "object-detection"},
            "source": assets.detector_model().name,
            "variants": [request for _, _, request in names()],
            "evaluation": {
                "media": assets.evaluation_set().name,
                "groundTruth": "evaluation.json",
                "metric": "mAP@0.5",
            },
            "calibration": {"media": assets.clip().name, "samples": 32},
        }
    )


def measured() -> dict[str, Variant]:
    """The variants as published, by id."""
    source = assets.detector_model()
    with TemporaryDirectory() as out:
        result = prepare(
            source, template(), Path(out), evaluation_dir=source.parent, now=datetime.now(UTC)
        )
    return {variant.id: variant for variant in result.manifest.subsets[0].variants}


def row(group: str, text: str, variant: Variant, whole: Variant) -> dict[str, Any]:
    """A line of the table."""
    return {
        "group": group,
        "stages": text,
        "precision": variant.precision,
        "codec": variant.codec,
        "bytes": variant.size_bytes,
        "ratio": variant.size_bytes / whole.size_bytes,
        "mAP": variant.accuracy[0].value,
        "latency_ms": None if variant.latency is None else variant.latency.p50_ms,
        "decode_ms": variant.decode_ms,
        "recovery": str(variant.recovery),
        "did": [stage.settings for stage in variant.stages],
    }


def print_rows(rows: Sequence[dict[str, Any]]) -> None:
    print("| stages | sent as | bytes | ratio | mAP | ms | decode ms | recovery |")
    print("|---|---|---:|---:|---:|---:|---:|---|")
    for found in rows:
        times = " | ".join(_number(found[name]) for name in ("latency_ms", "decode_ms"))
        print(
            f"| {found['stages']} | {found['codec']} | {found['bytes']:,} | {found['ratio']:.2f} "
            f"| {found['mAP']:.3f} | {times} | {found['recovery']} |"
        )


def print_stages(variant: Variant) -> None:
    """The stage table of one variant, as its manifest has it."""
    print("\n| stage | recovery | bytes | mAP | ms | settings |")
    print("|---|---|---:|---:|---:|---|")
    for stage in variant.stages:
        print(
            f"| {stage.name} | {stage.recovery} | {_change(stage.before, stage.after)} "
            f"| {stage.settings} |"
        )


def _change(before: Figures, after: Figures) -> str:
    return (
        f"{before.size_bytes:,} to {after.size_bytes:,} "
        f"| {_number(before.accuracy, 3)} to {_number(after.accuracy, 3)} "
        f"| {_number(before.latency_ms)} to {_number(after.latency_ms)}"
    )


def _number(value: float | None, places: int = 1) -> str:
    return "-" if value is None else f"{value:.{places}f}"


def plot(rows: Sequence[dict[str, Any]], target: Path) -> None:
    """Bytes against accuracy, a colour per group."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 5), layout="constrained")
    for group in GROUPS:
        points = [(r["bytes"] / 1e3, r["mAP"]) for r in rows if r["group"] == group]
        axes.plot(*zip(*points, strict=True), "o", label=group)
    axes.set(xlabel="kB that a UE fetches", ylabel="mAP@0.5", ylim=(0, 1))
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(target, metadata={"Date": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--plot", type=Path, metavar="FILE.svg")
    options = parser.parse_args()
    variants = measured()
    listed = list(names())
    whole = variants[listed[0][2]["id"]]
    rows = [row(group, text, variants[request["id"]], whole) for group, text, request in listed]
    print_rows(rows)
    print_stages(variants[listed[-2][2]["id"]])
    print_stages(variants[listed[-1][2]["id"]])
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    if options.plot:
        plot(rows, options.plot)


if __name__ == "__main__":
    main()
