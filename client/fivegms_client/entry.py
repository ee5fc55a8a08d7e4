"""The one address an app gives: what kind of thing it names, found without touching the network.

    http(s)://HOST/.../NAME.mpd                                 a model MPD at an AS (M4)
    http(s)://HOST/3gpp-m5/v2/service-access-information/PSID   a session's access information
    http(s)://HOST[:PORT][/PREFIX]                              an AF's M5 address
    PATH, or file:///PATH                                       a model MPD in a folder

An M5 address needs a provisioning session, or a task to look a model up by.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from fivegms_client.errors import BadEntry

SAI_PATH = "/3gpp-m5/v2/service-access-information/"
_HOST_AND_PORT = re.compile(r"[A-Za-z0-9.-]+:\d{1,5}(/.*)?")


@dataclass(frozen=True, slots=True)
class ManifestUrl:
    """A model MPD at an AS."""

    url: str


@dataclass(frozen=True, slots=True)
class ManifestFile:
    """A model MPD in a folder, with its segments beside it."""

    path: Path


@dataclass(frozen=True, slots=True)
class SessionEntry:
    """A provisioning session at an AF: its Service Access Information names the model."""

    m5_url: str
    session: str
    name: str | None = None


@dataclass(frozen=True, slots=True)
class TaskEntry:
    """Whatever model an AF offers for a task."""

    m5_url: str
    task: str
    name: str | None = None


Entry = ManifestUrl | ManifestFile | SessionEntry | TaskEntry


def parse_entry(
    entry: str | Path,
    *,
    session: str | None = None,
    task: str | None = None,
    name: str | None = None,
) -> Entry:
    """What `entry` names. Raises BadEntry.

    `session`, `task` and `name` complete an M5 address; `name` picks one of several models.

    >>> parse_entry("http://127.0.0.1:7778", task="object-detection")
    TaskEntry(m5_url='http://127.0.0.1:7778', task='object-detection', name=None)
    """
    if isinstance(entry, Path):
        return ManifestFile(entry)
    address = entry.strip()
    if not address or "\0" in address:
        raise BadEntry("there is no address; give a model MPD, its path, or an AF's M5 address")
    if "://" not in address:
        return _path_entry(address)
    try:
        parts = urlsplit(address)
    except ValueError as error:
        raise BadEntry(f"{address} is not an address: {error}") from error
    if parts.scheme == "file":
        return ManifestFile(Path(unquote(parts.path)))
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadEntry(f"{address} is neither an http(s) address nor a path")
    return _http_entry(address, parts.path, session, task, name)


def _path_entry(address: str) -> ManifestFile:
    if _HOST_AND_PORT.fullmatch(address):
        raise BadEntry(f"{address} has no scheme; write http://{address}")
    return ManifestFile(Path(address))


def _http_entry(
    address: str, path: str, session: str | None, task: str | None, name: str | None
) -> Entry:
    if SAI_PATH in path:
        m5_url, _, identifier = address.partition(SAI_PATH)
        return _session_entry(m5_url, unquote(identifier.partition("?")[0]), name)
    if session is not None:
        return _session_entry(address.rstrip("/"), session, name)
    if path.endswith(".mpd"):
        return ManifestUrl(address)
    if task is not None:
        return TaskEntry(address.rstrip("/"), task, name)
    if path in ("", "/"):
        raise BadEntry(
            f"{address} is an M5 address; say which provisioning session or which task you want"
        )
    return ManifestUrl(address)


def _session_entry(m5_url: str, session: str, name: str | None) -> SessionEntry:
    if not session or "/" in session:
        raise BadEntry(f"{session!r} is not a provisioning session's identifier")
    return SessionEntry(m5_url, session, name)
