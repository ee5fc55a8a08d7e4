"""The AI model access function (TR 26.927 5.2.1): from an entry to a model that runs.

    entry -> M5 -> manifest -> trust -> subsets -> variants -> segments -> tensors -> engine

Each arrow is another module; this one only puts them in order and notes the time. Nothing is
written but what the caller asked to keep, and no weights are requested before every subset has a
variant that this device can run (TR 26.927 6.5.6).
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from fivegms_api.service_access_information import ServiceAccessInformation
from fivegms_client.authorization import authorised
from fivegms_client.cache import SegmentCache, SegmentStore
from fivegms_client.capabilities import DeviceCapabilities
from fivegms_client.clock import SYSTEM_CLOCK, Clock
from fivegms_client.composition import chosen_subsets, select_each
from fivegms_client.decoding import SubsetAssembly
from fivegms_client.device import measure_device
from fivegms_client.download import Data, Sources, download, unique
from fivegms_client.entry import Entry, ManifestUrl, SessionEntry, TaskEntry
from fivegms_client.errors import ClientError, EngineRefused, WrongModelSegment
from fivegms_client.fetching import Fetcher
from fivegms_client.manifest_access import AccessedManifest, access_manifest
from fivegms_client.media_session_handler import MediaSessionHandler, ModelPlace
from fivegms_client.model_folder import ModelFolder
from fivegms_client.options import DEFAULT_OPTIONS, AccessOptions
from fivegms_client.progress import ProgressMeter
from fivegms_client.reporting import Delivery, Subject
from fivegms_client.runnable import Observer, Provenance, RunnableModel
from fivegms_client.segment_keys import KeyRing
from fivegms_client.selection import Selection
from fivegms_client.service_access import SaiCache
from fivegms_client.timings import Stopwatch, Timings
from fivegms_client.transfer import Transfer
from fivegms_client.trust.guard import TrustGuard
from fivegms_client.trust.policy import Trust
from fivegms_engine.errors import SessionFailed, TopologyError, WeightsError
from fivegms_engine.session import InferenceEngine, LoadedModel
from fivegms_manifests.model import SegmentRef, Subset, TensorInfo, Variant

DECODERS = 4
"""Threads that decode; more gain nothing, because one decodes faster than most links deliver."""

ASKING_PATIENCE_S = 1.0
"""For how long a model that is ready waits for what M5 asks to be reported of it."""


@dataclass(frozen=True, slots=True)
class FetchedModel:
    """A model in a folder: where its manifest is, what it is, and what getting it cost."""

    path: Path
    provenance: Provenance
    timings: Timings


@dataclass(frozen=True, slots=True)
class _Start:
    """What is known before the first segment is asked for."""

    watch: Stopwatch
    accessed: AccessedManifest
    selections: tuple[Selection, ...]
    trust: Trust
    place: ModelPlace | None = None


Watch = Callable[[ServiceAccessInformation, Subject], Observer | None]
"""Makes what watches the use of a model, if the session asks for that."""
Asking = asyncio.Task[ServiceAccessInformation | None]
Consume = Callable[[SegmentRef, Data], Awaitable[None]]


class ModelAccess:
    """Opens and fetches models over one transport. Keep it for as long as the app runs."""

    def __init__(
        self,
        fetcher: Fetcher,
        options: AccessOptions = DEFAULT_OPTIONS,
        *,
        clock: Clock = SYSTEM_CLOCK,
        sai_cache: SaiCache | None = None,
        watch: Watch | None = None,
    ) -> None:
        self._options = options
        self._clock = clock
        nothing_yet = ProgressMeter(0, options.progress)
        self._transfer = Transfer(fetcher, options.retry, clock, nothing_yet.waiting)
        to_af = authorised(fetcher, options.authorization)
        asking = Transfer(to_af, options.retry, clock, nothing_yet.waiting)
        self._handler = MediaSessionHandler(
            asking, sai_cache, client_id=options.client_id, cohort=options.cohort
        )
        self._guard = TrustGuard(options.trust, self._transfer, clock)
        self._keys = KeyRing(options.keys, fetcher, options.retry, clock)
        self._watch = watch if options.reporting else None

    async def open(self, entry: Entry) -> RunnableModel:
        """Fetch, decode and load; decoding overlaps fetching. Raises ClientError."""
        start = await self._start(entry)
        asking = asyncio.create_task(self._asks(start.place))
        try:
            return await self._open(start, asking)
        finally:
            asking.cancel()

    async def _open(self, start: _Start, asking: Asking) -> RunnableModel:
        assemblies = [await self._assembly(start, each.chosen) for each in start.selections]
        users = _users(assemblies)
        with ThreadPoolExecutor(DECODERS, "fivegms-decode") as pool:

            async def decode(part: SegmentRef, data: Data) -> None:
                loop = asyncio.get_running_loop()
                for assembly, own_part in users[part.sha256]:
                    await loop.run_in_executor(pool, assembly.accept, own_part, data)

            provenance, meter = await self._bring(start, decode)
        start.watch.note("decode_ms", sum(assembly.decode_ms for assembly in assemblies))
        with start.watch.stage("load_ms"):
            models = [
                await asyncio.to_thread(self._load, selection.subset, assembly)
                for selection, assembly in zip(start.selections, assemblies, strict=True)
            ]
        timings = start.watch.timings()
        delivery = _delivery(start, assemblies, meter, timings)
        observer = await self._observer(start, delivery, asking)
        return RunnableModel(provenance, models, timings, observer)

    async def _assembly(self, start: _Start, variant: Variant) -> SubsetAssembly:
        accessed, key = start.accessed, None
        if variant.encryption is not None:
            key = await self._keys.key(variant.encryption, accessed.url)
        return SubsetAssembly(variant, accessed.manifest.model.name, key)

    async def fetch(self, entry: Entry, into: Path) -> FetchedModel:
        """Keep the manifest and the chosen variant of the chosen subsets in a folder.

        What is there already is not fetched again. Raises ClientError.
        """
        start = await self._start(entry)
        folder = ModelFolder(into, start.accessed.manifest)
        provenance, _ = await self._bring(start, _nothing_more, folder)
        path = await asyncio.to_thread(
            folder.put_manifest, start.accessed.document, start.trust.evidence
        )
        return FetchedModel(path, provenance, start.watch.timings())

    async def _start(self, entry: Entry) -> _Start:
        watch = Stopwatch(self._clock.now)
        where, place = entry, None
        if isinstance(where, SessionEntry | TaskEntry):
            with watch.stage("sai_ms"):
                place = await self._handler.locate(where)
            where = ManifestUrl(place.url)
        with watch.stage("mpd_ms"):
            accessed = await access_manifest(where, self._transfer)
            trust = await self._guard.judge(accessed)
        with watch.stage("device_ms"):
            device = await self._device()
        # A folder is asked for each of its files.
        selections = await asyncio.to_thread(self._select, accessed, device)
        return _Start(watch, accessed, selections, trust, place)

    async def _asks(self, place: ModelPlace | None) -> ServiceAccessInformation | None:
        """What the session of the model asks of its UEs, if that can be had and matters."""
        if place is None or self._watch is None:
            return None
        try:
            return await self._handler.service_access_information(place.m5_url, place.session)
        except ClientError:
            return None  # the model is here; not to report on it harms nobody who uses it

    async def _observer(self, start: _Start, delivery: Delivery, asking: Asking) -> Observer | None:
        """What watches the model; an AF that is slow to answer is not waited for."""
        await asyncio.wait([asking], timeout=ASKING_PATIENCE_S)
        if not asking.done():
            return None
        information, accessed = asking.result(), start.accessed
        if information is None or self._watch is None or accessed.url is None:
            return None
        subject = Subject(
            entry_url=accessed.url,
            model=accessed.manifest.model,
            selections=start.selections,
            delivery=delivery,
            client_id=self._options.client_id or uuid4().hex,
        )
        return self._watch(information, subject)

    async def _device(self) -> DeviceCapabilities:
        if self._options.device is not None:
            return self._options.device
        return await asyncio.to_thread(measure_device, self._options.providers)

    def _select(
        self, accessed: AccessedManifest, device: DeviceCapabilities
    ) -> tuple[Selection, ...]:
        options = self._options
        subsets = chosen_subsets(
            accessed.manifest,
            composition=options.composition,
            endpoint=options.endpoint,
            subset=options.subset,
        )
        return select_each(
            accessed.manifest,
            subsets,
            device,
            options.preferences,
            options.link,
            lambda variant: accessed.absence(variant) or self._keys.absence(variant.encryption),
        )

    async def _bring(
        self, start: _Start, consume: Consume, *keep: SegmentStore
    ) -> tuple[Provenance, ProgressMeter]:
        accessed, options = start.accessed, self._options
        parts = unique(part for chosen in start.selections for part in chosen.chosen.parts())
        meter = ProgressMeter(sum(part.size_bytes for part in parts), options.progress)
        cache = () if accessed.folder is not None else self._cache()
        own = () if accessed.folder is None else (accessed.folder,)
        sources = Sources(
            accessed.urls, accessed.failure, look_in=(*keep, *own, *cache), keep_in=(*keep, *cache)
        )
        began = self._clock.now()
        await download(parts, sources, self._transfer, meter, consume, parallel=options.parallel)
        if meter.newest_at is not None:
            start.watch.note("fetch_ms", 1000 * (meter.newest_at - began))
        if meter.first_byte_at is not None:
            start.watch.note("first_byte_ms", start.watch.since_start_ms(meter.first_byte_at))
        provenance = Provenance(
            accessed.manifest,
            start.selections,
            meter.network_bytes,
            meter.cache_bytes,
            start.trust,
        )
        return provenance, meter

    def _cache(self) -> tuple[SegmentStore, ...]:
        folder = self._options.cache_folder
        return () if folder is None else (SegmentCache(folder, self._options.cache_bytes),)

    def _load(self, subset: Subset, assembly: SubsetAssembly) -> LoadedModel:
        topology, tensors = assembly.finish()
        options = self._options
        try:
            model = InferenceEngine.load(
                topology, tensors, threads=options.threads, providers=options.providers
            )
        except (TopologyError, WeightsError) as error:
            raise WrongModelSegment(f"subset {subset.name}: {error}") from error
        except SessionFailed as error:
            raise EngineRefused(f"subset {subset.name} does not load: {error}") from error
        _check_tensors(subset, model)
        return model


def _users(
    assemblies: Sequence[SubsetAssembly],
) -> dict[str, list[tuple[SubsetAssembly, SegmentRef]]]:
    """Who takes the bytes of each digest: one part may belong to several subsets."""
    users: dict[str, list[tuple[SubsetAssembly, SegmentRef]]] = {}
    for assembly in assemblies:
        for part in assembly.variant.parts():
            users.setdefault(part.sha256, []).append((assembly, part))
    return users


def _delivery(
    start: _Start, assemblies: Sequence[SubsetAssembly], meter: ProgressMeter, timings: Timings
) -> Delivery:
    """What the network brought, and how. A part of two variants counts for the first."""
    counted = set(meter.cached)
    weights_bytes: dict[str, int] = {}
    topology_bytes = 0
    for assembly in assemblies:
        variant = assembly.variant
        fetched = [part for part in unique(variant.parts()) if part.sha256 not in counted]
        counted |= {part.sha256 for part in fetched}
        topology = assembly.topology_bytes if fetched else 0
        topology_bytes += topology
        weights_bytes[variant.id] = max(0, sum(part.size_bytes for part in fetched) - topology)
    fetch_s = (timings.fetch_ms or 0.0) / 1000
    return Delivery(
        manifest_bytes=len(start.accessed.document),
        topology_bytes=topology_bytes,
        weights_bytes=weights_bytes,
        retransmitted_bytes=meter.retransmitted_bytes,
        stalls=meter.stalls,
        stalled_s=meter.stalled_s,
        throughput_bps=8 * meter.network_bytes / fetch_s
        if meter.network_bytes and fetch_s > 0
        else None,
    )


async def _nothing_more(part: SegmentRef, data: Data) -> None:
    """Keeping a part is all that `fetch` does with it."""


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
