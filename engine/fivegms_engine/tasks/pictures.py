"""Pictures become a model's input tensor, and places in that tensor become places in the picture.

A model says how in its `InputProcessing`: layout, order of colours, mean and deviation, and whether
a picture of another shape is fitted with a border (`letterbox`) or distorted (`stretch`). This
module owns that arithmetic for every task; what the outputs mean is the tasks' affair.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fivegms_engine.tasks.errors import UnsupportedInput
from fivegms_engine.tasks.results import ModelIO
from fivegms_manifests.model import CHANNELS, LAYOUTS, RESIZES, InputProcessing, TensorInfo

BORDER = 114
"""Grey level of a letterbox border, as object detectors are commonly trained with."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a picture of `width` x `height` pixels lies in the input tensor.

    A point (x, y) of the picture is at (left + x * scale_x, top + y * scale_y) of the tensor.
    """

    width: int
    height: int
    scale_x: float = 1.0
    scale_y: float = 1.0
    left: int = 0
    top: int = 0

    def to_source(self, boxes: NDArray[np.floating]) -> NDArray[np.float64]:
        """Boxes [K, 4] of the input tensor as boxes of the picture, clipped to it."""
        shift = np.array([self.left, self.top, self.left, self.top], np.float64)
        scale = np.array([self.scale_x, self.scale_y, self.scale_x, self.scale_y], np.float64)
        limit = np.array([self.width, self.height, self.width, self.height], np.float64)
        return np.clip((boxes.astype(np.float64) - shift) / scale, 0.0, limit)


@dataclass(frozen=True, slots=True)
class PictureInput:
    """A model's picture input with everything about it decided and checked."""

    tensor: TensorInfo
    processing: InputProcessing
    batch: int | str
    height: int | str
    width: int | str

    def feed(
        self, images: Sequence[NDArray[np.uint8]]
    ) -> tuple[dict[str, NDArray[np.floating]], list[Placement]]:
        """One batch of all `images`, each [H, W, 3] uint8 RGB, and where each came to lie.

        A side that the model leaves open takes the first picture's. Raises UnsupportedInput when
        the model's batch size is fixed and another.
        """
        if not images or (isinstance(self.batch, int) and self.batch != len(images)):
            raise UnsupportedInput(
                f"input {self.tensor.name} takes {self.batch} pictures, not {len(images)}"
            )
        height = self.height if isinstance(self.height, int) else images[0].shape[0]
        width = self.width if isinstance(self.width, int) else images[0].shape[1]
        placed = [place(image, height, width, self.processing.resize) for image in images]
        pixels = np.stack([picture for picture, _ in placed])
        return {self.tensor.name: self._normalise(pixels)}, [where for _, where in placed]

    def _normalise(self, pixels: NDArray[np.uint8]) -> NDArray[np.floating]:
        """[N, H, W, 3] uint8 RGB to the tensor's own layout, colours, range and type."""
        colours = _colours(pixels, self.processing.color).astype(np.float32) / np.float32(255)
        mean = np.array(self.processing.mean, np.float32)
        std = np.array(self.processing.std, np.float32)
        tensor = (colours - mean) / std
        if self.processing.layout == "NCHW":
            tensor = tensor.transpose(0, 3, 1, 2)
        return np.ascontiguousarray(tensor, dtype=self.tensor.dtype)


def picture_input(io: ModelIO) -> PictureInput:
    """The one picture input of a model. Raises UnsupportedInput where it has not exactly that."""
    if len(io.inputs) != 1:
        names = ", ".join(tensor.name for tensor in io.inputs)
        raise UnsupportedInput(
            f"a picture fills one input; the model has {names or 'none'}: feed it arrays"
        )
    tensor = io.inputs[0]
    processing = io.input_processing or InputProcessing(tensor.name)
    _check(tensor, processing)
    batch, *rest = tensor.shape
    sides = rest[1:] if processing.layout == "NCHW" else rest[:2]
    return PictureInput(tensor, processing, batch, *sides)


def _check(tensor: TensorInfo, processing: InputProcessing) -> None:
    if processing.tensor != tensor.name:
        raise UnsupportedInput(f"input processing is for {processing.tensor}, not {tensor.name}")
    if not tensor.dtype.startswith("float") or len(tensor.shape) != 4:
        raise UnsupportedInput(
            f"input {tensor.name} is {tensor.dtype} {list(tensor.shape)}, not a floating picture "
            "batch: feed it arrays"
        )
    if processing.layout not in LAYOUTS or processing.resize not in RESIZES:
        raise UnsupportedInput(
            f"input {tensor.name}: layout {processing.layout}, resize {processing.resize}"
        )
    _check_channels(tensor, processing)


def _check_channels(tensor: TensorInfo, processing: InputProcessing) -> None:
    channels = CHANNELS.get(processing.color)
    if channels is None:
        raise UnsupportedInput(f"input {tensor.name}: colours {processing.color}")
    declared = tensor.shape[1 if processing.layout == "NCHW" else 3]
    if isinstance(declared, int) and declared != channels:
        raise UnsupportedInput(
            f"input {tensor.name} has {declared} channels; {processing.color} has {channels}"
        )
    for name, values in (("mean", processing.mean), ("std", processing.std)):
        if len(values) != channels:
            raise UnsupportedInput(f"input {tensor.name}: {len(values)} values of {name}")
    if not all(value > 0 for value in processing.std):
        raise UnsupportedInput(f"input {tensor.name}: deviations must be above zero")


def _colours(pixels: NDArray[np.uint8], color: str) -> NDArray[np.uint8]:
    if color == "BGR":
        return pixels[..., ::-1]
    if color == "GRAY":
        grey = [np.asarray(Image.fromarray(picture).convert("L")) for picture in pixels]
        return np.stack(grey)[..., None]
    return pixels


def place(
    image: NDArray[np.uint8], height: int, width: int, resize: str
) -> tuple[NDArray[np.uint8], Placement]:
    """A picture [H, W, 3] uint8 made [height, width, 3]; untouched where it already is."""
    rows, columns = image.shape[:2]
    if (rows, columns) == (height, width):
        return image, Placement(columns, rows)
    if resize == "stretch":
        resized = _resize(image, height, width)
        return resized, Placement(columns, rows, width / columns, height / rows)
    return _letterbox(image, height, width)


def _letterbox(
    image: NDArray[np.uint8], height: int, width: int
) -> tuple[NDArray[np.uint8], Placement]:
    rows, columns = image.shape[:2]
    scale = min(height / rows, width / columns)
    inner_height, inner_width = max(1, round(rows * scale)), max(1, round(columns * scale))
    left, top = (width - inner_width) // 2, (height - inner_height) // 2
    canvas = np.full((height, width, 3), BORDER, np.uint8)
    canvas[top : top + inner_height, left : left + inner_width] = _resize(
        image, inner_height, inner_width
    )
    where = Placement(columns, rows, inner_width / columns, inner_height / rows, left, top)
    return canvas, where


def _resize(image: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    resized = Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(resized, np.uint8)
