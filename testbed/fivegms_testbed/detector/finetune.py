"""Fine-tune the published detector for another place: the update that deltas carry.

`python -m fivegms_testbed.detector.finetune MODEL.onnx OUT.onnx` goes on from an exported detector,
half of the scenes before walls and half before photographs, so that it gains the new place and
keeps the old one. With `--heads` only the two heads and the units before them learn.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import torch

from fivegms_testbed.detector.digits import LABELS, Split
from fivegms_testbed.detector.export import learned
from fivegms_testbed.detector.finish import with_threshold
from fivegms_testbed.detector.network import Detector
from fivegms_testbed.detector.places import Place
from fivegms_testbed.detector.samples import SampleSet, render_samples
from fivegms_testbed.detector.train import Schedule, annotated, fit

HEADS = ("heat_unit", "heat", "box_unit", "box")


@dataclass(frozen=True, slots=True)
class FineTuning(Schedule):
    """A short training from what is known already."""

    scenes: int = 3000
    epochs: int = 2
    peak_rate: float = 5e-4
    averaging: float = 0.98
    seed: int = 20261124


def fine_tune(model: onnx.ModelProto, schedule: Schedule, *, heads: bool = False) -> Detector:
    """The detector of an exported graph, having learned walls as well."""
    torch.manual_seed(schedule.seed)
    network = restore(model)
    if heads:
        for name, parameter in network.named_parameters():
            parameter.requires_grad = name.split(".")[0] in HEADS
    return fit(network, _samples(schedule), schedule, annotated)


def restore(model: onnx.ModelProto) -> Detector:
    """The network of an exported graph; its normalisation is in its convolutions."""
    arrays = learned(model)
    widths = (len(arrays[f"{name}.conv.bias"]) for name in ("stem", "down4", "down8", "down16"))
    c2, c4, c8, c16 = widths
    network = Detector(len(LABELS), (c2, c4, c8, c16), normalised=False)
    network.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
    return network


def _samples(schedule: Schedule) -> SampleSet:
    half = schedule.scenes // 2
    new = render_samples(Split.TRAINING, half, schedule.seed, Place.WALLS)
    old = render_samples(Split.TRAINING, schedule.scenes - half, schedule.seed, Place.PHOTOGRAPHS)
    return SampleSet(
        np.concatenate([new.images, old.images]),
        np.concatenate([new.labels, old.labels]),
        np.concatenate([new.boxes, old.boxes]),
    )


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Fine-tune the detector for walls.")
    parser.add_argument("model", type=Path, help="an exported detector")
    parser.add_argument("out", type=Path, help="the ONNX file to write")
    parser.add_argument("--heads", action="store_true", help="change the heads only")
    arguments = parser.parse_args()
    network = fine_tune(onnx.load(arguments.model), FineTuning(), heads=arguments.heads)
    arrays = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
    arguments.out.write_bytes(
        with_threshold(arrays, tuple(Place)).SerializeToString(deterministic=True)
    )


if __name__ == "__main__":
    main()
