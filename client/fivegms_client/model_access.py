"""The AI model access function (TR 26.927 5.2.1): from an entry to a model that runs.

    entry -> M5 -> manifest -> trust -> subsets -> variants -> segments -> tensors -> engine

Each arrow is another module; this one only puts them in order. Nothing is written but what the
caller asked to keep, and no weights are requested before every subset has a variant that this
device can run (TR 26.927 6.5.6). What follows the start, `upkeep` does with the same parts.
"""

import asyncio
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from fivegms_api.service_access_information import ServiceAccessInformation
from fivegms_client.accounts import running_of
from fivegms_client.background import keep_current
from fivegms_client.clock import SYSTEM_CLOCK, Clock
from fivegms_client.download import Data
from fivegms_client.entry import Entry
from fivegms_client.errors import ClientError
from fivegms_client.fetching import Fetcher
from fivegms_client.file_delivery import write_file
from fivegms_client.held import HeldSegments
from fivegms_client.loaded import Provenance, Running, Way
from fivegms_client.media_session_handler import ModelPlace
from fivegms_client.model_folder import ModelFolder
from fivegms_client.options import DEFAULT_OPTIONS, AccessOptions
from fivegms_client.refinement import Refine
from fivegms_client.reporting import Subject
from fivegms_client.runnable import Observer, RunnableModel
from fivegms_client.service_access import SaiCache
from fivegms_client.start import NOTHING_KNOWN, Access, Start
from fivegms_client.timings import Timings
from fivegms_client.upkeep import Connect, Upkeep, arrive
from fivegms_manifests.model import SegmentRef

ASKING_PATIENCE_S = 1.0
"""For how long a model that is ready waits for what M5 asks to be reported of it."""


@dataclass(frozen=True, slots=True)
class FetchedModel:
    """A model in a folder: where its manifest is, what it is, and what getting it cost.

    `files` are the provider's own, of a model that is delivered as it came.
    """

    path: Path
    provenance: Provenance
    timings: Timings
    files: tuple[Path, ...] = ()


Watch = Callable[[ServiceAccessInformation, Subject], Observer | None]
"""Makes what watches the use of a model, if the session asks for that."""
Asking = asyncio.Task[ServiceAccessInformation | None]


class ModelAccess:
    """Opens and fetches models over one transport. Keep it for as long as the app runs.

    `connect` opens transports for what comes after the start, in other event loops; without it,
    `fetcher` must work in any.
    """

    def __init__(
        self,
        fetcher: Fetcher,
        options: AccessOptions = DEFAULT_OPTIONS,
        *,
        clock: Clock = SYSTEM_CLOCK,
        sai_cache: SaiCache | None = None,
        watch: Watch | None = None,
        connect: Connect | None = None,
    ) -> None:
        self._options = options
        self._clock = clock
        self._sai_cache = sai_cache if sai_cache is not None else SaiCache()
        self._access = self._over(fetcher)
        self._watch = watch if options.reporting else None
        self._connect = connect or (lambda: nullcontext(fetcher))

    async def open(self, entry: Entry) -> RunnableModel:
        """Fetch, decode and load; decoding overlaps fetching. Raises ClientError."""
        early = self._options.refine is not Refine.OFF
        start = await self._access.start(entry, early=early)
        asking = asyncio.create_task(self._asks(start.place))
        try:
            return await self._open(entry, start, asking)
        finally:
            asking.cancel()

    async def _open(self, entry: Entry, start: Start, asking: Asking) -> RunnableModel:
        held = HeldSegments()
        start, arrived, note = await arrive(self._access, start, NOTHING_KNOWN, held)
        client_id = self._options.client_id or uuid4().hex
        running = running_of(start, arrived, Way.START, client_id, note=note)
        observer = await self._observer(running, asking)
        upkeep = Upkeep(entry, start, held, client_id, self._connect, self._over)
        model = RunnableModel(running, upkeep, running.steps[0].timings, observer)
        keep_current(model, self._options)
        return model

    async def fetch(self, entry: Entry, into: Path) -> FetchedModel:
        """Keep the manifest and the chosen variant of the chosen subsets in a folder.

        What is there already is not fetched again. Of a model that is delivered as the provider's
        own file, the folder has that file instead of segments. Raises ClientError.
        """
        start = await self._access.start(entry, files=True)
        folder = ModelFolder(into, start.accessed.manifest)
        layers = (layer for selection in start.selections for layer in selection.layers)
        arrival = self._access.arrival(start)
        meter = await arrival.bring(layers, start.watch, _nothing_more, folder)
        files = [
            await asyncio.to_thread(write_file, await arrival.layer(one.chosen), folder, into)
            for one in start.selections
            if one.chosen.container is not None
        ]
        path = await asyncio.to_thread(
            folder.put_manifest, start.accessed.document, start.trust.evidence
        )
        provenance = Provenance(
            start.accessed.manifest,
            start.selections,
            meter.network_bytes,
            meter.cache_bytes,
            start.trust,
        )
        return FetchedModel(path, provenance, start.watch.timings(), tuple(files))

    def _over(self, fetcher: Fetcher) -> Access:
        return Access(fetcher, self._options, self._clock, self._sai_cache)

    async def _asks(self, place: ModelPlace | None) -> ServiceAccessInformation | None:
        """What the session of the model asks of its UEs, if that can be had and matters."""
        if place is None or self._watch is None:
            return None
        try:
            return await self._access.handler.service_access_information(
                place.m5_url, place.session
            )
        except ClientError:
            return None  # the model is here; not to report on it harms nobody who uses it

    async def _observer(self, running: Running, asking: Asking) -> Observer | None:
        """What watches the model; an AF that is slow to answer is not waited for."""
        await asyncio.wait([asking], timeout=ASKING_PATIENCE_S)
        if not asking.done():
            return None
        information = asking.result()
        if information is None or self._watch is None or running.subject is None:
            return None
        return self._watch(information, running.subject)


async def _nothing_more(part: SegmentRef, data: Data) -> None:
    """Keeping a part is all that `fetch` does with it."""
