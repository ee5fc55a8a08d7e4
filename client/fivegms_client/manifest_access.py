"""The model MPD, from an AS or from a folder, with where its segments are.

Reading is `fivegms_manifests`' part; this shell fetches and turns its refusals into one of ours.
"""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from fivegms_client.entry import ManifestFile, ManifestUrl
from fivegms_client.errors import ManifestRefused, NotFound, SegmentFailed, SegmentMissing
from fivegms_client.locations import segment_urls
from fivegms_client.model_folder import MANIFEST_NAME, ModelFolder
from fivegms_client.transfer import Transfer
from fivegms_manifests.errors import ManifestError
from fivegms_manifests.model import ModelManifest, SegmentRef, Variant
from fivegms_manifests.model_mpd import read_model_mpd

MAX_MANIFEST_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class AccessedManifest:
    """A manifest, its bytes as they came, and its address: a URL, or a file with its folder."""

    manifest: ModelManifest
    document: bytes
    url: str | None = None
    folder: ModelFolder | None = None
    path: Path | None = None

    def urls(self, part: SegmentRef) -> tuple[str, ...]:
        """Where `part` may be fetched over the network, in the order to try."""
        return segment_urls(self.manifest, self.url, part)

    def absence(self, variant: Variant) -> str | None:
        """Why `variant` cannot be had at all, or None."""
        if self.folder is None:
            return None
        lacking = [part for part in self.folder.missing(variant) if not self.urls(part)]
        if not lacking:
            return None
        return f"{len(lacking)} of its {len(variant.segments) + 1} segments are not in the folder"

    def failure(self, part: SegmentRef) -> SegmentFailed:
        """The error for a part that is nowhere."""
        if self.folder is None:
            return SegmentMissing([part.url])
        return self.folder.failure(part)


async def access_manifest(
    where: ManifestFile | ManifestUrl, transfer: Transfer
) -> AccessedManifest:
    """Fetch, or read, and parse a model MPD.

    Raises NotFound, AccessRefused, ServerUnreachable and ManifestRefused.
    """
    if isinstance(where, ManifestFile):
        path = await asyncio.to_thread(_manifest_path, where.path)
        document = await asyncio.to_thread(_read, path)
        manifest = parse_manifest(document, str(path))
        folder = ModelFolder(path.parent, manifest)
        return AccessedManifest(manifest, document, folder=folder, path=path)
    answer = await transfer.document(where.url, limit_bytes=MAX_MANIFEST_BYTES)
    return AccessedManifest(parse_manifest(answer.body, answer.url), answer.body, url=answer.url)


def parse_manifest(document: bytes, name: str) -> ModelManifest:
    """Read a model MPD that came from `name`. Raises ManifestRefused."""
    try:
        return read_model_mpd(document)
    except ManifestError as error:
        raise ManifestRefused(f"{name} is not a model MPD that can be used: {error}") from error


def _manifest_path(path: Path) -> Path:
    return path / MANIFEST_NAME if path.is_dir() else path


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            document = file.read(MAX_MANIFEST_BYTES + 1)
    except OSError as error:
        raise NotFound(f"{path} cannot be read: {error.strerror}") from error
    if len(document) > MAX_MANIFEST_BYTES:
        raise ManifestRefused(f"{path} is larger than {MAX_MANIFEST_BYTES:,} bytes")
    return document
