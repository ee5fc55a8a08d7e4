"""Run a coroutine to its end from ordinary code, also under a running event loop (Jupyter)."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from threading import Event, Thread
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Stop:
    """Ends work from another thread: what runs, and whatever is begun later."""

    def __init__(self) -> None:
        self._called = Event()
        self._cancel: Callable[[], None] | None = None

    def request(self) -> None:
        """End what runs, and what begins later; never waits."""
        self._called.set()
        cancel = self._cancel
        if cancel is not None:
            cancel()

    @contextmanager
    def heard_by(self, cancel: Callable[[], None]) -> Iterator[None]:
        """What runs inside is ended by `cancel`; nothing of it is kept afterwards."""
        self._cancel = cancel
        if self._called.is_set():
            cancel()
        try:
            yield
        finally:
            self._cancel = None


def run_in_worker(work: Callable[[], Coroutine[Any, Any, T]], stop: Stop | None = None) -> T:
    """The result of `work()`, run in an event loop of its own on a thread of its own.

    An interruption of the caller (Ctrl-C) cancels the work and waits for its tidying up. So does
    `stop`, which makes it raise asyncio.CancelledError.
    """
    worker = _Worker(work)
    if stop is None:
        return _result(worker)
    with stop.heard_by(worker.cancel):
        return _result(worker)


def _result(worker: "_Worker[T]") -> T:
    thread = Thread(target=worker.run, name="fivegms-client", daemon=True)
    try:
        thread.start()
        return worker.result.result()
    except KeyboardInterrupt:
        worker.cancel()
        raise
    finally:
        if thread.is_alive():
            thread.join()


class _Worker(Generic[T]):
    """The work, its loop once there is one, and its result."""

    def __init__(self, work: Callable[[], Coroutine[Any, Any, T]]) -> None:
        self.result: Future[T] = Future()
        self._work = work
        self._cancelled = Event()
        self._running: tuple[asyncio.AbstractEventLoop, asyncio.Task[T]] | None = None

    def run(self) -> None:
        try:
            self.result.set_result(asyncio.run(self._main()))
        except BaseException as error:
            self.result.set_exception(error)

    async def _main(self) -> T:
        task = asyncio.ensure_future(self._work())
        self._running = asyncio.get_running_loop(), task
        if self._cancelled.is_set():  # asked for before there was a loop to ask
            task.cancel()
        return await task

    def cancel(self) -> None:
        self._cancelled.set()
        if self._running is not None:
            loop, task = self._running
            with suppress(RuntimeError):  # the loop closed meanwhile: the work is over
                loop.call_soon_threadsafe(task.cancel)
