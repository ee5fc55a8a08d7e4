"""Knowledge distillation: a small detector learns from the large one (TR 26.927 6.1.1).

`python -m fivegms_testbed.detector.distil TEACHER.onnx OUT.onnx` trains a student of a quarter of
the parameters on hard targets, the annotation, and on soft ones: the teacher's heat before its
sigmoid and the teacher's boxes, on the same pictures. `--hard-only` trains the same student for as
long on the annotation alone, which shows what the teacher adds.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import onnx
import torch
from torch import Tensor
from torch.nn import functional

from fivegms_testbed.detector.digits import LABELS, Split
from fivegms_testbed.detector.finetune import restore
from fivegms_testbed.detector.finish import with_threshold
from fivegms_testbed.detector.network import Channels, Detector
from fivegms_testbed.detector.samples import render_samples
from fivegms_testbed.detector.targets import loss
from fivegms_testbed.detector.train import (
    Losses,
    Objective,
    Schedule,
    annotated,
    fit,
    targets_of,
)

STUDENT: Channels = (8, 16, 32, 48)
_SOFT_HEAT = 2.0
_SOFT_BOX = 0.1


@dataclass(frozen=True, slots=True)
class Distillation(Schedule):
    """How long the student learns."""

    scenes: int = 5000
    epochs: int = 6
    seed: int = 20261125


def distil(teacher: Detector, schedule: Schedule) -> Detector:
    """A student of `teacher`, averaged, in evaluation mode."""
    return _train(schedule, _taught_by(teacher.eval()))


def untaught(schedule: Schedule) -> Detector:
    """The same student without a teacher."""
    return _train(schedule, annotated)


def _train(schedule: Schedule, objective: Objective) -> Detector:
    torch.manual_seed(schedule.seed)
    samples = render_samples(Split.TRAINING, schedule.scenes, schedule.seed)
    return fit(Detector(len(LABELS), STUDENT), samples, schedule, objective)


def _taught_by(teacher: Detector) -> Objective:
    def objective(student: Detector, images: Tensor, labels: Tensor, boxes: Tensor) -> Losses:
        with torch.no_grad():
            teacher_heat, teacher_box = teacher(images)
        heat, box = student(images)
        hard = loss(heat, box, targets_of(images, labels, boxes))
        confidence = torch.sigmoid(teacher_heat)
        objects = (labels >= 0).sum().clamp(min=1)
        return (
            hard[0] + _SOFT_HEAT * _soft_heat(heat, confidence) / objects,
            hard[1] + _SOFT_BOX * _soft_box(box, teacher_box, confidence) / objects,
        )

    return objective


def _soft_heat(heat: Tensor, taught: Tensor) -> Tensor:
    """The focal loss of Generalized Focal Loss: cross-entropy, weighted by how far off one is."""
    apart = (torch.sigmoid(heat) - taught) ** 2
    entropy = functional.binary_cross_entropy_with_logits(heat, taught, reduction="none")
    return (apart * entropy).sum()


def _soft_box(box: Tensor, taught: Tensor, confidence: Tensor) -> Tensor:
    weight = confidence.amax(dim=1, keepdim=True)
    scale = box.new_tensor([1.0, 1.0, 0.25, 0.25])[:, None, None]
    apart = functional.smooth_l1_loss(box * scale, taught * scale, reduction="none", beta=0.2)
    return (apart * weight).sum()


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Distil the detector into a small one.")
    parser.add_argument("teacher", type=Path, help="an exported detector")
    parser.add_argument("out", type=Path, help="the ONNX file to write")
    parser.add_argument("--hard-only", action="store_true", help="do without the teacher")
    arguments = parser.parse_args()
    schedule = Distillation()
    teacher = restore(onnx.load(arguments.teacher)).to(memory_format=torch.channels_last)
    network = untaught(schedule) if arguments.hard_only else distil(teacher, schedule)
    arrays = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
    arguments.out.write_bytes(with_threshold(arrays).SerializeToString(deterministic=True))


if __name__ == "__main__":
    main()
