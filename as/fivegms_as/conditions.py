"""Conditional requests on one object, in the order of precedence of RFC 9110 13.2.2."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

from fivegms_as.errors import PreconditionFailed

CONDITIONS = (
    "If-Match",
    "If-Unmodified-Since",
    "If-None-Match",
    "If-Modified-Since",
)


def http_date(moment: datetime) -> str:
    """The IMF-fixdate of an aware datetime (RFC 9110 5.6.7)."""
    return format_datetime(moment.astimezone(UTC), usegmt=True)


def not_modified(fields: Mapping[str, str], etag: str, modified: datetime) -> bool:
    """Whether 304 answers a GET or HEAD with these request fields.

    `etag` is quoted and strong, `modified` has whole seconds. Raises PreconditionFailed.
    """
    _check_match(fields, etag, modified)
    if (candidates := fields.get("If-None-Match")) is not None:
        return _listed(candidates, etag, weak=True)
    since = _date(fields.get("If-Modified-Since"))
    return since is not None and modified <= since


def range_applies(fields: Mapping[str, str], etag: str, modified: datetime) -> bool:
    """Whether a Range field is to be honoured: no If-Range, or one that holds (13.1.5)."""
    condition = fields.get("If-Range")
    if condition is None:
        return True
    if condition.startswith(('"', "W/")):
        return condition == etag
    return _date(condition) == modified


def _check_match(fields: Mapping[str, str], etag: str, modified: datetime) -> None:
    if (candidates := fields.get("If-Match")) is not None:
        if not _listed(candidates, etag, weak=False):
            raise PreconditionFailed("If-Match names another version of the object")
        return
    since = _date(fields.get("If-Unmodified-Since"))
    if since is not None and modified > since:
        raise PreconditionFailed("the object was modified since If-Unmodified-Since")


def _listed(candidates: str, etag: str, *, weak: bool) -> bool:
    """Whether a list of entity tags holds `etag`; our tags hold no comma."""
    if candidates.strip() == "*":
        return True
    tags = (candidate.strip() for candidate in candidates.split(","))
    return any((tag.removeprefix("W/") if weak else tag) == etag for tag in tags)


def _date(value: str | None) -> datetime | None:
    """An HTTP date; None for what is none, because such a field is ignored."""
    if value is None:
        return None
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
