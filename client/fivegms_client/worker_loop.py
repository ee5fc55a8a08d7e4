"""Run a coroutine to its end from ordinary code, also under a running event loop (Jupyter)."""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")


def run_in_worker(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """The result of `work()`, run in an event loop of its own on a thread of its own.

    An interruption of the caller (Ctrl-C) cancels the work and waits for its tidying up.
    """
    started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Task[T]]] = Future()
    result: Future[T] = Future()

    async def main() -> T:
        task = asyncio.ensure_future(work())
        started.set_result((asyncio.get_running_loop(), task))
        return await task

    def run() -> None:
        try:
            result.set_result(asyncio.run(main()))
        except BaseException as error:
            result.set_exception(error)

    thread = Thread(target=run, name="fivegms-client", daemon=True)
    thread.start()
    try:
        return result.result()
    except KeyboardInterrupt:
        loop, task = started.result()
        loop.call_soon_threadsafe(task.cancel)
        raise
    finally:
        thread.join()
