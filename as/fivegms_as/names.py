"""Which content paths and ids are taken: decided once, before anything touches a disk.

A path is kept exactly as it came, case included; what a file system or a browser would read as
another path (`..`, empty parts, backslashes, control characters) is refused, never cleaned.
"""

import re

from fivegms_as.errors import InvalidPath, InvalidSessionId

MAX_PATH_BYTES = 1024
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f\\]")


def content_path(path: str) -> str:
    """The decoded path itself, when it can be a content path. Raises InvalidPath."""
    if not path:
        raise InvalidPath("a content path needs at least one character")
    if _size(path) > MAX_PATH_BYTES:
        raise InvalidPath(f"a content path may have {MAX_PATH_BYTES} UTF-8 bytes at most")
    if _FORBIDDEN.search(path):
        raise InvalidPath("a content path has no control characters and no backslash")
    if any(part in ("", ".", "..") for part in path.split("/")):
        raise InvalidPath("a content path has no empty, '.' or '..' parts")
    return path


def resource_id(identifier: str) -> str:
    """The id itself, when it can name a file everywhere. Raises InvalidSessionId."""
    if not _ID.fullmatch(identifier):
        raise InvalidSessionId(
            "an id has 1 to 128 letters, digits, '.', '_' or '-', and starts with a letter or digit"
        )
    return identifier


def _size(path: str) -> int:
    try:
        return len(path.encode())
    except UnicodeEncodeError:
        raise InvalidPath("a content path is UTF-8") from None
