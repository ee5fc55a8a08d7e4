"""Parts of files on their way to a client: by sendfile(2), or copied through threads."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import structlog
from aiohttp import web

from fivegms_as.ranges import ByteRange

_COPY_BYTES = 256 * 1024
# By turns, as nginx does: else one reader fills the kernel's buffers while others wait.
_SENDFILE_BYTES = 2 * 1024 * 1024

_log = structlog.get_logger("fivegms_as.delivery")


@contextmanager
def broken_off(request: web.Request) -> Iterator[None]:
    """End the connection when a body that has begun cannot go on: there is no other answer."""
    try:
        yield
    except OSError as error:
        if not isinstance(error, ConnectionError):
            _log.exception("content cannot be read", path=request.path)
        if request.transport is not None:
            request.transport.abort()


async def send_part(request: web.Request, file: BinaryIO, part: ByteRange) -> None:
    """Hand a part of a file to the kernel (asyncio copies what is no file, and into TLS)."""
    loop = asyncio.get_running_loop()
    for first in range(part.first, part.last + 1, _SENDFILE_BYTES):
        transport = request.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the client went away")
        size_bytes = min(_SENDFILE_BYTES, part.last + 1 - first)
        if await loop.sendfile(transport, file, first, size_bytes) != size_bytes:
            raise OSError("the file ends early")


async def copy_part(response: web.StreamResponse, file: BinaryIO, part: ByteRange) -> None:
    """Read a part of a file on threads and write it behind what was written before."""
    file.seek(part.first)
    rest = part.size_bytes
    while rest:
        block = await asyncio.to_thread(file.read, min(rest, _COPY_BYTES))
        if not block:
            raise OSError("the file ends early")
        await response.write(block)
        rest -= len(block)
