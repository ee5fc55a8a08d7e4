"""Small JSON documents, one per provisioning session, that survive a crash whole.

What M3 configured and how far preparation got are such documents; the content store has its own.
"""

from pathlib import Path
from typing import Protocol

from fivegms_as.files import is_temporary, remove_file, replace_file


class Documents(Protocol):
    """A folder of documents by name. Names are resource ids."""

    def load(self) -> dict[str, bytes]:
        """All of them."""

    def save(self, name: str, data: bytes) -> None:
        """Write one, durably and whole. Raises StoreFull; the old one then stays."""

    def remove(self, name: str) -> None:
        """Remove one, if it is there."""


class FolderDocuments:
    """Documents as files `NAME.json` in a folder, which is made if need be."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def load(self) -> dict[str, bytes]:
        """All of them; what a crash left in the middle of a write is removed."""
        for file in self._folder.iterdir():
            if is_temporary(file):
                file.unlink()
        return {file.stem: file.read_bytes() for file in sorted(self._folder.glob("*.json"))}

    def save(self, name: str, data: bytes) -> None:
        """Write one atomically. Raises StoreFull."""
        replace_file(self._folder / f"{name}.json", data)

    def remove(self, name: str) -> None:
        """Remove one, if it is there."""
        remove_file(self._folder / f"{name}.json")


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
