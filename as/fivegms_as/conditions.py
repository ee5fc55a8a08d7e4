"""Conditional requests on one object, in the order of precedence of RFC 9110 13.2.2."""

from collections.abc import Mapping
from datetime import datetime

from fivegms_api.http_validators import names_entity_tag, read_http_date
from fivegms_as.errors import PreconditionFailed

CONDITIONS = (
    "If-Match",
    "If-Unmodified-Since",
    "If-None-Match",
    "If-Modified-Since",
)


def not_modified(fields: Mapping[str, str], etag: str, modified: datetime) -> bool:
    """Whether 304 answers a GET or HEAD with these request fields.

    `etag` is quoted and strong, `modified` has whole seconds. Raises PreconditionFailed.
    """
    _check_match(fields, etag, modified)
    if (candidates := fields.get("If-None-Match")) is not None:
        return names_entity_tag(candidates, etag, weak=True)
    since = read_http_date(fields.get("If-Modified-Since"))
    return since is not None and modified <= since


def range_applies(fields: Mapping[str, str], etag: str, modified: datetime) -> bool:
    """Whether a Range field is to be honoured: no If-Range, or one that holds (13.1.5)."""
    condition = fields.get("If-Range")
    if condition is None:
        return True
    if condition.startswith(('"', "W/")):
        return condition == etag
    return read_http_date(condition) == modified


def _check_match(fields: Mapping[str, str], etag: str, modified: datetime) -> None:
    if (candidates := fields.get("If-Match")) is not None:
        if not names_entity_tag(candidates, etag, weak=False):
            raise PreconditionFailed("If-Match names another version of the object")
        return
    since = read_http_date(fields.get("If-Unmodified-Since"))
    if since is not None and modified > since:
        raise PreconditionFailed("the object was modified since If-Unmodified-Since")
