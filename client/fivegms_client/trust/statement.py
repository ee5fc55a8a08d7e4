"""The in-toto statement that a provider signs: which files, by name and SHA-256.

    subject    the model's folder: one digest over those of all files, in order
    predicate  https://model_signing/signature/v1.0: each file's name and digest

Read after the signature was verified, and still as strictly: a provider's tools may be wrong, too.
"""

from hashlib import sha256
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fivegms_client.errors import SignatureMalformed
from fivegms_client.trust.bundle import MAX_BUNDLE_BYTES
from fivegms_manifests.errors import ManifestError
from fivegms_manifests.json_safety import parse_json_object

PREDICATE_TYPE = "https://model_signing/signature/v1.0"


def signed_files(payload: bytes) -> dict[str, str]:
    """SHA-256 in hex by file name. Raises SignatureMalformed."""
    try:
        members = parse_json_object(payload, max_bytes=MAX_BUNDLE_BYTES)
        statement = _Statement.model_validate(members)
    except (ManifestError, ValidationError) as error:
        raise SignatureMalformed(f"what is signed is no statement on files: {error}") from error
    resources = statement.predicate.resources
    files = {resource.name: resource.digest for resource in resources}
    if len(files) != len(resources):
        raise SignatureMalformed("what is signed names a file twice")
    together = b"".join(bytes.fromhex(resource.digest) for resource in resources)
    if sha256(together).hexdigest() != statement.subject[0].digest.sha256:
        raise SignatureMalformed("what is signed contradicts itself: its digests do not add up")
    return files


_Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Part(BaseModel):
    """Members that are not named here are to be ignored (in-toto Statement v1, parsing rules)."""

    model_config = ConfigDict(strict=True, frozen=True)


class _Digests(_Part):
    sha256: _Digest


class _Subject(_Part):
    digest: _Digests


class _Serialization(_Part):
    method: Literal["files"]
    hash_type: Literal["sha256"]


class _Resource(_Part):
    name: str
    algorithm: Literal["sha256"]
    digest: _Digest


class _Predicate(_Part):
    serialization: _Serialization
    resources: Annotated[list[_Resource], Field(min_length=1, max_length=64)]


class _Statement(_Part):
    type: Annotated[Literal["https://in-toto.io/Statement/v1"], Field(alias="_type")]
    subject: Annotated[list[_Subject], Field(min_length=1, max_length=1)]
    predicate_type: Annotated[
        Literal["https://model_signing/signature/v1.0"], Field(alias="predicateType")
    ]
    predicate: _Predicate
