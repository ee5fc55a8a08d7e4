"""A folder that holds a model: its manifest, and its segments where the manifest says they are.

What `fetch` writes and `load` reads without a network. The folder keeps the layout of the AS, so it
can be copied to a device, or served by any web server, as it is.
"""

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

from fivegms_client.cache import read_verified, write_atomically
from fivegms_client.errors import CacheUnusable, SegmentCorrupt, SegmentFailed, SegmentMissing
from fivegms_client.locations import local_path
from fivegms_manifests.model import ModelManifest, SegmentRef, Variant

MANIFEST_NAME = "model.mpd"


class ModelFolder:
    """The segments of `manifest` below `folder`; a `SegmentStore`."""

    def __init__(self, folder: Path, manifest: ModelManifest) -> None:
        self._folder = folder
        self._manifest = manifest

    def get(self, part: SegmentRef) -> bytes | None:
        """The verified bytes, or None when the file is missing or damaged."""
        return read_verified(self.path(part), part)

    def put(self, part: SegmentRef, data: bytes | bytearray) -> None:
        """Write the file, under each name that the manifest has for it. Raises CacheUnusable."""
        for path in self._paths[part.sha256]:
            write_atomically(path, data)

    @cached_property
    def _paths(self) -> dict[str, set[Path]]:
        """All names of the same bytes; only who writes needs them."""
        return _paths_by_digest(self._manifest, self._folder)

    def put_manifest(self, document: bytes, evidence: Iterable[tuple[str, bytes]] = ()) -> Path:
        """Write the manifest, byte for byte; last, so that it names only what is there.

        `evidence` is what vouches for it, by the suffix of the file beside it.
        """
        path = self._folder / MANIFEST_NAME
        for suffix, data in evidence:
            write_atomically(path.with_name(path.name + suffix), data)
        write_atomically(path, document)
        return path

    def path(self, part: SegmentRef) -> Path:
        """Where the file of `part` is or would be."""
        return local_path(self._manifest, self._folder, part)

    def take(self, part: SegmentRef) -> bytes:
        """The verified bytes. Raises a SegmentFailed."""
        data = self.get(part)
        if data is None:
            raise self.failure(part)
        return data

    def remove(self, variant: Variant) -> None:
        """Remove the files of `variant`, and folders that are empty then. Raises CacheUnusable."""
        paths = {path for part in variant.parts() for path in self._paths[part.sha256]}
        try:
            for path in paths:
                path.unlink(missing_ok=True)
            for folder in {path.parent for path in paths} - {self._folder}:
                if not any(folder.iterdir()):
                    folder.rmdir()
        except OSError as error:
            raise CacheUnusable(
                f"{self._folder}: segments cannot be removed: {error.strerror}"
            ) from error

    def missing(self, variant: Variant) -> tuple[SegmentRef, ...]:
        """The parts of `variant` that have no file here."""
        return tuple(part for part in variant.parts() if not self.path(part).is_file())

    def failure(self, part: SegmentRef) -> SegmentFailed:
        """Why `get` gave nothing, for a folder that is the only source."""
        path = self.path(part)
        if path.is_file():
            return SegmentCorrupt(str(path), 1, "its size or SHA-256 is not the manifest's")
        return SegmentMissing([str(path)])


def _paths_by_digest(manifest: ModelManifest, folder: Path) -> dict[str, set[Path]]:
    paths: dict[str, set[Path]] = {}
    for subset in manifest.subsets:
        for variant in subset.variants:
            for part in variant.parts():
                paths.setdefault(part.sha256, set()).add(local_path(manifest, folder, part))
    return paths
