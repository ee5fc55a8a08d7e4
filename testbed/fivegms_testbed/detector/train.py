"""Train the detector on two processor cores in about half an hour.

`python -m fivegms_testbed.detector.train WEIGHTS` renders the training scenes, trains, and writes
an averaged copy of the weights. Everything random follows from one seed; results repeat exactly on
the same machine with the same number of threads, and closely elsewhere, because the order of
floating-point sums is the library's.
"""

import argparse
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from fivegms_testbed.detector.digits import LABELS, Split
from fivegms_testbed.detector.export import STRIDE
from fivegms_testbed.detector.network import Detector
from fivegms_testbed.detector.samples import SampleSet, render_samples
from fivegms_testbed.detector.targets import Targets, loss, make_targets


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long and how fast to learn."""

    scenes: int = 8000
    epochs: int = 6
    batch: int = 16
    peak_rate: float = 3e-3
    weight_decay: float = 1e-4
    warm_up: float = 0.05  # share of all steps
    averaging: float = 0.995
    seed: int = 20261123

    @property
    def steps(self) -> int:
        """Number of optimiser steps in all."""
        return self.epochs * (self.scenes // self.batch)

    def rate(self, step: int) -> float:
        """Learning rate at a step: a linear rise, then half a cosine."""
        rise = self.warm_up * self.steps
        if step < rise:
            return self.peak_rate * (step + 1) / rise
        return self.peak_rate * 0.5 * (1 + math.cos(math.pi * (step - rise) / (self.steps - rise)))


Losses = tuple[Tensor, Tensor]
"""The losses of heat and of boxes, whose sum is made small."""

Objective = Callable[[Detector, Tensor, Tensor, Tensor], Losses]
"""(network, images, labels, boxes) to the losses of one batch."""


def train(schedule: Schedule) -> Detector:
    """Train from nothing and return the averaged network, in evaluation mode."""
    torch.manual_seed(schedule.seed)
    samples = render_samples(Split.TRAINING, schedule.scenes, schedule.seed)
    return fit(Detector(len(LABELS)), samples, schedule, annotated)


def fit(
    network: Detector, samples: SampleSet, schedule: Schedule, objective: Objective
) -> Detector:
    """Make `objective` small on the samples; the averaged network, in evaluation mode."""
    network = network.to(memory_format=torch.channels_last)
    average = AveragedModel(
        network, multi_avg_fn=get_ema_multi_avg_fn(schedule.averaging), use_buffers=True
    )
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=schedule.peak_rate, weight_decay=schedule.weight_decay
    )
    started = time.monotonic()
    for step, (images, labels, boxes) in enumerate(_batches(samples, schedule)):
        for group in optimiser.param_groups:
            group["lr"] = schedule.rate(step)
        losses = objective(network, images, labels, boxes)
        _learn(network, optimiser, losses)
        average.update_parameters(network)
        if step % 50 == 0:
            _report(
                step, schedule, (losses[0].item(), losses[1].item()), time.monotonic() - started
            )
    detector: Detector = average.module.eval()
    return detector


def annotated(network: Detector, images: Tensor, labels: Tensor, boxes: Tensor) -> Losses:
    """The objective of ordinary training: what the annotation says."""
    heat, box = network(images)
    return loss(heat, box, targets_of(images, labels, boxes))


def targets_of(images: Tensor, labels: Tensor, boxes: Tensor) -> Targets:
    """Targets on the network's maps of these images."""
    height, width = images.shape[2] // STRIDE, images.shape[3] // STRIDE
    return make_targets(labels, boxes, len(LABELS), height, width)


def _learn(network: Detector, optimiser: torch.optim.Optimizer, losses: Losses) -> None:
    """One step."""
    optimiser.zero_grad(set_to_none=True)
    (losses[0] + losses[1]).backward()  # type: ignore[no-untyped-call, unused-ignore]
    torch.nn.utils.clip_grad_norm_(network.parameters(), 10.0)
    optimiser.step()


def _batches(samples: SampleSet, schedule: Schedule) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    images, labels, boxes = (
        torch.from_numpy(array) for array in (samples.images, samples.labels, samples.boxes)
    )
    for _ in range(schedule.epochs):
        order = torch.randperm(len(images))
        for chosen in order.split(schedule.batch):
            if len(chosen) == schedule.batch:
                yield _vary(images[chosen]), labels[chosen], boxes[chosen]


def _vary(images: Tensor) -> Tensor:
    """Other light, other colours and some noise, so that neither is what a digit is known by."""
    count = len(images)
    varied = images.float() / 255
    order = torch.stack([torch.randperm(3) for _ in range(count)])
    varied = varied.gather(1, order[:, :, None, None].expand_as(varied))
    gain = 1 + 0.25 * (2 * torch.rand(count, 3, 1, 1) - 1)
    shift = 0.1 * (2 * torch.rand(count, 1, 1, 1) - 1)
    noise = 0.03 * torch.rand(count, 1, 1, 1) * torch.randn_like(varied)
    varied = (varied * gain + shift + noise).clamp(0, 1)
    return varied.contiguous(memory_format=torch.channels_last)


def _report(step: int, schedule: Schedule, losses: tuple[float, float], elapsed_s: float) -> None:
    print(
        f"step {step:5d} of {schedule.steps}  heat {losses[0]:.4f}  box {losses[1]:.4f}"
        f"  rate {schedule.rate(step):.2e}  {elapsed_s:.0f} s",
        flush=True,
    )


def main() -> None:
    """Command line: train and write the weights."""
    parser = argparse.ArgumentParser(description="Train the detector of handwritten digits.")
    parser.add_argument("weights", type=Path, help="file to write, a PyTorch state dictionary")
    path = parser.parse_args().weights
    torch.save(train(Schedule()).state_dict(), path)


if __name__ == "__main__":
    main()
