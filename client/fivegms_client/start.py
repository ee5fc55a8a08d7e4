"""From an entry to chosen variants: M5, the manifest, its signature, the device, the choice.

An `Access` is the parts of the access function over one transport; a model that is kept current
gets a new one for each step. No segment is asked for here (TR 26.927 6.5.6).
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from fivegms_client.arrival import Arrival, kept_between_runs
from fivegms_client.authorization import authorised
from fivegms_client.bases import Base, KeptBases
from fivegms_client.capabilities import DeviceCapabilities
from fivegms_client.clock import Clock
from fivegms_client.composition import chosen_subsets, select_each
from fivegms_client.decoding import Tensors
from fivegms_client.device import measure_device
from fivegms_client.entry import Entry, ManifestUrl, SessionEntry, TaskEntry
from fivegms_client.errors import SegmentMissing
from fivegms_client.fetching import Fetcher
from fivegms_client.layers import Held
from fivegms_client.manifest_access import AccessedManifest, access_manifest
from fivegms_client.media_session_handler import MediaSessionHandler, ModelPlace
from fivegms_client.options import AccessOptions
from fivegms_client.progress import ProgressMeter
from fivegms_client.segment_keys import KeyRing
from fivegms_client.selection import Selection
from fivegms_client.service_access import SaiCache
from fivegms_client.timings import Stopwatch
from fivegms_client.transfer import Transfer
from fivegms_client.trust.guard import TrustGuard
from fivegms_client.trust.policy import Trust
from fivegms_manifests.model import Variant


@dataclass(frozen=True, slots=True)
class Known:
    """What a choice may build on: `bases` are decoded weights by their digest, `failed` variants
    that could not be had, by id, with the cause.
    """

    bases: Mapping[str, Tensors] = field(default_factory=dict, repr=False)
    failed: Mapping[str, str] = field(default_factory=dict)

    def absence(self, variant: Variant) -> str | None:
        """Why `variant` cannot be had, as far as was tried, or None."""
        return self.failed.get(variant.id)


NOTHING_KNOWN = Known()


@dataclass(frozen=True, slots=True)
class Start:
    """What is known before the first segment is asked for.

    `early`: lower layers of what is chosen will do to begin with.
    """

    watch: Stopwatch
    accessed: AccessedManifest
    selections: tuple[Selection, ...]
    trust: Trust
    device: DeviceCapabilities
    place: ModelPlace | None = None
    early: bool = False


class Access:
    """The parts of the access function over one transport."""

    def __init__(
        self, fetcher: Fetcher, options: AccessOptions, clock: Clock, sai_cache: SaiCache | None
    ) -> None:
        self.options = options
        self.clock = clock
        self.kept: KeptBases | None = None
        for cache in kept_between_runs(options):
            self.kept = KeptBases(cache.folder, cache)
        nothing_yet = ProgressMeter(0, options.progress)
        self._transfer = Transfer(fetcher, options.retry, clock, nothing_yet.waiting)
        to_af = authorised(fetcher, options.authorization)
        asking = Transfer(to_af, options.retry, clock, nothing_yet.waiting)
        self.handler = MediaSessionHandler(
            asking, sai_cache, client_id=options.client_id, cohort=options.cohort
        )
        self._guard = TrustGuard(options.trust, self._transfer, clock)
        self._keys = KeyRing(options.keys, fetcher, options.retry, clock)

    async def start(
        self,
        entry: Entry,
        known: Known = NOTHING_KNOWN,
        *,
        files: bool = False,
        early: bool = False,
    ) -> Start:
        """Find the model, and choose; `files` and `early` are as `select` takes them.

        Raises ClientError.
        """
        watch = Stopwatch(self.clock.now)
        where, place = entry, None
        if isinstance(where, SessionEntry | TaskEntry):
            with watch.stage("sai_ms"):
                place = await self.handler.locate(where)
            where = ManifestUrl(place.url)
        with watch.stage("mpd_ms"):
            accessed = await access_manifest(where, self._transfer)
            trust = await self._guard.judge(accessed)
        with watch.stage("device_ms"):
            device = await self._device()
        start = Start(watch, accessed, (), trust, device, place, early)
        return await self.chosen(start, known, files=files)

    async def chosen(self, start: Start, known: Known, *, files: bool = False) -> Start:
        """The same with a choice of variants. Raises BadOption, NoSuitableVariant."""
        # A folder is asked for each of its files.
        selections = await asyncio.to_thread(self._select, start, known, files)
        return replace(start, selections=selections)

    def arrival(self, start: Start) -> Arrival:
        """What brings variants of the manifest here."""
        return Arrival(start.accessed, self.options, self._transfer, self._keys, self.clock)

    def absence(self, start: Start, variant: Variant, known: Known = NOTHING_KNOWN) -> str | None:
        """Why `variant` cannot be had, or None."""
        return (
            start.accessed.absence(variant)
            or self._keys.absence(variant.encryption)
            or known.absence(variant)
            or self._baseless(variant, known)
        )

    def _baseless(self, variant: Variant, known: Known) -> str | None:
        delta = variant.delta
        if delta is None or delta.base_sha256 in known.bases:
            return None
        if self.kept is not None and self.kept.find(delta.base_sha256) is not None:
            return None
        return (
            f"it holds what changed since {delta.base_variant} of version {delta.base_version}, "
            "which this device does not hold"
        )

    async def base(self, digest: str, known: Known) -> Tensors:
        """Weights that run, or those that the cache has. Raises ClientError."""
        if digest in known.bases:
            return known.bases[digest]
        found = None if self.kept is None else await asyncio.to_thread(self.kept.find, digest)
        if found is None:
            raise SegmentMissing([f"weights with SHA-256 {digest}"])
        return await self._decoded(found)

    async def _decoded(self, found: Base) -> Tensors:
        below = None if found.below is None else await self._decoded(found.below)
        accessed = AccessedManifest(found.manifest, found.document)
        quiet = replace(self.options, progress=None)
        arrival = Arrival(accessed, quiet, self._transfer, self._keys, self.clock)
        return await arrival.tensors(found.layers, below)

    async def _device(self) -> DeviceCapabilities:
        if self.options.device is not None:
            return self.options.device
        return await asyncio.to_thread(measure_device, self.options.providers)

    def _select(self, start: Start, known: Known, files: bool) -> tuple[Selection, ...]:
        options, manifest = self.options, start.accessed.manifest
        subsets = chosen_subsets(
            manifest,
            composition=options.composition,
            endpoint=options.endpoint,
            subset=options.subset,
        )
        return select_each(
            manifest,
            subsets,
            start.device,
            options.preferences,
            options.link,
            lambda variant: self.absence(start, variant, known),
            held=self._held(start),
            files=files,
            early=start.early,
        )

    def _held(self, start: Start) -> Held:
        """What a cache has; a folder is chosen from as if it were to be fetched."""
        caches = () if start.accessed.folder is not None else kept_between_runs(self.options)
        return lambda part: any(cache.has(part) for cache in caches)
