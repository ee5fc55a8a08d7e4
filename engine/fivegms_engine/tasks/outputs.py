"""Finding and checking the output tensors that a task reads."""

from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fivegms_engine.tasks.errors import UnsupportedOutput

Outputs = Mapping[str, NDArray[np.generic]]
"""A model's outputs by name, as an inference session returns them."""

_KINDS = {"float": "f", "integer": "iu"}


def output(
    outputs: Outputs, name: str, kind: Literal["float", "integer"], shape: tuple[int | None, ...]
) -> NDArray[np.generic]:
    """The output of that name, its elements of that `kind`, its shape `shape` (None is any).

    Raises UnsupportedOutput where it is missing or another.
    """
    if name not in outputs:
        raise UnsupportedOutput(f"no output {name}; the model has {', '.join(outputs) or 'none'}")
    tensor = outputs[name]
    fits = len(tensor.shape) == len(shape) and all(
        wanted in (None, size) for wanted, size in zip(shape, tensor.shape, strict=True)
    )
    if not fits or tensor.dtype.kind not in _KINDS[kind]:
        raise UnsupportedOutput(
            f"output {name} is {tensor.dtype} {list(tensor.shape)},"
            f" not {kind} {['any' if size is None else size for size in shape]}"
        )
    return tensor
