"""Validators and preconditions of HTTP (RFC 9110 8.8 and 13), as rules over values.

Every ETag is strong and quoted: a digest of the representation's bytes and media type.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

from fivegms_af.errors import PreconditionFailed

_ENTITY_TAG = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')
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
        if self.modified is None:
            return None
        return format_datetime(self.modified.astimezone(UTC), usegmt=True)

    def changed_since(self, instant: datetime) -> bool:
        """Whether it changed in a later second than `instant`, or may have."""
        return self.modified is None or self.modified.replace(microsecond=0) > instant


def not_modified(method: str, headers: Mapping[str, str], current: Representation) -> bool:
    """Whether the answer is 304; raises PreconditionFailed where it is 412 (RFC 9110 13.2.2)."""
    _check_still_the_same(headers, current)
    none_match = headers.get("If-None-Match")
    if none_match is not None:
        if not _lists(none_match, current.etag, weak=True):
            return False
        if method in _SAFE_METHODS:
            return True
        raise PreconditionFailed("If-None-Match")
    since = _date(headers.get("If-Modified-Since"))
    return since is not None and method in _SAFE_METHODS and not current.changed_since(since)


def _check_still_the_same(headers: Mapping[str, str], current: Representation) -> None:
    match = headers.get("If-Match")
    if match is not None:
        if not _lists(match, current.etag, weak=False):
            raise PreconditionFailed("If-Match")
        return
    unmodified_since = _date(headers.get("If-Unmodified-Since"))
    if unmodified_since is not None and current.changed_since(unmodified_since):
        raise PreconditionFailed("If-Unmodified-Since")


def _lists(field: str, etag: str, *, weak: bool) -> bool:
    """Whether a field value is `*` or names `etag`; a weak tag counts where `weak` allows it."""
    if field.strip() == "*":
        return True
    tags = _ENTITY_TAG.findall(field)
    return any(f'"{opaque}"' == etag and (weak or not prefix) for prefix, opaque in tags)


def _date(field: str | None) -> datetime | None:
    """An HTTP date; one that cannot be read is ignored (RFC 9110 13.1.3)."""
    if field is None:
        return None
    try:
        parsed = parsedate_to_datetime(field)
    except (ValueError, OverflowError):
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
