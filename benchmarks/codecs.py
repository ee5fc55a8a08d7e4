"""Weight codecs: bytes, quality and speed, on the demo detector and on ResNet-50 and VGG-16 shapes.

    .venv/bin/python benchmarks/codecs.py [--rounds 3] [--plot rate-quality.svg] [--json]

Every contender writes and reads all tensors of a model, with one thread and with two, in turns (A B
C A B C ...), so that what else the machine does meets all of them alike. Peers are in the same run:
the raw numbers as safetensors holds them, Zstandard on fp32, and float16. Bytes and entropies are
of the whole model; of tensors above 16 MiB, the first rows stand for all. Speeds are MB of fp32 per
second, medians over the rounds. Errors are relative to the root mean square of the tensor. Accuracy
is that of the detector on its evaluation clip. Prints a Markdown table per model; `--plot` also
draws bytes against quality.
"""

import argparse
import json
import math
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from codec_contenders import (
    ASSETS,
    DETECTOR,
    Contender,
    Floats,
    Parts,
    Tensor,
    contenders,
    detector,
    entropy_bits,
    gaussian,
    heavy_tailed,
    is_large,
    pruned,
)
from onnx import numpy_helper

from fivegms_engine.tasks.ground_truth import load_ground_truth
from fivegms_testbed.detector.evaluate import Detector, measure

WORKLOADS: Mapping[str, Callable[[], Iterator[Tensor]]] = {
    "detector": detector,
    "resnet50": partial(gaussian, "resnet50"),
    "resnet50-heavy": partial(heavy_tailed, "resnet50"),
    "vgg16": partial(gaussian, "vgg16"),
    "vgg16-heavy": partial(heavy_tailed, "vgg16"),
}
THREADS = (1, 2)
SLOW_BYTES = 1 << 20
"""Of each tensor, for a contender that is slow; its ratio then is of these bytes."""


@dataclass
class Row:
    """One contender on one model. Speeds are MB of fp32 per second, by number of threads."""

    model: str
    contender: str
    bytes: float = 0
    weights: float = 0
    entropy_bits: float | None = None
    signal_to_noise_db: float | None = None
    max_error: float = 0
    mean_average_precision: float | None = None
    encode_mb_s: dict[int, float] = field(default_factory=dict)
    decode_mb_s: dict[int, float] = field(default_factory=dict)

    @property
    def ratio(self) -> float:
        """Bytes to those of fp32."""
        return self.bytes / (4 * self.weights)

    @property
    def bits_per_weight(self) -> float:
        """Everything that is fetched, side information and headers too."""
        return 8 * self.bytes / self.weights


class Trial:
    """A contender at work on the tensors of one model, with buffers that all trials share."""

    def __init__(
        self, model: str, contender: Contender, tensors: list[Tensor], outputs: list[Floats]
    ) -> None:
        self.contender = contender
        self.row = Row(model, contender.name)
        self._tensors = [_taken(tensor, contender) for tensor in tensors]
        self._arrays = [tensor.array for tensor in self._tensors]
        self._outputs = [
            output.reshape(-1)[: array.size].reshape(array.shape)
            for output, array in zip(outputs, self._arrays, strict=True)
        ]
        self._seconds: dict[tuple[str, int], list[float]] = {}

    def round(self) -> None:
        """Encode and decode everything, with each number of threads."""
        for threads in THREADS:
            coded = self._timed("encode", threads, self.contender.encode, self._arrays)
            self._timed("decode", threads, self.contender.decode, coded, self._outputs)
        if not self.row.weights:
            self._weigh(coded)
            self._judge()

    def finish(self) -> Row:
        """The row, with the speeds of all rounds."""
        fp32_bytes = sum(array.nbytes for array in self._arrays)
        for (verb, threads), seconds in self._seconds.items():
            speeds = self.row.encode_mb_s if verb == "encode" else self.row.decode_mb_s
            speeds[threads] = fp32_bytes / statistics.median(seconds) / 1e6
        return self.row

    def _timed(
        self, verb: str, threads: int, work: Callable[..., Any], *items: list[Any]
    ) -> list[Any]:
        started = time.perf_counter()
        if threads == 1:
            results = list(map(work, *items))
        else:
            with ThreadPoolExecutor(threads) as executor:
                results = list(executor.map(work, *items))
        self._seconds.setdefault((verb, threads), []).append(time.perf_counter() - started)
        return results

    def _weigh(self, coded: list[Parts]) -> None:
        bounds = []
        for tensor, parts in zip(self._tensors, coded, strict=True):
            self.row.bytes += tensor.share * sum(map(len, parts))
            self.row.weights += tensor.share * tensor.array.size
            bound = entropy_bits(self.contender, tensor.array, parts)
            bounds.append(None if bound is None else tensor.share * bound)
        known = [bound for bound in bounds if bound is not None]
        if len(known) == len(bounds):
            self.row.entropy_bits = sum(known) / self.row.weights

    def _judge(self) -> None:
        """Noise relative to the power of each tensor, the mean over the weights of large ones."""
        if self.row.model == "detector" and not self.contender.slow:
            self.row.mean_average_precision = accuracy(self._tensors, self._outputs)
        noise = weights = 0.0
        for array, output in zip(self._arrays, self._outputs, strict=True):
            power = float(np.square(array, dtype=np.float64).mean()) if array.size else 0.0
            if not is_large(array) or not power:
                continue
            difference = (output - array).reshape(-1)
            relative = float(np.abs(difference).max()) / power**0.5
            self.row.max_error = max(self.row.max_error, relative)
            noise += float(np.square(difference, dtype=np.float64).sum()) / power
            weights += array.size
        if noise:
            self.row.signal_to_noise_db = -10 * math.log10(noise / weights)


def _taken(tensor: Tensor, contender: Contender) -> Tensor:
    """What a contender gets: all of a tensor, its first rows, or what pruning leaves of it."""
    array = tensor.array
    if contender.slow and array.ndim:
        array = array[: max(1, SLOW_BYTES * len(array) // array.nbytes)]
    if contender.pruned:
        array = pruned(array)
    return replace(tensor, array=array, share=tensor.share * tensor.array.size / array.size)


def compare(model: str, rounds: int) -> list[Row]:
    """All contenders on one model, in turns."""
    tensors = list(WORKLOADS[model]())
    outputs = [np.ones_like(tensor.array) for tensor in tensors]  # in memory before the first turn
    trials = [Trial(model, contender, tensors, outputs) for contender in contenders()]
    for number in range(rounds):
        for trial in trials:
            if not (trial.contender.slow and number):
                trial.round()
    return [trial.finish() for trial in trials]


def accuracy(tensors: list[Tensor], decoded: list[Floats]) -> float:
    """The mAP of the detector on its evaluation clip, with other weights."""
    numbers = {tensor.name: array for tensor, array in zip(tensors, decoded, strict=True)}
    model = onnx.load(DETECTOR)
    for initializer in model.graph.initializer:
        if initializer.name in numbers:
            initializer.CopyFrom(
                numpy_helper.from_array(numbers[initializer.name], initializer.name)
            )
    truth = load_ground_truth((ASSETS / "evaluation.json").read_bytes())
    clip = ASSETS / "evaluation.mp4"
    return measure(Detector(model), clip, truth, score_threshold=0.3).mean_average_precision


def print_markdown(rows: list[Row]) -> None:
    """The tables that docs/benchmarks.md shows."""
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    for model in _names(rows, "model"):
        own = [row for row in rows if row.model == model]
        print(f"\n{model}, {4e-6 * own[0].weights:.1f} MB of fp32\n")
        print(
            "| codec | ratio | bits/weight | entropy | SNR dB | max error | mAP "
            "| encode MB/s, 1 / 2 threads | decode MB/s, 1 / 2 threads |"
        )
        print("|---|---:|---:|---:|---:|---:|---:|---:|---:|")
        for row in own:
            print(_markdown(row))


def _markdown(row: Row) -> str:
    def number(value: float | None, places: int) -> str:
        return "" if value is None else f"{value:,.{places}f}"

    exact = row.signal_to_noise_db is None
    cells = [
        row.contender,
        number(row.ratio, 3),
        number(row.bits_per_weight, 2),
        number(row.entropy_bits, 2),
        "exact" if exact else number(row.signal_to_noise_db, 1),
        "0" if exact else f"{row.max_error:.1g}",
        number(row.mean_average_precision, 3),
        " / ".join(number(row.encode_mb_s[threads], 0) for threads in THREADS),
        " / ".join(number(row.decode_mb_s[threads], 0) for threads in THREADS),
    ]
    return f"| {' | '.join(cells)} |"


def plot(rows: list[Row], target: Path) -> None:
    """Bits per weight against decibels and accuracy: a colour per codec, a mark per model."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot as plt

    figure, (closeness, precision) = plt.subplots(1, 2, figsize=(12, 4.5), layout="constrained")
    palette = mpl.colormaps["tab20"]
    colours = {name: palette(index) for index, name in enumerate(_names(rows, "contender"))}
    marks = dict(zip(_names(rows, "model"), "osDv^", strict=False))
    for row in rows:
        style = {"color": colours[row.contender], "marker": marks[row.model], "linestyle": ""}
        if row.signal_to_noise_db is not None:
            closeness.plot(row.bits_per_weight, row.signal_to_noise_db, **style)
        if row.mean_average_precision is not None:
            precision.plot(row.bits_per_weight, row.mean_average_precision, **style)
    for name, colour in colours.items():
        precision.plot([], [], "o", color=colour, label=name)
    for name, mark in marks.items():
        closeness.plot([], [], mark, color="black", label=name)
    closeness.set(xlabel="bits per weight", ylabel="signal to noise, dB (lossy codecs)")
    precision.set(xlabel="bits per weight", ylabel="mAP of the detector")
    closeness.legend()
    figure.legend(*precision.get_legend_handles_labels(), loc="outside right upper")
    figure.savefig(target, metadata={"Date": None})


def _names(rows: list[Row], member: str) -> list[str]:
    return list(dict.fromkeys(getattr(row, member) for row in rows))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="+", choices=WORKLOADS, default=list(WORKLOADS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--plot", type=Path, metavar="FILE.svg")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rows = [row for model in arguments.models for row in compare(model, arguments.rounds)]
    if arguments.plot:
        plot(rows, arguments.plot)
    if arguments.json:
        json.dump([asdict(row) for row in rows], sys.stdout, indent=2)
    else:
        print_markdown(rows)


if __name__ == "__main__":
    main()
