"""The simple types that the resources of M1 and M5 share (TS 26.512 6.4.2), and content paths."""

import re
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field

URI_CHARACTERS = frozenset(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:/?#[]@!$&'()*+,;=%"
)

MAX_CONTENT_PATH_BYTES = 1024

_NOT_IN_PATHS = re.compile(r"[\x00-\x1f\x7f\\]")


def path_fault(path: str) -> str | None:
    """Why a decoded path can be no content path below a base URL; None for one that can.

    What a file system or a browser would read as another path is refused.

    >>> path_fault("models/my model.mpd")
    >>> path_fault("a/../b")
    "must be relative, without empty, '.' or '..' parts"
    """
    if any(part in ("", ".", "..") for part in path.split("/")):
        return "must be relative, without empty, '.' or '..' parts"
    if _NOT_IN_PATHS.search(path):
        return "must have no control characters and no backslash"
    if any("\ud800" <= character <= "\udfff" for character in path):
        return "must be UTF-8, without surrogates"
    if len(path.encode()) > MAX_CONTENT_PATH_BYTES:
        return f"must have {MAX_CONTENT_PATH_BYTES} UTF-8 bytes at most"
    return None


def _uri_characters(text: str) -> str:
    if not URI_CHARACTERS.issuperset(text):
        raise ValueError("holds a character that RFC 3986 does not allow in a URI")
    return text


def _absolute(text: str) -> str:
    scheme, separator, rest = text.partition("://")
    if scheme.lower() not in ("http", "https") or not separator or not rest.strip("/"):
        raise ValueError("must be an absolute http or https URL")
    if "#" in text:
        raise ValueError("must have no fragment")
    return text


def _relative(text: str) -> str:
    if ":" in text.partition("/")[0].partition("?")[0].partition("#")[0]:
        raise ValueError("must be a relative URL, without a scheme")
    return text


def _with_scheme(text: str) -> str:
    scheme, colon, _ = text.partition(":")
    if not colon or not scheme[:1].isalpha():
        raise ValueError("must be a URI: a scheme, a colon and the rest")
    return text


_UriText = Annotated[str, Field(min_length=1, max_length=2048), AfterValidator(_uri_characters)]

ResourceId = Annotated[str, Field(min_length=1, max_length=256)]
Uri = Annotated[_UriText, AfterValidator(_with_scheme)]
Url = _UriText
AbsoluteUrl = Annotated[_UriText, AfterValidator(_absolute)]
RelativeUrl = Annotated[_UriText, AfterValidator(_relative)]
Percentage = Annotated[float, Field(ge=0, le=100)]
DurationSec = Annotated[int, Field(ge=0, le=2**31 - 1)]
Dnn = Annotated[str, Field(max_length=100, pattern=r"^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$")]


class ProvisioningSessionType(StrEnum):
    """The direction of the media (TS 26.512 6.4.4.3)."""

    DOWNLINK = "DOWNLINK"
    UPLINK = "UPLINK"
