"""The detector's network: a small anchor-free detector in the manner of CenterNet.

An encoder reduces the picture to stride 16, a decoder brings it back to stride 4 by adding the
encoder's maps of the same size, and two heads say for every cell of 4x4 pixels whether an object
of each class is centred there, and the box if so. There is nothing here but convolutions, batch
normalisation, ReLU, addition and nearest-neighbour enlargement, so `export` can fold and rebuild it
exactly. How maps become boxes is the graph's affair, not this module's.

A network that goes on learning from an exported graph has no normalisation any more: it was folded
into the convolutions, which then have biases (`normalised=False`).
"""

import math
from functools import partial

from torch import Tensor, nn

Channels = tuple[int, int, int, int]

CHANNELS: Channels = (16, 32, 64, 96)  # at strides 2, 4, 8 and 16
PRIOR = 0.01  # share of cells that are centres, as the heads believe before training


class ConvUnit(nn.Module):  # type: ignore[misc, unused-ignore]  # torch is optional
    """Convolution, batch normalisation (or a bias) and, unless `active` is false, ReLU."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int = 3,
        stride: int = 1,
        *,
        active: bool = True,
        normalised: bool = True,
    ) -> None:
        super().__init__()
        padding = kernel // 2
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=not normalised)
        self.norm = nn.BatchNorm2d(outputs) if normalised else nn.Identity()
        self.active = active

    def forward(self, x: Tensor) -> Tensor:
        """[N, inputs, H, W] -> [N, outputs, H / stride, W / stride]."""
        y: Tensor = self.norm(self.conv(x))
        return y.relu() if self.active else y


class Residual(nn.Module):  # type: ignore[misc, unused-ignore]
    """Two convolutions beside an identity, all at `channels`."""

    def __init__(self, channels: int, *, normalised: bool = True) -> None:
        super().__init__()
        self.first = ConvUnit(channels, channels, normalised=normalised)
        self.second = ConvUnit(channels, channels, active=False, normalised=normalised)

    def forward(self, x: Tensor) -> Tensor:
        """[N, channels, H, W] -> the same shape."""
        y: Tensor = self.second(self.first(x))
        return (x + y).relu()


class Detector(nn.Module):  # type: ignore[misc, unused-ignore]
    """[N, 3, H, W] float32 RGB in 0..1 -> heat logits [N, classes, H/4, W/4] and boxes [N, 4, ...].

    The four box maps are the offset of the object's centre from the cell's centre (x, y) and the
    object's size (width, height), all in cells.
    """

    def __init__(
        self, classes: int = 10, channels: Channels = CHANNELS, *, normalised: bool = True
    ) -> None:
        super().__init__()
        c2, c4, c8, c16 = channels
        unit = partial(ConvUnit, normalised=normalised)
        self.stem = unit(3, c2, stride=2)
        self.down4 = unit(c2, c4, stride=2)
        self.block4 = Residual(c4, normalised=normalised)
        self.down8 = unit(c4, c8, stride=2)
        self.block8 = unit(c8, c8)
        self.down16 = unit(c8, c16, stride=2)
        self.lateral16 = unit(c16, c8, kernel=1, active=False)
        self.merge8 = unit(c8, c8)
        self.lateral8 = unit(c8, c4, kernel=1, active=False)
        self.merge4 = unit(c4, c4)
        self.heat_unit = unit(c4, c4)
        self.heat = nn.Conv2d(c4, classes, 1)
        self.box_unit = unit(c4, c4)
        self.box = nn.Conv2d(c4, 4, 1)
        self.enlarge = nn.Upsample(scale_factor=2, mode="nearest")
        _start_sceptical(self.heat)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """The maps described above, for one batch of pictures."""
        x4 = self.block4(self.down4(self.stem(images)))
        x8 = self.block8(self.down8(x4))
        x16 = self.down16(x8)
        y8 = self.merge8((x8 + self.enlarge(self.lateral16(x16))).relu())
        y4 = self.merge4((x4 + self.enlarge(self.lateral8(y8))).relu())
        return self.heat(self.heat_unit(y4)), self.box(self.box_unit(y4))


def _start_sceptical(heat: nn.Conv2d) -> None:
    """Begin with low scores everywhere, or the many empty cells drown the first steps."""
    if heat.bias is not None:
        nn.init.constant_(heat.bias, math.log(PRIOR / (1 - PRIOR)))
