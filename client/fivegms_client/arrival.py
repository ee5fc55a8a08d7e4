"""From chosen variants to subsets that run: fetched, decoded meanwhile, and loaded.

A `Target` says what is to be had of a subset: a variant and all that it builds on. Whether it is
the first thing that runs, one more layer, or a newer version makes no difference here.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from fivegms_client.cache import SegmentCache, SegmentStore
from fivegms_client.clock import Clock
from fivegms_client.decoding import Layer, SubsetAssembly, Tensors
from fivegms_client.download import Data, Sources, download
from fivegms_client.errors import EngineRefused, WrongModelSegment
from fivegms_client.layers import parts_of
from fivegms_client.loaded import LoadedSubset
from fivegms_client.manifest_access import AccessedManifest
from fivegms_client.options import AccessOptions
from fivegms_client.progress import ProgressMeter
from fivegms_client.segment_keys import KeyRing
from fivegms_client.selection import Selection
from fivegms_client.timings import Stopwatch
from fivegms_client.transfer import Transfer
from fivegms_engine.errors import SessionFailed, TopologyError, WeightsError
from fivegms_engine.session import InferenceEngine, LoadedModel
from fivegms_manifests.model import SegmentRef, Subset, TensorInfo, Variant

DECODERS = 4
"""Threads that decode; more gain nothing, because one decodes faster than most links deliver."""

Consume = Callable[[SegmentRef, Data], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be had of one subset: `layers`, lowest first, of which the last one runs.

    `base` is what a delta is applied to.
    """

    selection: Selection
    layers: tuple[Variant, ...]
    base: Tensors | None = field(default=None, repr=False)

    @property
    def subset(self) -> Subset:
        """The subset."""
        return self.selection.subset

    @property
    def variant(self) -> Variant:
        """What runs once all layers are here."""
        return self.layers[-1]


@dataclass(frozen=True, slots=True)
class Arrived:
    """Subsets that are ready, and what bringing them here took."""

    subsets: tuple[LoadedSubset, ...]
    assemblies: tuple[SubsetAssembly, ...]
    meter: ProgressMeter


class Arrival:
    """Brings targets of one manifest here.

    A second attempt, after one that failed, goes on counting where that one ended.
    """

    def __init__(
        self,
        accessed: AccessedManifest,
        options: AccessOptions,
        transfer: Transfer,
        keys: KeyRing,
        clock: Clock,
    ) -> None:
        self._accessed = accessed
        self._options = options
        self._transfer = transfer
        self._keys = keys
        self._clock = clock
        self._earlier: ProgressMeter | None = None

    async def load(
        self, targets: Sequence[Target], watch: Stopwatch, *stores: SegmentStore
    ) -> Arrived:
        """Fetch, decode and load; decoding overlaps fetching. Raises ClientError.

        `stores` are looked into first, and keep what arrives.
        """
        assemblies = [await self._assembly(target.layers, target.base) for target in targets]
        decoded, meter = await self._decoded(assemblies, watch, stores)
        with watch.stage("load_ms"):
            subsets = [
                await asyncio.to_thread(self._load, target, topology, tensors)
                for target, (topology, tensors) in zip(targets, decoded, strict=True)
            ]
        return Arrived(tuple(subsets), tuple(assemblies), meter)

    async def tensors(self, layers: Sequence[Variant], base: Tensors | None) -> Tensors:
        """What `layers` decode to, without loading it. Raises ClientError."""
        assembly = await self._assembly(layers, base)
        ((_, tensors),), _ = await self._decoded([assembly], Stopwatch(self._clock.now), ())
        return tensors

    async def _decoded(
        self,
        assemblies: Sequence[SubsetAssembly],
        watch: Stopwatch,
        stores: Sequence[SegmentStore],
    ) -> tuple[list[tuple[bytes, dict[str, Any]]], ProgressMeter]:
        users = _users(assemblies)
        with ThreadPoolExecutor(DECODERS, "fivegms-decode") as pool:

            async def decode(part: SegmentRef, data: Data) -> None:
                loop = asyncio.get_running_loop()
                for assembly, own_part, layer in users[part.sha256]:
                    await loop.run_in_executor(pool, assembly.accept, own_part, data, layer)

            layers = (layer.variant for assembly in assemblies for layer in assembly.layers)
            meter = await self.bring(layers, watch, decode, *stores)
            decoded = [await asyncio.to_thread(one.finish, pool) for one in assemblies]
        watch.note("decode_ms", sum(assembly.decode_ms for assembly in assemblies))
        return decoded, meter

    async def bring(
        self, layers: Iterable[Variant], watch: Stopwatch, consume: Consume, *stores: SegmentStore
    ) -> ProgressMeter:
        """Hand every part of `layers` to `consume`, once for each digest. Raises ClientError."""
        accessed, options = self._accessed, self._options
        parts = parts_of(layers)
        total_bytes = sum(part.size_bytes for part in parts)
        meter = ProgressMeter(total_bytes, options.progress, after=self._earlier)
        self._earlier = meter
        cache = () if accessed.folder is not None else kept_between_runs(options)
        own = () if accessed.folder is None else (accessed.folder,)
        sources = Sources(
            accessed.urls,
            accessed.failure,
            look_in=(*stores, *own, *cache),
            keep_in=(*stores, *cache),
        )
        began = self._clock.now()
        await download(parts, sources, self._transfer, meter, consume, parallel=options.parallel)
        if meter.newest_at is not None:
            watch.note("fetch_ms", 1000 * (meter.newest_at - began))
        if meter.first_byte_at is not None:
            watch.note("first_byte_ms", watch.since_start_ms(meter.first_byte_at))
        return meter

    async def _assembly(self, variants: Sequence[Variant], base: Tensors | None) -> SubsetAssembly:
        return SubsetAssembly([await self.layer(variant) for variant in variants], base)

    async def layer(self, variant: Variant) -> Layer:
        """What reads a variant's segments. Raises KeyUnavailable, ServerUnreachable."""
        accessed, key = self._accessed, None
        if variant.encryption is not None:
            key = await self._keys.key(variant.encryption, accessed.url)
        return Layer(variant, accessed.manifest.model.name, key)

    def _load(self, target: Target, topology: bytes, tensors: dict[str, Any]) -> LoadedSubset:
        options, name = self._options, target.subset.name
        try:
            model = InferenceEngine.load(
                topology, tensors, threads=options.threads, providers=options.providers
            )
        except (TopologyError, WeightsError) as error:
            raise WrongModelSegment(f"subset {name}: {error}") from error
        except SessionFailed as error:
            raise EngineRefused(f"subset {name} does not load: {error}") from error
        _check_tensors(target.subset, model)
        return LoadedSubset(target.subset, target.variant, model, tensors)


def kept_between_runs(options: AccessOptions) -> tuple[SegmentCache, ...]:
    """The cache, if there is one."""
    folder = options.cache_folder
    return () if folder is None else (SegmentCache(folder, options.cache_bytes),)


def _users(
    assemblies: Sequence[SubsetAssembly],
) -> dict[str, list[tuple[SubsetAssembly, SegmentRef, int]]]:
    """Who takes the bytes of each digest: one part may belong to several subsets and layers."""
    users: dict[str, list[tuple[SubsetAssembly, SegmentRef, int]]] = {}
    for assembly in assemblies:
        for number, layer in enumerate(assembly.layers):
            for part in layer.variant.parts():
                users.setdefault(part.sha256, []).append((assembly, part, number))
    return users


def _check_tensors(subset: Subset, model: LoadedModel) -> None:
    """A topology that arrived whole may still be another model's. Raises WrongModelSegment."""
    for promised, found in ((subset.inputs, model.inputs), (subset.outputs, model.outputs)):
        if {(t.name, t.dtype) for t in promised} != {(t.name, t.dtype) for t in found}:
            raise WrongModelSegment(
                f"the topology of subset {subset.name} has tensors {_listed(found)}, and the "
                f"manifest says {_listed(promised)}: its segments are another model's"
            )


def _listed(tensors: Sequence[TensorInfo]) -> str:
    return ", ".join(f"{tensor.name} ({tensor.dtype})" for tensor in tensors)
