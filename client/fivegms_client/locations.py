"""Where the parts of a model lie: a pure rule over the manifest's own address and its BaseURLs.

That a manifest points at nothing but http(s) and plain relative paths, `fivegms_manifests.urls` has
checked when it was read; so nothing here can leave a folder or name another protocol.
"""

from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

from fivegms_manifests.model import ModelManifest, SegmentRef


def segment_urls(
    manifest: ModelManifest, manifest_url: str | None, part: SegmentRef
) -> tuple[str, ...]:
    """Where `part` may be fetched over the network, in the order to try (ISO/IEC 23009-1 5.6).

    `manifest_url` is None for a manifest in a folder; then only absolute addresses count.
    """
    own = manifest_url or ""
    bases = [urljoin(own, base) for base in manifest.base_urls] or [own]
    urls = [urljoin(base, part.url) for base in bases]
    return tuple(dict.fromkeys(url for url in urls if _is_absolute(url)))


def local_path(manifest: ModelManifest, folder: Path, part: SegmentRef) -> Path:
    """Where `part` lies in a folder that holds the model.

    A part with a relative address keeps it; one from elsewhere is filed by its digest.
    """
    if _is_absolute(part.url):
        return folder / "segments" / f"{part.sha256}.m4s"
    base = next((base for base in manifest.base_urls if not _is_absolute(base)), "")
    return folder / unquote(urljoin(base, part.url))


def _is_absolute(url: str) -> bool:
    return bool(urlsplit(url).scheme)
