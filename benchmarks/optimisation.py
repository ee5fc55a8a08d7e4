"""Optimisation stages on the shipped detector: bytes, accuracy and latency before and after each.

    .venv/bin/python benchmarks/optimisation.py [--plot stages.svg] [--json FILE]

One preparation, as an Application Server does it, makes a variant of each chain of stages below.
Bytes that a UE fetches and mAP@0.5 on the evaluation set (120 pictures that no stage looks at) are
those that the manifest then advertises. Running once and decoding the weights are timed in turns (A
B C A B C ...), so that what else the machine does meets all alike; medians of --rounds. Stages are
fitted to 32 frames of another clip. Prints a Markdown table of all variants and the stage tables of
two chains; `--plot` draws bytes against accuracy.
"""

import argparse
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import numpy as np

from fivegms_api.model_preparation import ModelPreparation
from fivegms_api.model_stages import parse_stages
from fivegms_manifests.model import Figures, Variant
from fivegms_prepare.decoding import decode, load
from fivegms_prepare.optimise import Feeds
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


@dataclass
class Trial:
    """A variant as published, and how long each turn took it, in milliseconds."""

    variant: Variant
    folder: Path
    run_ms: list[float] = field(default_factory=list)
    decode_ms: list[float] = field(default_factory=list)

    def turn(self, feeds: Feeds) -> None:
        """Decode, load, run once to warm up, and once on the clock."""
        decoded = decode([self.variant.segments], self.folder)
        model = load(decoded)
        model.run(feeds)
        start = perf_counter()
        model.run(feeds)
        self.run_ms.append(1e3 * (perf_counter() - start))
        self.decode_ms.append(1e3 * decoded.seconds)


def measured(rounds: int) -> dict[str, Trial]:
    """The variants, prepared and timed in turns, by id."""
    source = assets.detector_model()
    with TemporaryDirectory() as folder:
        out = Path(folder)
        result = prepare(
            source, template(), out, evaluation_dir=source.parent, now=datetime.now(UTC)
        )
        trials = [Trial(variant, out) for variant in result.manifest.subsets[0].variants]
        feeds = {"images": np.random.default_rng(0).random((1, 3, 192, 320), np.float32)}
        for _ in range(rounds):
            for trial in trials:
                trial.turn(feeds)
    return {trial.variant.id: trial for trial in trials}


def row(group: str, text: str, trial: Trial, whole: Trial) -> dict[str, Any]:
    """A line of the table."""
    variant, run_ms = trial.variant, median(trial.run_ms)
    return {
        "group": group,
        "stages": text,
        "precision": variant.precision,
        "codec": variant.codec,
        "bytes": variant.size_bytes,
        "bytes_ratio": variant.size_bytes / whole.variant.size_bytes,
        "mAP": variant.accuracy[0].value,
        "run_ms": run_ms,
        "run_ratio": run_ms / median(whole.run_ms),
        "decode_ms": median(trial.decode_ms),
        "recovery": [f"{stage.name}: {stage.recovery}" for stage in variant.stages],
        "did": [stage.settings for stage in variant.stages],
    }


def print_rows(rows: Sequence[dict[str, Any]]) -> None:
    print("| stages | sent as | bytes | ratio | mAP | run ms | ratio | decode ms |")
    print("|---|---|---:|---:|---:|---:|---:|---:|")
    for found in rows:
        times = f"{found['run_ms']:.1f} | {found['run_ratio']:.2f} | {found['decode_ms']:.1f}"
        print(
            f"| {found['stages']} | {found['codec']} | {found['bytes']:,} "
            f"| {found['bytes_ratio']:.2f} | {found['mAP']:.3f} | {times} |"
        )


def print_stages(variant: Variant) -> None:
    """The stage table of one variant, as its manifest has it; times are left out."""
    print("\n| stage | recovery | bytes | mAP | settings |")
    print("|---|---|---:|---:|---|")
    for stage in variant.stages:
        print(
            f"| {stage.name} | {stage.recovery} | {_change(stage.before, stage.after)} "
            f"| {stage.settings} |"
        )


def _change(before: Figures, after: Figures) -> str:
    return (
        f"{before.size_bytes:,} to {after.size_bytes:,} "
        f"| {before.accuracy or 0:.3f} to {after.accuracy or 0:.3f}"
    )


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
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    trials, listed = measured(options.rounds), list(names())
    whole = trials[listed[0][2]["id"]]
    rows = [row(group, text, trials[request["id"]], whole) for group, text, request in listed]
    print_rows(rows)
    for _, _, request in listed[-2:]:
        print_stages(trials[request["id"]].variant)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    if options.plot:
        plot(rows, options.plot)


if __name__ == "__main__":
    main()
