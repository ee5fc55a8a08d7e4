"""Reports as a file of any length: pages go out as they are read, and memory holds one of them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import TypeVar

import structlog
from aiohttp import hdrs, web

from fivegms_af.errors import ApplicationFunctionError
from fivegms_af.reports.formats import Cell, TableWriter
from fivegms_af.reports.paging import Position
from fivegms_af.store.report_store import Page

log = structlog.get_logger()

Record = TypeVar("Record")


async def pages(
    read: Callable[[Position | None], Awaitable[Page[Record]]],
    cells: Callable[[Record], Sequence[Cell]],
) -> AsyncIterator[list[Sequence[Cell]]]:
    """The rows of every page in turn."""
    after: Position | None = None
    while True:
        page = await read(after)
        yield [cells(record) for record in page.records]
        if page.end is None:
            return
        after = page.end


async def export(
    request: web.Request,
    media_type: str,
    name: str,
    writer: TableWriter,
    rows: AsyncIterator[list[Sequence[Cell]]],
) -> web.StreamResponse:
    """200 with the file; a connection that ends before the file does tells of a failure."""
    response = web.StreamResponse(
        headers={
            hdrs.CONTENT_TYPE: media_type,
            hdrs.CONTENT_DISPOSITION: f'attachment; filename="{name}"',
            hdrs.CACHE_CONTROL: "no-store",
        }
    )
    first = await anext(rows)  # what fails so far can still be answered
    await response.prepare(request)
    if request.method == hdrs.METH_HEAD:
        return response
    try:
        await response.write(await asyncio.to_thread(writer.rows, first))
        async for page in rows:
            await response.write(await asyncio.to_thread(writer.rows, page))
        await response.write(await asyncio.to_thread(writer.end))
    except ApplicationFunctionError as error:
        log.warning("an export was broken off", reason=str(error))
        if request.transport is not None:
            request.transport.abort()
        raise ConnectionResetError("an export was broken off") from error
    await response.write_eof()
    return response
