"""Serves the console's files from memory, under a policy that lets a page load nothing else.

The page holds no data: it asks M1 and the operator's API, at the same origin, as whoever signs in.
"""

from collections.abc import Iterator
from functools import partial
from http import HTTPStatus
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import PurePosixPath

from aiohttp import hdrs, web

from fivegms_af.conditional import Representation
from fivegms_af.exchange import show

CONSOLE_PATH = "/console/"
INDEX = "index.html"
MAX_AGE_S = 0  # a newer AF brings a newer page

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; object-src 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}

_MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


def add_console(app: web.Application) -> None:
    """Serve the page below `/console/`, to which `/` leads."""
    for name, content in _files(files(__package__) / "page"):
        page = Representation(content, _MEDIA_TYPES[PurePosixPath(name).suffix])
        path = CONSOLE_PATH if name == INDEX else CONSOLE_PATH + name
        app.router.add_get(path, partial(_serve, page))
    for path in ("/", CONSOLE_PATH.rstrip("/")):
        app.router.add_get(path, _redirect)


def _files(folder: Traversable, parent: str = "") -> Iterator[tuple[str, bytes]]:
    """Every file below `folder`: its relative path and content."""
    for entry in sorted(folder.iterdir(), key=lambda one: one.name):
        if entry.is_dir():
            yield from _files(entry, f"{parent}{entry.name}/")
        else:
            yield parent + entry.name, entry.read_bytes()


async def _serve(page: Representation, request: web.Request) -> web.Response:
    response = show(request, page, MAX_AGE_S)
    response.headers.update(SECURITY_HEADERS)
    return response


async def _redirect(_request: web.Request) -> web.Response:
    return web.Response(status=HTTPStatus.TEMPORARY_REDIRECT, headers={hdrs.LOCATION: CONSOLE_PATH})
