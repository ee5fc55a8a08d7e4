"""Validators and preconditions of HTTP (RFC 9110 8.8 and 13), as rules over values.

Every ETag is strong and quoted: a digest of the representation's bytes and media type.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from fivegms_af.errors import PreconditionFailed
from fivegms_api.http_validators import http_date, names_entity_tag, read_http_date

_SAFE_METHODS = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True)
class Representation:
    """What a GET answers with: the bytes, their media type, when they last changed if known."""

    body: bytes
    media_type: str
    modified: datetime | None = None

    @property
    def etag(self) -> str:
        """Strong and quoted; equal bytes of equal type have equal tags."""
        digest = hashlib.sha256(self.media_type.encode() + b"\0" + self.body)
        return f'"{digest.hexdigest()[:32]}"'

    @property
    def last_modified(self) -> str | None:
        """The HTTP date, which has whole seconds."""
        return None if self.modified is None else http_date(self.modified)

    def changed_since(self, instant: datetime) -> bool:
        """Whether it changed in a later second than `instant`, or may have."""
        return self.modified is None or self.modified.replace(microsecond=0) > instant


def not_modified(method: str, headers: Mapping[str, str], current: Representation) -> bool:
    """Whether the answer is 304; raises PreconditionFailed where it is 412 (RFC 9110 13.2.2)."""
    _check_still_the_same(headers, current)
    none_match = headers.get("If-None-Match")
    if none_match is not None:
        if not names_entity_tag(none_match, current.etag, weak=True):
            return False
        if method in _SAFE_METHODS:
            return True
        raise PreconditionFailed("If-None-Match")
    since = read_http_date(headers.get("If-Modified-Since"))
    return since is not None and method in _SAFE_METHODS and not current.changed_since(since)


def _check_still_the_same(headers: Mapping[str, str], current: Representation) -> None:
    match = headers.get("If-Match")
    if match is not None:
        if not names_entity_tag(match, current.etag, weak=False):
            raise PreconditionFailed("If-Match")
        return
    unmodified_since = read_http_date(headers.get("If-Unmodified-Since"))
    if unmodified_since is not None and current.changed_since(unmodified_since):
        raise PreconditionFailed("If-Unmodified-Since")
