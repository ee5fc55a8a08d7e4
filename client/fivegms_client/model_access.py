"""The AI model access function (TR 26.927 5.2.1): from an entry to a model that runs.

    entry -> M5 -> manifest -> subsets -> variants -> segments -> tensors -> engine

Each arrow is another module; this one only puts them in order and notes the time. Nothing is
written but what the caller asked to keep, and no weights are requested before every subset has a
variant that this device can run (TR 26.927 6.5.6).
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from fivegms_client.cache import SegmentCache, SegmentStore
from fivegms_client.capabilities import DeviceCapabilities
from fivegms_client.clock import SYSTEM_CLOCK, Clock
from fivegms_client.composition import chosen_subsets, select_each
from fivegms_client.decoding import SubsetAssembly
from fivegms_client.device import measure_device
from fivegms_client.download import Data, Sources, download, unique
from fivegms_client.entry import Entry, ManifestUrl, SessionEntry, TaskEntry
from fivegms_client.errors import EngineRefused, WrongModelSegment
from fivegms_client.fetching import Fetcher
from fivegms_client.manifest_access import AccessedManifest, access_manifest
from fivegms_client.media_session_handler import MediaSessionHandler
from fivegms_client.model_folder import ModelFolder
from fivegms_client.options import DEFAULT_OPTIONS, AccessOptions
from fivegms_client.progress import ProgressMeter
from fivegms_client.runnable import Provenance, RunnableModel
from fivegms_client.selection import Selection
from fivegms_client.service_access import SaiCache
from fivegms_client.timings import Stopwatch, Timings
from fivegms_client.transfer import Transfer
from fivegms_engine.errors import SessionFailed, TopologyError, WeightsError
from fivegms_engine.session import InferenceEngine, LoadedModel
from fivegms_manifests.model import SegmentRef, Subset, TensorInfo

DECODERS = 4
"""Threads that decode; more gain nothing, because one decodes faster than most links deliver."""


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
    ) -> None:
        self._options = options
        self._clock = clock
        nothing_yet = ProgressMeter(0, options.progress)
        self._transfer = Transfer(fetcher, options.retry, clock, nothing_yet.waiting)
        self._handler = MediaSessionHandler(self._transfer, sai_cache)

    async def open(self, entry: Entry) -> RunnableModel:
        """Fetch, decode and load; decoding overlaps fetching. Raises ClientError."""
        start = await self._start(entry)
        assemblies = [SubsetAssembly(selection.chosen) for selection in start.selections]
        users = _users(assemblies)
        with ThreadPoolExecutor(DECODERS, "fivegms-decode") as pool:

            async def decode(part: SegmentRef, data: Data) -> None:
                loop = asyncio.get_running_loop()
                for assembly, own_part in users[part.sha256]:
                    await loop.run_in_executor(pool, assembly.accept, own_part, data)

            provenance = await self._bring(start, decode)
        start.watch.note("decode_ms", sum(assembly.decode_ms for assembly in assemblies))
        with start.watch.stage("load_ms"):
            models = [
                await asyncio.to_thread(self._load, selection.subset, assembly)
                for selection, assembly in zip(start.selections, assemblies, strict=True)
            ]
        return RunnableModel(provenance, models, start.watch.timings())

    async def fetch(self, entry: Entry, into: Path) -> FetchedModel:
        """Keep the manifest and the chosen variant of the chosen subsets in a folder.

        What is there already is not fetched again. Raises ClientError.
        """
        start = await self._start(entry)
        folder = ModelFolder(into, start.accessed.manifest)
        provenance = await self._bring(start, _nothing_more, folder)
        path = await asyncio.to_thread(folder.put_manifest, start.accessed.document)
        return FetchedModel(path, provenance, start.watch.timings())

    async def _start(self, entry: Entry) -> _Start:
        watch = Stopwatch(self._clock.now)
        where = entry
        if isinstance(where, SessionEntry | TaskEntry):
            with watch.stage("sai_ms"):
                where = ManifestUrl(await self._handler.locate(where))
        with watch.stage("mpd_ms"):
            accessed = await access_manifest(where, self._transfer)
        with watch.stage("device_ms"):
            device = await self._device()
        # A folder is asked for each of its files.
        selections = await asyncio.to_thread(self._select, accessed, device)
        return _Start(watch, accessed, selections)

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
            accessed.absence,
        )

    async def _bring(self, start: _Start, consume: Consume, *keep: SegmentStore) -> Provenance:
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
        return Provenance(
            accessed.manifest, start.selections, meter.network_bytes, meter.cache_bytes
        )

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
