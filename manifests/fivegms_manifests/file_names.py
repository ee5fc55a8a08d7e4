"""Names that somebody else chose for files that are stored here: one part of a path, no more."""

import re

from fivegms_manifests.errors import FileNameUnsafe

_NAME = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff/\\:]{1,255}")
_MAX_BYTES = 255
"""What file systems take."""


def check_file_name(name: str) -> str:
    """Return `name` when a file of that name stays in its folder. Raises FileNameUnsafe.

    >>> check_file_name("model.mpd")
    'model.mpd'
    """
    fits = _NAME.fullmatch(name) and len(name.encode()) <= _MAX_BYTES
    if not fits or name in (".", ".."):
        raise FileNameUnsafe(f"{name[:100]!a} is no name of a file")
    return name
