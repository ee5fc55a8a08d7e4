"""The texts that conditional requests compare: entity tags and HTTP dates (RFC 9110 8.8, 5.6.7).

Which condition counts, and what follows from it, is for each server to say.
"""

import re
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

_ENTITY_TAG = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')


def http_date(moment: datetime) -> str:
    """The IMF-fixdate of an aware datetime, in whole seconds.

    >>> http_date(datetime(2026, 11, 1, 12, tzinfo=UTC))
    'Sun, 01 Nov 2026 12:00:00 GMT'
    """
    return format_datetime(moment.astimezone(UTC), usegmt=True)


def read_http_date(field: str | None) -> datetime | None:
    """The aware instant of an HTTP date; None for what is none: such a field is to be ignored.

    >>> read_http_date("yesterday")
    """
    if field is None:
        return None
    try:
        moment = parsedate_to_datetime(field)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def names_entity_tag(field: str, etag: str, *, weak: bool) -> bool:
    """Whether If-Match or If-None-Match is `*` or lists `etag`, which is quoted and strong.

    A weak tag counts where `weak` says so (RFC 9110 8.8.3.2).

    >>> names_entity_tag('"x", W/"abc"', '"abc"', weak=True)
    True
    """
    if field.strip() == "*":
        return True
    tags = _ENTITY_TAG.findall(field)
    return any(f'"{opaque}"' == etag and (weak or not prefix) for prefix, opaque in tags)
