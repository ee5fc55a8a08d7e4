"""Where files go that cannot be understood: out of the way, not away.

A disk that was damaged, or changed by hand, must not keep a server from starting. What cannot be
read is moved here, logged and counted; what it stood for is sent again by the AF, or uploaded
again.
"""

from pathlib import Path

import structlog

_log = structlog.get_logger("fivegms_as")


class Quarantine:
    """A folder of files set aside, made when the first one comes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.count = 0

    def set_aside(self, file: Path, reason: str) -> None:
        """Move a file here, under a name of its own; it is gone from where it was."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        target = self._folder / f"{file.parent.name}-{file.name}"
        number = 0
        while target.exists():
            number += 1
            target = self._folder / f"{file.parent.name}-{file.name}.{number}"
        file.rename(target)
        self.count += 1
        _log.error("set aside", file=str(target), reason=reason)
