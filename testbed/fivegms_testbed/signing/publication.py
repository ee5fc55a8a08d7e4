"""Where a signed release goes: beside its manifest, in a folder or over M2.

At an AS the manifest is known by its address at M4. Which path at M2 that is, the session's Content
Hosting Configuration says: what follows a distribution's base URL follows the ingest base URL.
"""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import unquote, urlsplit

from fivegms_client.errors import AccessRefused
from fivegms_client.fetching import Fetcher
from fivegms_client.manifest_access import AccessedManifest
from fivegms_client.transfer import Transfer
from fivegms_client.trust.bundle import MAX_BUNDLE_BYTES
from fivegms_manifests.release import RELEASE_SUFFIX, SIGNATURE_SUFFIX, beside
from fivegms_testbed.errors import ProviderError
from fivegms_testbed.m1_connection import M1Connection, session_path
from fivegms_testbed.upload import Upload, UploadProgress


class NotOfSession(ProviderError):
    """The session hosts nothing at the manifest's address."""


def manifest_name(accessed: AccessedManifest) -> str:
    """The manifest's file name."""
    if accessed.path is not None:
        return accessed.path.name
    return unquote(urlsplit(accessed.url or "").path.rsplit("/", 1)[-1])


async def present_release(accessed: AccessedManifest, fetcher: Fetcher) -> dict[str, bytes]:
    """What lies beside a manifest now, by suffix; what is not there is left out.

    Raises ServerUnreachable, OSError.
    """
    found = {}
    for suffix in (RELEASE_SUFFIX, SIGNATURE_SUFFIX):
        data = await _present(accessed, suffix, fetcher)
        if data is not None:
            found[suffix] = data
    return found


def write_beside(manifest: Path, files: Mapping[str, bytes]) -> tuple[str, ...]:
    """Put files beside a manifest in a folder; returns their paths."""
    paths = []
    for suffix, data in files.items():
        path = manifest.with_name(manifest.name + suffix)
        path.write_bytes(data)
        paths.append(str(path))
    return tuple(paths)


async def upload_beside(
    m1: M1Connection, session_id: str, manifest_url: str, files: Mapping[str, bytes]
) -> tuple[str, ...]:
    """Put files beside a manifest at an AS, over M2; returns their addresses at M4.

    Raises NotOfSession, AfUnreachable, RequestRefused, UploadFailed.
    """
    hosting = await m1.call("GET", f"{session_path(session_id)}/content-hosting-configuration")
    target = ingest_url(hosting, manifest_url)
    with TemporaryDirectory(prefix="fivegms-signing-") as folder:
        for suffix, data in files.items():
            file = Path(folder) / f"signed{suffix}"
            file.write_bytes(data)
            await Upload(m1.http, target + suffix, file).send(_ignore)
    return tuple(beside(manifest_url, suffix) for suffix in files)


def ingest_url(hosting: Mapping[str, Any], manifest_url: str) -> str:
    """Where at M2 a manifest of M4 is. Raises NotOfSession.

    >>> hosting = {"ingestConfiguration": {"baseURL": "http://as:7779/m2d/1/"}}
    >>> hosting["distributionConfigurations"] = [{"baseURL": "http://as/m4d/1/"}]
    >>> ingest_url(hosting, "http://as/m4d/1/net/2/model.mpd?token=7")
    'http://as:7779/m2d/1/net/2/model.mpd'
    """
    address = manifest_url.partition("?")[0].partition("#")[0]
    bases = [str(one.get("baseURL")) for one in hosting["distributionConfigurations"]]
    for base in bases:
        if address.startswith(base):
            return str(hosting["ingestConfiguration"]["baseURL"]) + address.removeprefix(base)
    raise NotOfSession(
        f"{manifest_url} is not below what the session distributes ({', '.join(bases)}); name the "
        "session that the model is published in"
    )


async def _present(accessed: AccessedManifest, suffix: str, fetcher: Fetcher) -> bytes | None:
    if accessed.path is not None:
        file = accessed.path.with_name(accessed.path.name + suffix)
        return file.read_bytes() if file.is_file() else None
    url = beside(accessed.url or "", suffix)
    try:
        return (await Transfer(fetcher).document(url, limit_bytes=MAX_BUNDLE_BYTES)).body
    except AccessRefused:
        return None


def _ignore(_progress: UploadProgress) -> None: ...
