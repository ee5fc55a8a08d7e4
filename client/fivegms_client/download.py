"""All parts of a model onto this device: in parallel, each byte once, handed on as they complete.

What is here already comes from a store. Memory holds at most twice `parallel` segments, whatever
the size of the model.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass

from fivegms_client.cache import SegmentStore
from fivegms_client.errors import SegmentFailed
from fivegms_client.progress import ProgressMeter
from fivegms_client.transfer import Transfer
from fivegms_manifests.model import SegmentRef

Data = bytes | bytearray


@dataclass(frozen=True, slots=True)
class Sources:
    """Where parts come from and where they are kept.

    `urls` gives a part's addresses; `failure` the error for a part that has none and is in no
    store. Stores of `look_in` are asked in order; those of `keep_in` get every part they lack.
    """

    urls: Callable[[SegmentRef], tuple[str, ...]]
    failure: Callable[[SegmentRef], SegmentFailed]
    look_in: Sequence[SegmentStore] = ()
    keep_in: Sequence[SegmentStore] = ()


async def download(
    parts: Iterable[SegmentRef],
    sources: Sources,
    transfer: Transfer,
    meter: ProgressMeter,
    consume: Callable[[SegmentRef, Data], Awaitable[None]],
    *,
    parallel: int,
) -> None:
    """Bring every part here and hand it to `consume`, in no fixed order; no digest comes twice.

    Raises the first failure of a part, after the others were stopped.
    """
    network = asyncio.Semaphore(parallel)
    memory = asyncio.Semaphore(2 * parallel)

    async def bring(part: SegmentRef) -> None:
        async with memory:
            data, holder = await _look(part, sources.look_in)
            if data is None:
                async with network:
                    data = await _fetch(part, sources, transfer, meter)
            else:
                meter.from_cache(len(data), transfer.now(), part.sha256)
            await _keep(part, data, [store for store in sources.keep_in if store is not holder])
            await consume(part, data)

    try:
        async with asyncio.TaskGroup() as group:
            for part in parts:
                group.create_task(bring(part))
    except BaseExceptionGroup as failures:
        raise _first(failures) from None


async def _look(
    part: SegmentRef, stores: Sequence[SegmentStore]
) -> tuple[Data | None, SegmentStore | None]:
    for store in stores:
        data = await asyncio.to_thread(store.get, part)
        if data is not None:
            return data, store
    return None, None


async def _fetch(
    part: SegmentRef, sources: Sources, transfer: Transfer, meter: ProgressMeter
) -> Data:
    urls = sources.urls(part)
    if not urls:
        raise sources.failure(part)
    return await transfer.segment(part, urls, meter)


async def _keep(part: SegmentRef, data: Data, stores: Sequence[SegmentStore]) -> None:
    """Put `part` into the stores; to the end, even when the download is stopped meanwhile."""
    for store in stores:
        writing = asyncio.ensure_future(asyncio.to_thread(store.put, part, data))
        try:
            await asyncio.shield(writing)
        except asyncio.CancelledError:
            await asyncio.gather(writing, return_exceptions=True)
            raise


def _first(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    first = failures.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
