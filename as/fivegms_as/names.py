"""Which content paths and ids are taken: decided once, before anything touches a disk.

A path is kept exactly as it came, case included; what a file system or a browser would read as
another path (`..`, empty parts, backslashes, control characters) is refused, never cleaned.
"""

import re

from fivegms_api.common_data import path_fault
from fivegms_as.errors import InvalidPath, InvalidSessionId

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


def content_path(path: str) -> str:
    """The decoded path itself, when it can be a content path. Raises InvalidPath."""
    if fault := path_fault(path):
        raise InvalidPath(f"a content path {fault}")
    return path


def resource_id(identifier: str) -> str:
    """The id itself, when it can name a file everywhere. Raises InvalidSessionId."""
    if not _ID.fullmatch(identifier):
        raise InvalidSessionId(
            "an id has 1 to 128 letters, digits, '.', '_' or '-', and starts with a letter or digit"
        )
    return identifier
