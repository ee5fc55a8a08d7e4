"""What a file is: a model, a model MPD, or a segment, read into a value that can be shown.

`inspect_bytes` tells them apart by content, never by name, and uses the same bounded readers as
the AS and the UE do.
"""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp

from fivegms_codecs.units import TensorUnit, TopologyUnit, read_unit
from fivegms_manifests.model import ModelManifest
from fivegms_manifests.model_mpd import read_model_mpd
from fivegms_manifests.segments import read_initialization_segment, read_media_segment
from fivegms_testbed.errors import BadFile
from fivegms_testbed.model_inspection import InspectedModel, inspect_model

MAX_FETCH_BYTES = 128 * 2**20
MAX_FILE_BYTES = 2**31
"""No ONNX file can be larger: protobuf's limit."""
_SEGMENT_TYPES = frozenset({b"ftyp", b"styp", b"moof", b"moov", b"sidx", b"prft"})
_TIMEOUT = aiohttp.ClientTimeout(total=60, connect=10)


class InspectionFailed(BadFile):
    """The file or URL cannot be had, or is too large to look at."""


class InspectionUnanswered(InspectionFailed):
    """No HTTP answer came from the URL, or it broke off."""


class InspectionRefused(InspectionFailed):
    """The URL was answered with an error."""


@dataclass(frozen=True, slots=True)
class InspectedVariant:
    """What a variant adds up to: the figures that the manifest's segments imply."""

    subset: str
    id: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class InspectedManifest:
    """A model MPD."""

    kind: str
    size_bytes: int
    manifest: ModelManifest
    variants: tuple[InspectedVariant, ...]


@dataclass(frozen=True, slots=True)
class InspectedUnit:
    """One sample of a segment: the topology, or a tensor and how it is coded."""

    what: str
    name: str
    dtype: str
    stored: str
    shape: tuple[int, ...]
    codec: str
    coded_bytes: int
    decoded_bytes: int


@dataclass(frozen=True, slots=True)
class InspectedSegment:
    """An initialization or a media segment. Numbers are those of a media segment only."""

    kind: str
    size_bytes: int
    payload_urn: str | None
    sequence_number: int | None
    base_decode_time: int | None
    units: tuple[InspectedUnit, ...]


Inspected = InspectedModel | InspectedManifest | InspectedSegment


def read_location(location: str) -> bytes:
    """The bytes of a file or an http(s) URL. Raises InspectionFailed."""
    if urlsplit(location).scheme in ("http", "https"):
        return asyncio.run(fetch_bytes(location))
    path = Path(location)
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise InspectionFailed(f"{path} is larger than {MAX_FILE_BYTES:,} bytes")
        return path.read_bytes()
    except OSError as error:
        raise InspectionFailed(f"{path} cannot be read: {error.strerror}") from error


async def fetch_bytes(url: str) -> bytes:
    """The body of a GET, bounded. Raises InspectionFailed."""
    data = bytearray()
    try:
        async with aiohttp.ClientSession(timeout=_TIMEOUT) as http, http.get(url) as answer:
            if not answer.ok:
                raise InspectionRefused(f"{url} was answered {answer.status} {answer.reason}")
            async for chunk in answer.content.iter_chunked(2**16):
                data += chunk
                if len(data) > MAX_FETCH_BYTES:
                    raise InspectionFailed(f"{url} is larger than {MAX_FETCH_BYTES:,} bytes")
    except aiohttp.InvalidURL as error:
        raise InspectionFailed(f"{url} is not an address that can be fetched") from error
    except (aiohttp.ClientError, TimeoutError) as error:
        raise InspectionUnanswered(f"{url} does not answer: {error}") from error
    return bytes(data)


def inspect_bytes(data: bytes, folder: Path | None, *, measure: bool = False) -> Inspected:
    """What `data` is. The external data of a model, if any, lies below `folder`; None: it has none.

    With `measure`, a model is run as well. Raises ManifestError, CodecError or ModelRefused,
    whichever kind of file it began as, and NotMeasurable.
    """
    if data.lstrip()[:1] == b"<":
        return _manifest(data)
    if data[4:8] in _SEGMENT_TYPES:
        return _segment(data)
    return inspect_model(data, folder, measure=measure)


def _manifest(data: bytes) -> InspectedManifest:
    manifest = read_model_mpd(data)
    variants = (
        InspectedVariant(subset.name, variant.id, variant.size_bytes, variant.sha256)
        for subset in manifest.subsets
        for variant in subset.variants
    )
    return InspectedManifest("manifest", len(data), manifest, tuple(variants))


def _segment(data: bytes) -> InspectedSegment:
    if data[4:8] == b"ftyp":
        start = read_initialization_segment(data)
        return InspectedSegment("segment", len(data), start.payload_urn, None, None, ())
    media = read_media_segment(data)
    units = tuple(_unit(sample) for sample in media.samples)
    return InspectedSegment(
        "segment", len(data), None, media.sequence_number, media.base_decode_time, units
    )


def _unit(sample: memoryview) -> InspectedUnit:
    unit = read_unit(sample)
    match unit:
        case TopologyUnit():
            size = len(unit.graph)
            return InspectedUnit("topology", "", "", "", (), "zstd", len(sample), size)
        case TensorUnit():
            return InspectedUnit(
                "tensor",
                unit.name,
                unit.dtype.name.lower(),
                unit.stored.name.lower(),
                unit.shape,
                unit.codec.value,
                len(sample),
                unit.size_bytes,
            )
