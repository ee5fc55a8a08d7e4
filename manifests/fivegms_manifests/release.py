"""A release: what a provider says of a manifest, and signs together with it.

Beside a manifest `model.mpd` lie

    model.mpd.release.json    this document: which model and version, how new, until when it counts
    model.mpd.sigstore.json   a signature over both, an OpenSSF model-signing bundle

The manifest carries the SHA-256 of every segment, the release that of the manifest, the signature
that of both: so the chain covers every byte that a UE decodes. `counter` never falls, which stops
older releases from being replayed; `expires` stops one from being shown for ever.

This module knows neither keys nor signatures: `fivegms_client.trust` verifies them, and
`fivegms_testbed.signing` makes them.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Literal
from urllib.parse import urlsplit, urlunsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from fivegms_manifests.errors import ReleaseMalformed
from fivegms_manifests.file_names import check_file_name
from fivegms_manifests.json_safety import parse_json_object

RELEASE_SUFFIX = ".release.json"
SIGNATURE_SUFFIX = ".sigstore.json"
RELEASE_TYPE = "urn:fivegms:ai:release:2026"
MAX_RELEASE_BYTES = 16 * 1024
MAX_COUNTER = 10**15
"""Beyond any Unix time to come, and exact in every JSON reader."""

_INSTANT = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True)
class ReleasedManifest:
    """The manifest that a release is of: file name, SHA-256 in hex, size in bytes."""

    name: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Release:
    """One release of a model.

    `counter` is 0 to MAX_COUNTER, of one provider and model ever higher. `expires` is in UTC and
    whole seconds. `public_key` is the provider's, PEM: who has its fingerprint needs nothing else.
    """

    model: str
    version: int
    counter: int
    expires: datetime
    manifest: ReleasedManifest
    public_key: str

    @property
    def name(self) -> str:
        """The file name of the release itself."""
        return self.manifest.name + RELEASE_SUFFIX


def write_release(release: Release) -> bytes:
    """The canonical document: members sorted, no blanks, so equal releases are equal bytes."""
    document = {
        "type": RELEASE_TYPE,
        "model": release.model,
        "version": release.version,
        "counter": release.counter,
        "expires": release.expires.astimezone(UTC).strftime(_INSTANT),
        "manifest": {
            "name": release.manifest.name,
            "sha256": release.manifest.sha256,
            "size": release.manifest.size_bytes,
        },
        "publicKey": release.public_key,
    }
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def read_release(document: bytes) -> Release:
    """Parse a release.

    Raises DocumentTooLarge, MalformedJson, ReleaseMalformed, FileNameUnsafe.
    """
    members = parse_json_object(document, max_bytes=MAX_RELEASE_BYTES)
    try:
        read = _ReleaseDocument.model_validate(members)
        expires = datetime.strptime(read.expires, _INSTANT).replace(tzinfo=UTC)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) if first["type"] != "extra_forbidden" else ""
        raise ReleaseMalformed(f"{where or 'the document'}: {first['msg']}") from error
    except ValueError as error:
        raise ReleaseMalformed(f"expires: {error}") from error
    released = ReleasedManifest(read.manifest.name, read.manifest.sha256, read.manifest.size)
    return Release(read.model, read.version, read.counter, expires, released, read.public_key)


def beside(manifest_url: str, suffix: str) -> str:
    """The URL of what lies beside a manifest; a query stays what it is.

    >>> beside("http://as.example/m4d/model.mpd?token=1", RELEASE_SUFFIX)
    'http://as.example/m4d/model.mpd.release.json?token=1'
    """
    parts = urlsplit(manifest_url)
    return urlunsplit(parts._replace(path=parts.path + suffix, fragment=""))


def lies_beside_manifest(path: str) -> bool:
    """Whether a path is that of a release or its signature, by its name.

    >>> lies_beside_manifest("net/2/model.mpd.sigstore.json"), lies_beside_manifest("labels.json")
    (True, False)
    """
    return path.endswith((RELEASE_SUFFIX, SIGNATURE_SUFFIX))


_STRICT = ConfigDict(strict=True, extra="forbid", frozen=True)
_Count = Annotated[int, Field(ge=0, le=MAX_COUNTER)]


class _ManifestDocument(BaseModel):
    model_config = _STRICT

    name: Annotated[str, AfterValidator(check_file_name)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    size: _Count


class _ReleaseDocument(BaseModel):
    model_config = _STRICT

    type: Literal["urn:fivegms:ai:release:2026"]
    model: Annotated[str, Field(min_length=1, max_length=1024)]
    version: _Count
    counter: _Count
    expires: Annotated[str, Field(pattern=r"^[0-9]{4}(-[0-9]{2}){2}T[0-9]{2}(:[0-9]{2}){2}Z$")]
    manifest: _ManifestDocument
    public_key: Annotated[str, Field(alias="publicKey", max_length=4096)]
