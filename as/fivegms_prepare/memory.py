"""How much memory the values between nodes take while a graph runs, node by node."""

from collections.abc import Mapping
from math import prod

import numpy as np

from fivegms_manifests.model import TensorInfo
from fivegms_prepare.flow import Flow
from fivegms_prepare.values import closed_shape


def size_of(info: TensorInfo | None) -> int | None:
    """The bytes of a value; None if its shape is open or unknown."""
    shape = closed_shape(info)
    if info is None or shape is None:
        return None
    return prod(shape) * np.dtype(info.dtype).itemsize


def live_bytes(flow: Flow, values: Mapping[str, TensorInfo]) -> list[int | None]:
    """For each node, the bytes of all values that exist while it runs.

    A value exists from the node that gives it (an input: from the first) to the last that takes it;
    outputs exist to the end. Inputs that nothing takes and what follows from constants alone do not
    count. None where a value of unknown size exists.
    """
    last_uses = flow.last_uses()
    live = _Live(values)
    for name in flow.inputs:
        if last_uses[name] >= 0:
            live.begin(name)
    most = []
    for index, node in enumerate(flow.nodes):
        given = [] if index in flow.constant else [name for name in node.output if name]
        for name in given:
            live.begin(name)
        most.append(live.total)
        for name in {*flow.used[index], *given}:
            if last_uses.get(name, index + 1) <= index:
                live.end(name)
    return most


class _Live:
    """The values that exist at one moment. Those of unknown size are counted, not added."""

    def __init__(self, values: Mapping[str, TensorInfo]) -> None:
        self._values = values
        self._names: set[str] = set()
        self._bytes = 0
        self._unknown = 0

    @property
    def total(self) -> int | None:
        return None if self._unknown else self._bytes

    def begin(self, name: str) -> None:
        if name not in self._names:
            self._names.add(name)
            self._count(name, 1)

    def end(self, name: str) -> None:
        if name in self._names:
            self._names.remove(name)
            self._count(name, -1)

    def _count(self, name: str, sign: int) -> None:
        size = size_of(self._values.get(name))
        self._bytes += sign * (size or 0)
        self._unknown += sign * (size is None)
