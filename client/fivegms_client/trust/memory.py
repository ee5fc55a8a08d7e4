"""The newest release of each model that this device has seen, kept over restarts.

A server that shows an older release again, however well signed, is found out by its counter; one
that shows two of the same counter, by their digests. One file per signer and model, so that nobody
can make a device forget by having it see many; written whole, under a lock, as several processes
of a user share the folder.
"""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fivegms_client.errors import ReleaseContradicts, ReleaseOlderThanSeen, TrustStateUnusable
from fivegms_client.trust.verification import VerifiedRelease
from fivegms_manifests.release import MAX_COUNTER

_MAX_FILE_BYTES = 8 * 1024


@dataclass(frozen=True, slots=True)
class SeenRelease:
    """The counter of the newest release seen, and the SHA-256 of its bytes."""

    counter: int
    sha256: str


def newest(seen: SeenRelease | None, verified: VerifiedRelease) -> SeenRelease:
    """What is the newest now. Raises ReleaseOlderThanSeen, ReleaseContradicts."""
    release = verified.release
    if seen is not None and release.counter < seen.counter:
        raise ReleaseOlderThanSeen(
            f"{release.model} version {release.version} was released with counter "
            f"{release.counter}, and this device has seen {seen.counter}: the server shows an old "
            "release; a provider that wants it back signs it again"
        )
    if seen is not None and release.counter == seen.counter and verified.sha256 != seen.sha256:
        raise ReleaseContradicts(
            f"there are two releases of {release.model} with counter {release.counter}: the "
            "provider signed carelessly, or its key is in other hands"
        )
    return SeenRelease(release.counter, verified.sha256)


class ReleaseMemory:
    """A folder with a file for each signer and model."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def admit(self, verified: VerifiedRelease) -> None:
        """Take a release for the newest from now on.

        Raises ReleaseOlderThanSeen, ReleaseContradicts, TrustStateUnusable.
        """
        path = self.path(verified)
        try:
            with self._locked():
                seen = _read(path)
                now = newest(seen, verified)
                if now != seen:
                    _write(path, _SeenDocument.of(verified).model_dump_json().encode())
        except OSError as error:
            raise TrustStateUnusable(
                f"{self._folder} cannot keep which releases were seen ({error.strerror}); make it "
                "writable, or choose another folder"
            ) from error

    def path(self, verified: VerifiedRelease) -> Path:
        """The file of the release's signer and model."""
        whose = f"{verified.signer}\0{verified.release.model}".encode()
        return self._folder / f"{sha256(whose).hexdigest()}.json"

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / ".lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


class _SeenDocument(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    model: str
    signer: str
    counter: Annotated[int, Field(ge=0, le=MAX_COUNTER)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]

    @classmethod
    def of(cls, verified: VerifiedRelease) -> "_SeenDocument":
        release = verified.release
        return cls(
            model=release.model,
            signer=verified.signer,
            counter=release.counter,
            sha256=verified.sha256,
        )


def _read(path: Path) -> SeenRelease | None:
    """A damaged file is an error, not a fresh start: damaging it would be a way to roll back."""
    try:
        with path.open("rb") as file:
            document = _SeenDocument.model_validate_json(file.read(_MAX_FILE_BYTES))
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise TrustStateUnusable(
            f"{path} does not say which release was seen; remove it only if you know why it is "
            "damaged, because old releases are taken again then"
        ) from error
    return SeenRelease(document.counter, document.sha256)


def _write(path: Path, data: bytes) -> None:
    """On the disk before the model is used, so that no crash makes the device forget."""
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=".seen-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(draft).replace(path)
        _flush(path.parent)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise


def _flush(folder: Path) -> None:
    """A name is on the disk when its folder is (fsync(2))."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
