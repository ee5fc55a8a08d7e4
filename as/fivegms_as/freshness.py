"""How long what an origin answered may be served without asking again (RFC 9111 4.2). Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from fivegms_api.content_hosting import CachingDirectives
from fivegms_api.http_validators import read_http_date

DEFAULT_LIFETIME_S = 60
ABSENT_LIFETIME_S = 10
"""For how long it is remembered that the origin has nothing, where it does not say."""

MAX_LIFETIME_S = 366 * 86_400
_DIRECTIVE = re.compile(r'\s*([A-Za-z0-9-]+)\s*(?:=\s*(?:"([^"]*)"|([^\s,"]*)))?\s*(?:,|$)')
_ASK_AGAIN = {"no-cache", "no-store", "private"}
_NEVER_STALE = {*_ASK_AGAIN, "must-revalidate", "proxy-revalidate"}


@dataclass(frozen=True, slots=True)
class Lifetime:
    """For how many seconds an answer is fresh, how old it was when it came, and what comes after.

    `may_be_stale` says whether it may still be served when the origin cannot be asked.
    """

    seconds: int
    age_s: int = 0
    may_be_stale: bool = True

    @classmethod
    def of(cls, fields: Mapping[str, str], default_s: int = DEFAULT_LIFETIME_S) -> "Lifetime":
        """What the fields of an answer say; `default_s` where they say nothing.

        `private` and `no-store` content is asked for every time, as a provider's own AS is the
        place that it is meant for.
        """
        said = read_cache_control(fields.get("Cache-Control", ""))
        age_s = _seconds(fields.get("Age", ""))
        seconds = _lifetime_s(fields, said, default_s)
        return cls(max(0, seconds - age_s), age_s, not _NEVER_STALE & said.keys())


def ruled_lifetime_s(directives: CachingDirectives | None, lifetime_s: int) -> int:
    """The lifetime that the provider's directives give, before what the origin said."""
    if directives is None or not (directives.no_cache or directives.max_age is not None):
        return lifetime_s
    return 0 if directives.no_cache else min(directives.max_age or 0, MAX_LIFETIME_S)


def _lifetime_s(fields: Mapping[str, str], said: Mapping[str, str], default_s: int) -> int:
    if _ASK_AGAIN & said.keys():
        return 0
    for name in ("s-maxage", "max-age"):
        if name in said:
            return _seconds(said[name])
    return _until_expiry(fields) if "Expires" in fields else default_s


def read_cache_control(field: str) -> dict[str, str]:
    """The directives by name in lower case; what is not well-formed ends the list.

    >>> read_cache_control('Public, max-age="60"')
    {'public': '', 'max-age': '60'}
    """
    directives: dict[str, str] = {}
    at = 0
    while found := _DIRECTIVE.match(field, at):
        directives.setdefault(found[1].lower(), found[2] or found[3] or "")
        at = found.end()
    return directives


def _until_expiry(fields: Mapping[str, str]) -> int:
    expires, date = read_http_date(fields["Expires"]), read_http_date(fields.get("Date"))
    if expires is None or date is None:
        return 0
    return min(max(0, int((expires - date).total_seconds())), MAX_LIFETIME_S)


def _seconds(text: str) -> int:
    """Delta-seconds (RFC 9111 1.2.2); what is none is 0, which asks again."""
    if not (text.isascii() and text.isdigit()):
        return 0
    return min(int(text[:10]), MAX_LIFETIME_S)
