"""Which channels of a graph depend on one another (structured pruning needs to know).

Every channel that a layer makes gets a number of its own, and the numbers flow through the graph
with the values that carry the channels. Where an operator brings two channels together, so that
neither can go without the other - a residual addition, a gate, a weight that two layers share -
their numbers become one. A concatenation puts lists of numbers one after another, and flattening
repeats each. An operator that is not in the table of `flows`, or that mixes channels, locks what
it takes in: those channels are kept. So are those of the graph's outputs. A constant may serve
several nodes: an axis of it shrinks only if it holds channels for each of them.

Concatenations and flattening multiply channels, so a small graph can have any number of them: how
many are followed is bounded.

This module follows channels; it does not know which ones are worth keeping.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto

from fivegms_engine.capability import MODEL_DOMAIN, canonical_domain
from fivegms_engine.traversal import subgraphs, used_values
from fivegms_manifests.model import TensorInfo
from fivegms_prepare.errors import StageImpossible
from fivegms_prepare.optimise.draft import Draft
from fivegms_prepare.optimise.layers import Layer
from fivegms_prepare.values import infer_values

MOST_PLACES = 2**23
"""How many places along axes are looked at in one graph."""

Channels: TypeAlias = NDArray[np.intp]
"""One number for each place along an axis."""


@dataclass(frozen=True, slots=True)
class Carried:
    """A value whose axis `axis`, counted from 0, holds these channels."""

    axis: int
    channels: Channels


@dataclass(slots=True)
class ChannelMap:
    """What is known of the channels of a draft.

    `constants` holds the channels of axes of constants by (name, axis), `carried` those of values,
    `read` those that layers take in by the value's name. `sizes` are entries of constants that
    count the channels of an axis, by (name, index). `depthwise` and `made` are the convolutions of
    one filter a channel, and all other layers, by what they give. `reads` says how many nodes read
    each value.
    """

    draft: Draft
    values: Mapping[str, TensorInfo]
    constants: dict[tuple[str, int], Channels] = field(default_factory=dict)
    carried: dict[str, Carried] = field(default_factory=dict)
    read: dict[str, Carried] = field(default_factory=dict)
    sizes: dict[tuple[str, int], Channels] = field(default_factory=dict)
    depthwise: dict[str, Layer] = field(default_factory=dict)
    made: dict[str, Layer] = field(default_factory=dict)
    reads: Counter[str] = field(default_factory=Counter)
    _parents: list[int] = field(default_factory=list)
    _locked: set[int] = field(default_factory=set)
    _kept_whole: set[str] = field(default_factory=set)
    _kept_axes: set[tuple[str, int]] = field(default_factory=set)
    _places: int = 0

    def rank(self, name: str) -> int | None:
        """The rank of a value, None where it is unknown."""
        info = self.values.get(name)
        return None if info is None else len(info.shape)

    def size(self, name: str, axis: int) -> int | None:
        """A dimension of a value, None where it is open or unknown."""
        info = self.values.get(name)
        if info is None or axis >= len(info.shape):
            return None
        size = info.shape[axis]
        return size if isinstance(size, int) else None

    def reserve(self, count: int) -> None:
        """Count places that are about to be looked at. Raises StageImpossible for too many."""
        self._places += count
        if self._places > MOST_PLACES:
            raise StageImpossible(
                f"prune-channels: the graph has more than {MOST_PLACES} channels to follow"
            )

    def new(self, count: int) -> Channels:
        """Channels that nothing else depends on yet. Raises StageImpossible for too many."""
        self.reserve(count)
        first = len(self._parents)
        self._parents.extend(range(first, first + count))
        return np.arange(first, first + count)

    def of_constant(self, name: str, axis: int, channels: Channels | None = None) -> Channels:
        """The channels along an axis of a constant, made one with `channels` if these are given."""
        if (name, axis) not in self.constants:
            self.constants[name, axis] = self.new(self.draft.shape(name)[axis])
        known = self.constants[name, axis]
        if channels is not None:
            self.tie(known, channels)
        return known

    def tie(self, one: Channels, other: Channels) -> None:
        """Make channels one, place by place; where the counts differ, lock both."""
        if len(one) != len(other):
            self.lock(one)
            self.lock(other)
            return
        self.reserve(len(one))
        for a, b in zip(one.tolist(), other.tolist(), strict=True):
            self._parents[self._root(a)] = self._root(b)

    def lock(self, channels: Channels) -> None:
        """Keep these channels."""
        self._locked.update(channels.tolist())

    def lock_value(self, name: str) -> None:
        """Keep whatever channels a value or a constant carries, those it is yet to be given too."""
        if name in self.carried:
            self.lock(self.carried[name].channels)
        self._kept_whole.add(name)

    def keep_other_axes(self, name: str, *axes: int) -> None:
        """Keep all axes of a constant but these, which hold channels where a node reads it."""
        every = range(len(self.draft.shape(name)))
        self._kept_axes.update((name, axis) for axis in every if axis not in axes)

    def carry(self, name: str, axis: int, channels: Channels) -> None:
        """Say that a value holds channels along an axis."""
        self.carried[name] = Carried(axis, channels)

    def roots(self, channels: Channels) -> Channels:
        """For each channel the one number that stands for all those that go with it."""
        return np.array([self._root(channel) for channel in channels.tolist()], np.intp)

    def locked_roots(self) -> set[int]:
        """The numbers of those that have to stay."""
        for place, channels in self.constants.items():
            if place[0] in self._kept_whole or place in self._kept_axes:
                self.lock(channels)
        return {self._root(channel) for channel in self._locked}

    def _root(self, channel: int) -> int:
        parents = self._parents
        while parents[channel] != channel:
            parents[channel] = parents[parents[channel]]
            channel = parents[channel]
        return channel


Flow: TypeAlias = Callable[[ChannelMap, NodeProto], bool]
"""Follow channels through a node; False if it cannot, which locks what the node takes in."""


def follow(draft: Draft, flows: Mapping[str, Flow]) -> ChannelMap:
    """Follow the channels of every layer through the whole graph."""
    channels = ChannelMap(draft, infer_values(draft.model), reads=draft.uses())
    for node in draft.nodes:
        flow = flows.get(node.op_type) if _is_plain(node, channels.reads) else None
        if flow is None or not flow(channels, node):
            _lock_all(channels, used_values(node))
    _lock_all(channels, (value.name for value in draft.graph.output))
    return channels


def _is_plain(node: NodeProto, reads: Counter[str]) -> bool:
    """Whether a node is of ONNX's own domain, has no graph in it, and only its first output counts.

    Masks and indices are second outputs: what they count from changes with the channels.
    """
    standard = canonical_domain(node.domain) == MODEL_DOMAIN
    nested = any(True for _ in subgraphs(node))
    return standard and not nested and not any(reads[name] for name in node.output[1:])


def _lock_all(channels: ChannelMap, names: Iterable[str]) -> None:
    for name in names:
        channels.lock_value(name)
