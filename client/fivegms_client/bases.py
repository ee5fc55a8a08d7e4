"""What a device has run before and still has in its cache: what a delta may be applied to.

Beside the segments of a cache lie the manifests that led to weights, named by the weights' digest:
`bases/<sha256>.mpd`. A delta names that digest, so whether its base is here is one look. A base may
itself be a delta on another one. Nothing here is trusted: a delta knows the numbers that it was
made against, and what it leads to is held against the manifest's digest.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from fivegms_client.cache import SegmentCache, drop, write_atomically
from fivegms_client.layers import layers_of, missing_bytes
from fivegms_manifests.errors import ManifestError
from fivegms_manifests.model import MAX_DELTA_CHAIN, ModelManifest, Variant
from fivegms_manifests.model_mpd import read_model_mpd

MAX_KEPT = 32
"""How many manifests are kept; the oldest go first."""


@dataclass(frozen=True, slots=True)
class Base:
    """Weights that the cache has: the layers to decode, and what they are applied to, if any."""

    manifest: ModelManifest
    document: bytes
    layers: tuple[Variant, ...]
    below: "Base | None" = None


class KeptBases:
    """The bases of a cache."""

    def __init__(self, cache_folder: Path, cache: SegmentCache) -> None:
        self._folder = cache_folder / "bases"
        self._cache = cache

    def keep(self, digests: Iterable[str], document: bytes) -> None:
        """Remember that `document` leads to weights of these digests. Raises CacheUnusable."""
        for digest in digests:
            write_atomically(self._path(digest), document)
        for path in sorted(self._folder.glob("*.mpd"), key=_written_at)[:-MAX_KEPT]:
            drop(path)

    def find(self, digest: str, chain: int = MAX_DELTA_CHAIN) -> Base | None:
        """Weights of that digest, if all that makes them is in the cache and not encrypted."""
        try:
            document = self._path(digest).read_bytes()
            manifest = read_model_mpd(document)
        except (OSError, ManifestError):  # not here, or of no use: a whole variant is fetched
            return None
        found = (
            self._base(variant, subset.variants, manifest, document, chain)
            for subset in manifest.subsets
            for variant in subset.variants
            if variant.weights_sha256 == digest
        )
        return next((base for base in found if base is not None), None)

    def _base(
        self,
        variant: Variant,
        variants: tuple[Variant, ...],
        manifest: ModelManifest,
        document: bytes,
        chain: int,
    ) -> Base | None:
        layers = layers_of(variant, variants)
        if missing_bytes(layers, self._cache.has) or any(layer.encryption for layer in layers):
            return None
        if variant.delta is None:
            return Base(manifest, document, layers)
        below = self.find(variant.delta.base_sha256, chain - 1) if chain else None
        return None if below is None else Base(manifest, document, layers, below)

    def _path(self, digest: str) -> Path:
        return self._folder / f"{digest}.mpd"


def _written_at(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:  # another process dropped it meanwhile
        return 0
