"""What an app developer calls: open a model, or keep one in a folder.

model = fivegms_client.load("http://127.0.0.1:7778", task="object-detection")
for frame in model.run("clip.mp4"):
    print(frame.time_s, frame.detections)
"""

from functools import partial
from pathlib import Path

from fivegms_client.entry import parse_entry
from fivegms_client.http_fetcher import HttpFetcher
from fivegms_client.model_access import FetchedModel, ModelAccess
from fivegms_client.options import DEFAULT_OPTIONS, AccessOptions
from fivegms_client.report_sender import report_over_http
from fivegms_client.runnable import RunnableModel
from fivegms_client.worker_loop import run_in_worker


async def open_model(
    entry: str | Path,
    *,
    session: str | None = None,
    task: str | None = None,
    name: str | None = None,
    options: AccessOptions = DEFAULT_OPTIONS,
) -> RunnableModel:
    """Open the model that `entry` names (see `entry` for what that can be), ready to run.

    `session` or `task`, and `name`, complete an AF's M5 address. Raises ClientError.
    """
    parsed = parse_entry(entry, session=session, task=task, name=name)
    async with HttpFetcher() as fetcher:
        watch = partial(report_over_http, authorization=options.authorization)
        return await ModelAccess(fetcher, options, watch=watch, connect=HttpFetcher).open(parsed)


async def fetch_model(
    entry: str | Path,
    into: str | Path,
    *,
    session: str | None = None,
    task: str | None = None,
    name: str | None = None,
    options: AccessOptions = DEFAULT_OPTIONS,
) -> FetchedModel:
    """Keep the model that `entry` names in the folder `into`, to `load` without a network later.

    Raises ClientError.
    """
    parsed = parse_entry(entry, session=session, task=task, name=name)
    async with HttpFetcher() as fetcher:
        return await ModelAccess(fetcher, options).fetch(parsed, Path(into))


def load(
    entry: str | Path,
    *,
    session: str | None = None,
    task: str | None = None,
    name: str | None = None,
    options: AccessOptions = DEFAULT_OPTIONS,
) -> RunnableModel:
    """`open_model` for code without an event loop, and for notebooks."""
    return run_in_worker(
        lambda: open_model(entry, session=session, task=task, name=name, options=options)
    )


def fetch(
    entry: str | Path,
    into: str | Path,
    *,
    session: str | None = None,
    task: str | None = None,
    name: str | None = None,
    options: AccessOptions = DEFAULT_OPTIONS,
) -> FetchedModel:
    """`fetch_model` for code without an event loop, and for notebooks."""
    return run_in_worker(
        lambda: fetch_model(entry, into, session=session, task=task, name=name, options=options)
    )
