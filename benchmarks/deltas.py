"""What an update costs as a delta, against what it would cost otherwise.

    python benchmarks/deltas.py [--json]

The shipped detector and what was fine-tuned from it: its heads alone, and all of its layers. Then a
ResNet-50 whose weights all move by a share of themselves, because how much a lossless delta saves
depends on that alone. Peers, on the same files: the new file whole, the new file compressed, and
Zstandard with the old file as its prefix, which is what byte-level patches are.
"""

import argparse
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
from backports import zstd
from numpy.typing import NDArray
from onnx import numpy_helper

from fivegms_codecs import Codec, DeltaMode, Precision, apply_delta, write_delta, write_tensor
from fivegms_codecs.deltas import STEPS
from fivegms_codecs.units import read_unit
from fivegms_engine.graph import separate
from fivegms_testbed import assets
from fivegms_testbed.catalogue import CATALOGUE, write
from fivegms_testbed.detector.evaluate import Detector, measure
from fivegms_testbed.detector.finish import threshold_of

MAX_LOSS = 0.005
"""What the evaluation set of 120 pictures cannot tell from nothing, mAP@0.5."""

MOVES = (0.0003, 0.001, 0.003, 0.01)

Tensors = Mapping[str, NDArray[Any]]
Row = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="figures as JSON")
    arguments = parser.parse_args()
    rows = [*detectors(), *resnets()]
    print(json.dumps(rows, indent=2) if arguments.json else table(rows))


def detectors() -> Iterator[Row]:
    """The two fine-tuned detectors; their accuracy is that on the place they were tuned for."""
    old = assets.detector_model()
    for path in (assets.heads_detector(), assets.walls_detector()):
        model = onnx.load(path)
        base, tensors = tensors_of(onnx.load(old)), tensors_of(model)
        accurate = accuracy(model, tensors)
        row = costs(path.stem, old.read_bytes(), path.read_bytes(), base, tensors)
        for step in STEPS:
            size, decoded = quantised(tensors, base, step)
            reached = accuracy(model, decoded)
            if accurate - reached <= MAX_LOSS:
                row |= {"quantised": size, "step": step, "mAP": accurate, "mAP_delta": reached}
                break
        yield row


def resnets() -> Iterator[Row]:
    """Every weight of a ResNet-50 moved at random by a share of its tensor's spread."""
    random = np.random.default_rng(0)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "resnet50.onnx"
        write(CATALOGUE["resnet50"].network(), path)
        base = tensors_of(onnx.load(path))
    for move in MOVES:
        tensors = {
            name: array + (move * array.std() * random.standard_normal(array.shape)).astype("f4")
            if array.dtype == np.float32 and array.size > 1
            else array
            for name, array in base.items()
        }
        old, new = (b"".join(a.tobytes() for a in group.values()) for group in (base, tensors))
        yield costs(f"resnet50, moved by {move:.2%}", old, new, base, tensors)


def costs(name: str, old: bytes, new: bytes, base: Tensors, tensors: Tensors) -> Row:
    """The bytes of an update by each way that leads to every bit."""
    return {
        "update": name,
        "whole": len(new),
        "zstd_patch": len(zstd.compress(new, zstd_dict=prefix(old), options=PATCHING)),
        "planes_zstd": sum(len(part) for part in whole(tensors)),
        "changed_tensors": sum(len(part) for part in whole(changed(tensors, base))),
        "lossless": sum(len(part) for part in deltas(tensors, base, DeltaMode.LOSSLESS)),
    }


PATCHING = {
    zstd.CompressionParameter.compression_level: 9,
    zstd.CompressionParameter.window_log: 27,
    zstd.CompressionParameter.enable_long_distance_matching: 1,
}


def prefix(data: bytes) -> tuple[zstd.ZstdDict, int]:
    return zstd.ZstdDict(data, is_raw=True).as_prefix


def changed(tensors: Tensors, base: Tensors) -> Tensors:
    return {
        name: array for name, array in tensors.items() if array.tobytes() != base[name].tobytes()
    }


def whole(tensors: Tensors) -> Iterator[bytes]:
    for name, array in tensors.items():
        yield write_tensor(name, array, Precision.FP32, Codec.PLANES_ZSTD)


def deltas(tensors: Tensors, base: Tensors, mode: DeltaMode, step: float = 1.0) -> Iterator[bytes]:
    for name, array in tensors.items():
        unit = write_delta(name, array, base[name], mode, step)
        if unit is not None:
            yield unit


def quantised(tensors: Tensors, base: Tensors, step: float) -> tuple[int, Tensors]:
    """The bytes of a quantised delta, and the tensors that it leads to."""
    decoded = dict(base)
    size = 0
    for unit in deltas(tensors, base, DeltaMode.QUANTISED, step):
        size += len(unit)
        read = read_unit(unit)
        decoded[read.name] = apply_delta(read, base[read.name])
    return size, decoded


def tensors_of(model: onnx.ModelProto) -> Tensors:
    return {weight.name: weight.array() for weight in separate(model).weights}


def accuracy(model: onnx.ModelProto, tensors: Tensors) -> float:
    """mAP@0.5 before walls, of the model with these tensors in it."""
    changed = onnx.ModelProto()
    changed.CopyFrom(model)
    for tensor in changed.graph.initializer:
        if tensor.name in tensors:
            tensor.CopyFrom(numpy_helper.from_array(tensors[tensor.name], tensor.name))
    truth = assets.walls_evaluation_truth()
    media = assets.walls_evaluation_set()
    return measure(Detector(changed), media, truth, threshold_of(changed)).mean_average_precision


def table(rows: list[Row]) -> str:
    """Shares of the whole file, as Markdown."""
    ways = ("zstd_patch", "planes_zstd", "changed_tensors", "lossless", "quantised")
    lines = [
        "| update | whole file, bytes | zstd patch | planes+zstd | of changed tensors | lossless "
        "delta | quantised delta | step | mAP, whole -> quantised |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---|",
    ]
    for row in rows:
        shares = [f"{row[way] / row['whole']:.3f}" if way in row else "" for way in ways]
        reached = f"{row['mAP']:.4f} -> {row['mAP_delta']:.4f}" if "mAP" in row else ""
        cells = [row["update"], f"{row['whole']:,}", *shares, str(row.get("step", "")), reached]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
