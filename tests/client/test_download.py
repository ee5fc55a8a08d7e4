"""A download that is stopped: what is being written is finished, and nothing is said twice."""

import asyncio
import gc
import threading
from hashlib import sha256
from typing import Any

import pytest

from fivegms_client.download import Data, Sources, download
from fivegms_client.errors import CacheUnusable, SegmentMissing
from fivegms_client.progress import ProgressMeter
from fivegms_client.transfer import Transfer
from fivegms_manifests.model import SegmentRef
from support.memory_server import MemoryServer

DATA = b"segment"
PART = SegmentRef("s", sha256(DATA).hexdigest(), len(DATA))


class SlowFullStore:
    """Has nothing, takes its time, and then has no room."""

    def __init__(self) -> None:
        self.started, self.go_on = threading.Event(), threading.Event()

    def get(self, part: SegmentRef) -> bytes | None:
        return None

    def put(self, part: SegmentRef, data: Data) -> None:
        self.started.set()
        self.go_on.wait()
        raise CacheUnusable("full")


async def test_a_store_that_fails_while_the_download_is_stopped_is_not_heard() -> None:
    unheard: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: unheard.append(context))
    store = SlowFullStore()
    server = MemoryServer({"http://as/s": DATA})
    sources = Sources(
        lambda part: ("http://as/s",), lambda part: SegmentMissing([part.url]), keep_in=(store,)
    )

    async def consume(part: SegmentRef, data: Data) -> None:
        raise AssertionError("it was never kept")

    meter = ProgressMeter(len(DATA), None)
    work = asyncio.ensure_future(
        download([PART], sources, Transfer(server), meter, consume, parallel=1)
    )
    await asyncio.to_thread(store.started.wait)
    work.cancel()
    await asyncio.sleep(0)
    store.go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await work
    del work
    gc.collect()
    assert unheard == []
