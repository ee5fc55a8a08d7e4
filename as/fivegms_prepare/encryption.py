"""A prepared model, encrypted where it was prepared: so that no server ever sees it in the clear.

Variants are made, measured and described first; then each of their media segments is replaced by
its encrypted file. Initialization segments say nothing of a model and stay as they are. A segment
that several variants share becomes one file for each, since its place is part of what is
authenticated.

Whoever prepares needs the key. An Application Server is given none: it could read the model, which
is what encryption is to prevent. So a template that asks for it is prepared offline.
"""

from dataclasses import replace
from pathlib import Path

from fivegms_api.model_preparation import KeyReference
from fivegms_manifests.digests import digest
from fivegms_manifests.encryption import SCHEME, SegmentPlace, encrypt_segment, key_id
from fivegms_manifests.errors import KeyUnusable, ManifestError
from fivegms_manifests.model import (
    Encryption,
    ModelManifest,
    SegmentRef,
    Variant,
    bandwidth_within_a_second,
)
from fivegms_prepare.errors import KeyMissing, SegmentsInTheClear, VariantImpossible

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


def refuse_without_key(wanted: KeyReference | None, key: bytes | None) -> None:
    """Raises KeyMissing where a template asks for encryption and there is no key, or the reverse.

    Before any work is done: an Application Server must not publish in the clear what a provider
    wanted encrypted, nor a provider what it has a key for.
    """
    if wanted is not None and key is None:
        raise KeyMissing(
            "the template asks for encryption, and no key is here: an Application Server is given "
            "none, since it could read the model; prepare it with `fivegms prepare --encrypt-key`"
        )
    if wanted is None and key is not None:
        raise KeyMissing("there is a key, and the template does not say where UEs get it")


def refuse_clear_segments(folder: Path) -> None:
    """Raises SegmentsInTheClear where `folder` has segments from before that are not encrypted.

    No manifest would name them any more, and whoever delivers the folder would deliver them too.
    """
    clear = sorted(file.name for file in folder.glob("*") if file.suffix != ENCRYPTED_SUFFIX)
    if clear:
        raise SegmentsInTheClear(
            f"{folder} has {len(clear)} segments that are not encrypted, such as {clear[0]}; "
            "prepare into another folder"
        )


def encrypt_manifest(
    manifest: ModelManifest, folder: Path, key: bytes, reference: KeyReference
) -> ModelManifest:
    """Encrypt every variant of a model whose segments are below `folder`; the manifest of that.

    The encrypted files are put beside those in the clear, which no manifest names any more.
    Raises VariantImpossible.
    """
    encryption = Encryption(SCHEME, reference.key_id, reference.key_url)
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
