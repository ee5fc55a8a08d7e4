"""A prepared model, encrypted where it was prepared: so that no server ever sees it in the clear.

Variants are made, measured and described first; then each of their media segments is replaced by
its encrypted file. Initialization segments say nothing of a model and stay as they are. A segment
that several variants share becomes one file for each, since its place is part of what is
authenticated.

Whoever prepares needs the key. An Application Server is given none: it could read the model, which
is what encryption is to prevent. So a template that asks for it is prepared offline.
"""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from fivegms_manifests.digests import digest
from fivegms_manifests.encryption import SCHEME, SegmentPlace, encrypt_segment, key_id
from fivegms_manifests.errors import KeyUnusable, ManifestError
from fivegms_manifests.model import (
    Encryption,
    ModelManifest,
    SegmentRef,
    Subset,
    Variant,
    bandwidth_within_a_second,
)
from fivegms_prepare.errors import KeyMissing, VariantImpossible

ENCRYPTED_SUFFIX = ".bin"
"""Encrypted segments are no MP4 to whoever stores them."""


def read_key(file: Path) -> bytes:
    """The key in a file of 32 bytes. Raises KeyMissing."""
    try:
        key = file.read_bytes()
        key_id(key)
    except OSError as error:
        raise KeyMissing(f"the key {file} cannot be read: {error.strerror}") from error
    except KeyUnusable as error:
        raise KeyMissing(
            f"{file}: {error}; `openssl rand -out {file.name} 32` makes one"
        ) from error
    return key


def encrypt_manifest(
    manifest: ModelManifest, folder: Path, key: bytes, key_url: str, name: str | None = None
) -> ModelManifest:
    """Encrypt every variant of a model that was prepared into `folder`; the manifest from then on.

    `key_url` is where an authorised UE asks for the key, `name` what the key is called there. What
    was in the clear is gone from the folder afterwards. Raises VariantImpossible.
    """
    encryption = Encryption(SCHEME, name or key_id(key), key_url)
    subsets = tuple(
        replace(
            subset,
            variants=tuple(
                _encrypted(variant, manifest.model.name, folder, key, encryption)
                for variant in subset.variants
            ),
        )
        for subset in manifest.subsets
    )
    _remove(folder, _urls(manifest.subsets) - _urls(subsets))
    return replace(manifest, subsets=subsets)


def _encrypted(
    variant: Variant, model: str, folder: Path, key: bytes, encryption: Encryption
) -> Variant:
    try:
        segments = tuple(
            _encrypt(part, folder, key, SegmentPlace(model, variant.id, index))
            for index, part in enumerate(variant.segments)
        )
    except ManifestError as error:
        raise VariantImpossible(f"{variant.id} cannot be encrypted: {error}") from error
    encrypted = replace(variant, segments=segments, encryption=encryption)
    return replace(encrypted, bandwidth_bps=bandwidth_within_a_second(encrypted.size_bytes))


def _encrypt(part: SegmentRef, folder: Path, key: bytes, place: SegmentPlace) -> SegmentRef:
    clear = folder / part.url
    data = encrypt_segment(clear.read_bytes(), key, place)
    sha256 = digest(data)
    file = clear.with_name(sha256 + ENCRYPTED_SUFFIX)
    file.write_bytes(data)
    return SegmentRef(file.relative_to(folder).as_posix(), sha256, len(data))


def _urls(subsets: Iterable[Subset]) -> set[str]:
    return {
        part.url for subset in subsets for variant in subset.variants for part in variant.parts()
    }


def _remove(folder: Path, urls: Iterable[str]) -> None:
    for url in urls:
        (folder / url).unlink(missing_ok=True)
