"""A provider signs what it has looked at: the manifest, and every byte that its digests stand for.

A signature over a manifest alone would vouch for segments that nobody has seen. So each one is
fetched, or read, and held against its digest first.
"""

from dataclasses import dataclass

from fivegms_client.download import Data, Sources, download
from fivegms_client.entry import ManifestFile, ManifestUrl
from fivegms_client.fetching import Fetcher
from fivegms_client.layers import parts_of
from fivegms_client.manifest_access import AccessedManifest, access_manifest
from fivegms_client.progress import OnProgress, ProgressMeter
from fivegms_client.transfer import Transfer
from fivegms_manifests.model import SegmentRef

_PARALLEL = 4


@dataclass(frozen=True, slots=True)
class Examination:
    """A manifest, and how many of its segments with how many bytes were looked at."""

    accessed: AccessedManifest
    segments: int
    size_bytes: int


async def examine(
    where: ManifestFile | ManifestUrl,
    fetcher: Fetcher,
    *,
    segments: bool = True,
    on_progress: OnProgress | None = None,
) -> Examination:
    """Read a manifest and, unless `segments` is false, verify every segment of every variant.

    Raises a ClientError: NotFound, ManifestRefused, SegmentMissing, SegmentCorrupt, ...
    """
    transfer = Transfer(fetcher)
    accessed = await access_manifest(where, transfer)
    parts = _parts(accessed) if segments else ()
    meter = ProgressMeter(sum(part.size_bytes for part in parts), on_progress)
    own = () if accessed.folder is None else (accessed.folder,)
    sources = Sources(accessed.urls, accessed.failure, look_in=own)
    await download(parts, sources, transfer, meter, _look_at, parallel=_PARALLEL)
    return Examination(accessed, len(parts), sum(part.size_bytes for part in parts))


def _parts(accessed: AccessedManifest) -> tuple[SegmentRef, ...]:
    subsets = accessed.manifest.subsets
    return parts_of(variant for subset in subsets for variant in subset.variants)


async def _look_at(_part: SegmentRef, _data: Data) -> None:
    """That it arrived is all: stores and transfers hand on verified bytes only."""
