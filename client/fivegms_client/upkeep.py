"""Keeps an open model current: its next layer, its next version (TR 26.927 5.2.1, 6.5.4).

Each step opens a transport of its own, finds out what is missing, brings that here and gives back
what runs next; what runs now is not touched, so a step that fails has changed nothing. Nothing that
is on this device is fetched again: lower layers come from the cache or from memory, and what a
delta leaves out is taken over from the tensors that run.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any

from fivegms_client.accounts import running_of
from fivegms_client.arrival import Arrival, Arrived, Target
from fivegms_client.decoding import Tensors
from fivegms_client.entry import Entry, TaskEntry
from fivegms_client.errors import ManifestRefused, ModelClosed, ModelDamaged, SegmentFailed
from fivegms_client.fetching import Fetcher
from fivegms_client.held import HeldSegments
from fivegms_client.loaded import LoadedSubset, Running, Way
from fivegms_client.refinement import Refine, goal_of, next_layers
from fivegms_client.selection import Selection
from fivegms_client.start import Access, Known, Start
from fivegms_client.timings import Stopwatch
from fivegms_client.worker_loop import Stop, run_in_worker
from fivegms_manifests.model import Variant

Connect = Callable[[], AbstractAsyncContextManager[Fetcher]]
Renew = Callable[[Fetcher], Access]


class Upkeep:
    """The upkeep of one model; see `runnable.Upkeep`. One step at a time, from any thread."""

    def __init__(
        self,
        entry: Entry,
        start: Start,
        held: HeldSegments,
        client_id: str,
        connect: Connect,
        renew: Renew,
    ) -> None:
        self._entry = entry
        self._start = start
        self._held = held
        self._client_id = client_id
        self._connect = connect
        self._renew = renew
        self._stop = Stop()

    def refined(self, running: Running) -> Running | None:
        """See `runnable.Upkeep`."""
        return self._run(lambda: self._refined(running))

    def updated(self, running: Running) -> Running | None:
        """See `runnable.Upkeep`."""
        return self._run(lambda: self._updated(running))

    def stop(self) -> None:
        """See `runnable.Upkeep`."""
        self._stop.request()
        self._held.clear()

    def _run(self, work: Callable[[], Coroutine[Any, Any, Running | None]]) -> Running | None:
        try:
            return run_in_worker(work, self._stop)
        except asyncio.CancelledError:
            raise ModelClosed("the model was closed while its next step arrived") from None

    async def _refined(self, running: Running) -> Running | None:
        async with self._connect() as fetcher:
            access = self._renew(fetcher)
            start = replace(self._start, watch=Stopwatch(access.clock.now))
            targets = _next_targets(access, start, running)
            lacking = [
                target
                for target, subset in zip(targets, running.subsets, strict=True)
                if target.variant != subset.variant
            ]
            if not lacking:
                return None
            stores = () if _kept(access, start) else (self._held,)
            arrived = await access.arrival(start).load(lacking, start.watch, *stores)
            await _remember(access, start, arrived)
        if _at_the_goal(access, start, targets):
            self._held.clear()
        arrived = replace(arrived, subsets=_replaced(running.subsets, arrived.subsets))
        return running_of(start, arrived, Way.LAYER, self._client_id, before=running.steps)

    async def _updated(self, running: Running) -> Running | None:
        known, held = Known(_bases(running)), HeldSegments()
        async with self._connect() as fetcher:
            access = self._renew(fetcher)
            start = await access.start(_same_model(self._entry, running), known)
            if not _differs(start, running):
                return None
            start, arrived, note = await arrive(access, start, known, held)
        self._held = held
        self._start = start
        delta = any(selection.chosen.delta is not None for selection in start.selections)
        way = Way.DELTA if delta else Way.WHOLE
        return running_of(start, arrived, way, self._client_id, before=running.steps, note=note)


async def arrive(
    access: Access, start: Start, known: Known, held: HeldSegments
) -> tuple[Start, Arrived, str | None]:
    """Bring what was chosen here; whole variants where a delta cannot be had.

    What layers that follow later need stays `held`. Gives the start with what was chosen in the
    end, and a note where that was not the first choice. Raises ClientError.
    """
    arrival = access.arrival(start)  # one for both attempts: it counts what both take
    try:
        return start, await _load(access, arrival, start, known, held), None
    except (ModelDamaged, SegmentFailed) as failure:
        deltas = {one.chosen.id for one in start.selections if one.chosen.delta is not None}
        if not deltas:
            raise
        cause = f"it failed here: {failure}"
        failed = {**known.failed, **dict.fromkeys(deltas, cause)}
    start = await access.chosen(start, replace(known, failed=failed))
    note = f"{', '.join(sorted(deltas))} could not be applied ({cause})"
    return start, await _load(access, arrival, start, known, held), note


async def _load(
    access: Access, arrival: Arrival, start: Start, known: Known, held: HeldSegments
) -> Arrived:
    targets = [await _target(access, one, known) for one in start.selections]
    stores = _stores(access, start, targets, held)
    arrived = await arrival.load(targets, start.watch, *stores)
    await _remember(access, start, arrived)
    return arrived


async def _remember(access: Access, start: Start, arrived: Arrived) -> None:
    """What the cache can make again, for deltas to come."""
    if access.kept is not None and start.accessed.folder is None:
        digests = [one.variant.weights_sha256 for one in arrived.subsets]
        known = [digest for digest in digests if digest is not None]
        await asyncio.to_thread(access.kept.keep, known, start.accessed.document)


async def _target(access: Access, selection: Selection, known: Known) -> Target:
    delta = selection.chosen.delta
    base = None if delta is None else await access.base(delta.base_sha256, known)
    return Target(selection, selection.first, base)


def _stores(
    access: Access, start: Start, targets: Sequence[Target], held: HeldSegments
) -> tuple[HeldSegments, ...]:
    """Where segments stay for the layers that follow; nowhere, if none do or they stay anyway."""
    follow = access.options.refine is not Refine.OFF and not _at_the_goal(access, start, targets)
    return (held,) if follow and not _kept(access, start) else ()


def _kept(access: Access, start: Start) -> bool:
    """Whether segments stay on this device in any case."""
    return access.options.cache_folder is not None or start.accessed.folder is not None


def _next_targets(access: Access, start: Start, running: Running) -> list[Target]:
    return [
        Target(selection, next_layers(selection, subset.variant, _goal(access, start, selection)))
        for selection, subset in zip(start.selections, running.subsets, strict=True)
    ]


def _at_the_goal(access: Access, start: Start, targets: Sequence[Target]) -> bool:
    return all(target.variant == _goal(access, start, target.selection) for target in targets)


def _goal(access: Access, start: Start, selection: Selection) -> Variant:
    return goal_of(
        selection,
        start.device,
        lambda variant: access.absence(start, variant),
        pinned=access.options.preferences.variant is not None,
    )


def _replaced(
    before: Sequence[LoadedSubset], arrived: Sequence[LoadedSubset]
) -> tuple[LoadedSubset, ...]:
    newer = {subset.subset.id: subset for subset in arrived}
    return tuple(newer.get(subset.subset.id, subset) for subset in before)


def _bases(running: Running) -> dict[str, Tensors]:
    """What runs, by the digests of its weights; a delta may be applied to it."""
    return {
        subset.variant.weights_sha256: subset.tensors
        for subset in running.subsets
        if subset.variant.weights_sha256 is not None
    }


def _same_model(entry: Entry, running: Running) -> Entry:
    """The entry, without other models of the same task."""
    if isinstance(entry, TaskEntry):
        return replace(entry, name=running.manifest.model.name)
    return entry


def _differs(start: Start, running: Running) -> bool:
    """Whether the manifest is of something else than what runs. Raises ManifestRefused."""
    found, known = start.accessed.manifest.model, running.manifest.model
    if found.name != known.name:
        raise ManifestRefused(
            f"{start.accessed.url or start.accessed.path} has model {found.name} now, "
            f"and {known.name} runs; load that one anew"
        )
    if found.version != known.version:
        return True
    offered = {
        (variant.id, variant.sha256)
        for subset in start.accessed.manifest.subsets
        for variant in subset.variants
    }
    return any((one.variant.id, one.variant.sha256) not in offered for one in running.subsets)
