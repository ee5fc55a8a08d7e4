"""A folder that `fivegms prepare` filled, and perhaps `fivegms sign` signed, to be published.

It is looked at before anything of it is sent: every segment that the manifest names is there and
has its digest, and a signature that lies beside the manifest is one of this manifest.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from pydantic import TypeAdapter, ValidationError

from fivegms_api.common_data import path_fault
from fivegms_api.model_paths import Name
from fivegms_manifests.model import ModelManifest, SegmentRef
from fivegms_manifests.model_mpd import read_model_mpd
from fivegms_manifests.release import (
    MAX_RELEASE_BYTES,
    RELEASE_SUFFIX,
    SIGNATURE_SUFFIX,
    read_release,
)
from fivegms_testbed.errors import BadFile

MANIFEST_SUFFIX = ".mpd"
_MAX_MANIFEST_BYTES = 8 * 1024 * 1024
_NAME: TypeAdapter[str] = TypeAdapter(Name)


class NotPrepared(BadFile):
    """A folder holds no model that was prepared, or one that cannot be hosted as it is."""


class FolderIncomplete(BadFile):
    """Files that a manifest names, or half of its signature, are not in its folder."""


class FolderDamaged(BadFile):
    """A segment is not what its manifest says."""


class SignatureOutdated(BadFile):
    """What lies beside a manifest signs another one."""


@dataclass(frozen=True, slots=True)
class PreparedFolder:
    """A model in a folder, verified. `files` are paths below it and files, the manifest last."""

    manifest: ModelManifest
    manifest_name: str
    files: tuple[tuple[str, Path], ...]


def is_prepared(entry: Path) -> bool:
    """Whether a path is that of a manifest, or of a folder that should have one in it."""
    return entry.is_dir() or entry.suffix == MANIFEST_SUFFIX


def read_prepared(entry: Path) -> PreparedFolder:
    """Look at all that the manifest `entry`, or the one in the folder `entry`, consists of.

    Raises NotPrepared, FolderIncomplete, FolderDamaged, SignatureOutdated, a ManifestError and
    OSError.
    """
    path = _manifest_path(entry)
    document = _read_manifest(path)
    manifest = read_model_mpd(document)
    _check_name(manifest)
    segments = _segments(path.parent, manifest)
    signature = _signature(path, document)
    files = (*segments, *signature, (path.name, path))
    return PreparedFolder(manifest, path.name, files)


def _manifests_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob(f"*{MANIFEST_SUFFIX}") if path.is_file())


def _manifest_path(entry: Path) -> Path:
    if not entry.is_dir():
        return entry
    found = _manifests_in(entry)
    if len(found) != 1:
        advice = "name one" if found else "fivegms prepare fills a folder"
        raise NotPrepared(f"{entry} has {len(found)} model MPDs; {advice}")
    return found[0]


def _read_manifest(path: Path) -> bytes:
    if path.stat().st_size > _MAX_MANIFEST_BYTES:
        raise NotPrepared(f"{path} has more than {_MAX_MANIFEST_BYTES} bytes")
    return path.read_bytes()


def _check_name(manifest: ModelManifest) -> None:
    """The model's name is that of a folder at the AS, as a template's is."""
    try:
        _NAME.validate_python(manifest.model.name)
    except ValidationError:
        raise NotPrepared(
            f"the model's name {manifest.model.name!r} must be letters, digits, dots, hyphens and "
            "underscores, 100 at most"
        ) from None


def _segments(folder: Path, manifest: ModelManifest) -> tuple[tuple[str, Path], ...]:
    parts = dict.fromkeys(_parts(manifest))
    if manifest.base_urls or any("://" in part.url for part in parts):
        raise NotPrepared("the manifest says that its segments lie elsewhere")
    paths = {unquote(part.url): part for part in parts}
    if faults := [path for path in paths if path_fault(path)]:
        raise NotPrepared(f"{faults[0]} is no path that an Application Server takes")
    if missing := [path for path in paths if not (folder / path).is_file()]:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise FolderIncomplete(f"{folder / missing[0]}{more}: segments that are not there")
    for path, part in paths.items():
        _check(part, folder / path)
    return tuple((path, folder / path) for path in paths)


def _parts(manifest: ModelManifest) -> Iterator[SegmentRef]:
    for subset in manifest.subsets:
        for variant in subset.variants:
            yield from variant.parts()


def _check(part: SegmentRef, file: Path) -> None:
    with file.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
    if digest != part.sha256 or file.stat().st_size != part.size_bytes:
        raise FolderDamaged(f"the size or SHA-256 of {file} is not the manifest's")


def _signature(manifest: Path, document: bytes) -> tuple[tuple[str, Path], ...]:
    """What lies beside the manifest; nothing where it was not signed."""
    release, bundle = (
        manifest.with_name(manifest.name + suffix) for suffix in (RELEASE_SUFFIX, SIGNATURE_SUFFIX)
    )
    if not release.is_file() and not bundle.is_file():
        return ()
    for file in (release, bundle):
        if not file.is_file():
            raise FolderIncomplete(f"{file.name} is missing; sign the manifest again")
    with release.open("rb") as opened:
        signed = read_release(opened.read(MAX_RELEASE_BYTES + 1)).manifest
    if signed.sha256 != hashlib.sha256(document).hexdigest() or signed.name != manifest.name:
        raise SignatureOutdated(
            f"{release.name} is of another manifest than {manifest.name}; sign it again"
        )
    return ((release.name, release), (bundle.name, bundle))
