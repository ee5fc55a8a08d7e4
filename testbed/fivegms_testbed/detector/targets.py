"""What the network should have said, and how wrong it was.

Heat is a Gaussian around every object's centre, as wide as the object is large. Boxes are learned
in every cell near a centre, not at the centre alone, which a short training needs. This module owns
targets and loss; it knows no data and no schedule.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from fivegms_testbed.detector.export import STRIDE

_SPREAD = 0.11  # standard deviation of the heat, as a share of the object's side
_LEAST_SPREAD = 0.65  # cells
_NEAR = 0.4  # heat above which a cell also learns the box
_SIZE_SCALE = 0.25  # sizes are some four times larger numbers than offsets


class Targets(NamedTuple):
    """`heat` [N, classes, h, w]; `box` [N, 4, h, w] and the weight of each cell's box [N, h, w]."""

    heat: Tensor
    box: Tensor
    weight: Tensor


def make_targets(labels: Tensor, boxes: Tensor, classes: int, height: int, width: int) -> Targets:
    """Targets on a map of `height` x `width` cells.

    `labels` [N, M] int64 with -1 for none, `boxes` [N, M, 4] (x0, y0, x1, y1) in pixels.
    """
    x0, y0, x1, y1 = (boxes[..., i, None, None] / STRIDE for i in range(4))
    columns = torch.arange(width) + 0.5
    rows = (torch.arange(height) + 0.5)[:, None]
    offset_x, offset_y = (x0 + x1) / 2 - columns, (y0 + y1) / 2 - rows
    present = (labels >= 0)[..., None, None]
    near = _gaussian(offset_x, x1 - x0) * _gaussian(offset_y, y1 - y0) * present
    heat = _by_class(near, labels.clamp(min=0), classes)
    weight, owner = near.max(dim=1)
    box = torch.stack(
        torch.broadcast_tensors(offset_x, offset_y, x1 - x0 + 0 * offset_x, y1 - y0 + 0 * offset_x),
        dim=2,
    )
    chosen = box.gather(1, owner[:, None, None].expand(-1, 1, 4, -1, -1))[:, 0]
    return Targets(heat, chosen, weight * (weight > _NEAR))


def _gaussian(distance: Tensor, side: Tensor) -> Tensor:
    """Heat by distance in cells; the cell nearest to the centre is given all of it."""
    spread = (side * _SPREAD).clamp(min=_LEAST_SPREAD)
    beyond = (distance.abs() - 0.5).clamp(min=0)
    return torch.exp(-0.5 * (beyond / spread) ** 2)


def _by_class(near: Tensor, labels: Tensor, classes: int) -> Tensor:
    count, _, height, width = near.shape
    index = labels[..., None, None].expand_as(near)
    return near.new_zeros(count, classes, height, width).scatter_reduce(1, index, near, "amax")


def loss(heat_logits: Tensor, box: Tensor, targets: Targets) -> tuple[Tensor, Tensor]:
    """Loss of the heat and loss of the boxes, each per object."""
    return _focal(heat_logits, targets.heat), _distance(box, targets)


def _focal(logits: Tensor, heat: Tensor) -> Tensor:
    """The penalty-reduced focal loss of CornerNet, with exponents 2 and 4."""
    score = torch.sigmoid(logits)
    centre = heat >= 0.999
    found = (1 - score) ** 2 * functional.logsigmoid(logits) * centre
    empty = (1 - heat) ** 4 * score**2 * functional.logsigmoid(-logits) * ~centre
    return -(found.sum() + empty.sum()) / centre.sum().clamp(min=1)


def _distance(box: Tensor, targets: Targets) -> Tensor:
    scale = box.new_tensor([1.0, 1.0, _SIZE_SCALE, _SIZE_SCALE])[:, None, None]
    error = functional.smooth_l1_loss(box * scale, targets.box * scale, reduction="none", beta=0.2)
    return (error.sum(dim=1) * targets.weight).sum() / targets.weight.sum().clamp(min=1)
