"""Which of several representations a client takes: `Accept` (RFC 9110 12.5.1). Pure."""

import re
from collections.abc import Sequence

from fivegms_af.errors import NotAcceptable

MAX_RANGES = 50

_RANGE = re.compile(r"\s*([\w!#$&^.+*-]+)/([\w!#$&^.+*-]+)\s*((?:;[^,]*)?)", re.ASCII)
_WEIGHT = re.compile(r";\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*(?:;|$)", re.ASCII | re.IGNORECASE)


def negotiate(accept: str | None, offered: Sequence[str]) -> str:
    """The media type of `offered`, in order of preference, that the client likes best.

    The first one without an `Accept`; a range that cannot be read counts for nothing. Raises
    NotAcceptable.

    >>> negotiate("text/*;q=0.5, application/json;q=0.1", ["application/json", "text/csv"])
    'text/csv'
    """
    if accept is None or not accept.strip():
        return offered[0]
    ranges = [found for part in accept.split(",")[:MAX_RANGES] if (found := _RANGE.fullmatch(part))]
    liked = {media_type: _liking(media_type, ranges) for media_type in offered}
    best = max(offered, key=lambda media_type: liked[media_type])
    if liked[best] <= 0:
        raise NotAcceptable(f"none of {accept!r} can be had; there are {', '.join(offered)}")
    return best


def _liking(media_type: str, ranges: Sequence[re.Match[str]]) -> float:
    """The weight of the most specific range that holds the media type."""
    kind, _, name = media_type.partition("/")
    fitting = [
        (one[1] != "*", one[2] != "*", _weight(one[3]))
        for one in ranges
        if one[1].lower() in (kind, "*") and one[2].lower() in (name, "*")
    ]
    return max(fitting)[2] if fitting else 0.0


def _weight(parameters: str) -> float:
    found = _WEIGHT.search(parameters)
    return min(float(found[1]), 1.0) if found else 1.0
