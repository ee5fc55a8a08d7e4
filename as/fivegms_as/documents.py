"""Small JSON documents, one per provisioning session, that survive a crash whole.

What M3 configured and how far preparation got are such documents; the content store has its own.
"""

from pathlib import Path
from typing import Protocol

from fivegms_as.files import is_temporary, remove_file, replace_file
from fivegms_as.quarantine import Quarantine


class Documents(Protocol):
    """A folder of documents by name. Names are resource ids."""

    def load(self) -> dict[str, bytes]:
        """All of them."""

    def save(self, name: str, data: bytes) -> None:
        """Write one, durably and whole. Raises StoreFull; the old one then stays."""

    def remove(self, name: str) -> None:
        """Remove one, if it is there."""

    def set_aside(self, name: str, reason: str) -> None:
        """Put one that cannot be understood out of the way."""


class FolderDocuments:
    """Documents as files `NAME.json` in a folder, which is made if need be.

    Only the server's user can read them: a configuration has a provider's passphrases in it.
    """

    def __init__(self, folder: Path, quarantine: Quarantine) -> None:
        self._folder = folder
        self._quarantine = quarantine
        folder.mkdir(parents=True, exist_ok=True)

    def load(self) -> dict[str, bytes]:
        """All of them; what a crash left in the middle of a write is removed."""
        for file in self._folder.iterdir():
            if is_temporary(file):
                file.unlink()
        return {file.stem: file.read_bytes() for file in sorted(self._folder.glob("*.json"))}

    def save(self, name: str, data: bytes) -> None:
        """Write one atomically. Raises StoreFull."""
        replace_file(self._folder / f"{name}.json", data, mode=0o600)

    def remove(self, name: str) -> None:
        """Remove one, if it is there."""
        remove_file(self._folder / f"{name}.json")

    def set_aside(self, name: str, reason: str) -> None:
        """Move one to quarantine."""
        self._quarantine.set_aside(self._folder / f"{name}.json", reason)


class MemoryDocuments:
    """Documents that are gone with the process."""

    def __init__(self) -> None:
        self._documents: dict[str, bytes] = {}

    def load(self) -> dict[str, bytes]:
        """All of them."""
        return dict(self._documents)

    def save(self, name: str, data: bytes) -> None:
        """Keep one."""
        self._documents[name] = data

    def remove(self, name: str) -> None:
        """Remove one, if it is there."""
        self._documents.pop(name, None)

    def set_aside(self, name: str, reason: str) -> None:
        """Remove one."""
        self.remove(name)
