"""Which URLs a manifest may send a UE to: plain relative paths, and http(s).

A relative path never leaves the folder of what it is relative to, in any spelling, so a local
copy of a manifest can be resolved against a folder without a second look.
"""

import re
from urllib.parse import unquote, urlsplit

from fivegms_manifests.errors import ForbiddenUrl

MAX_URL_CHARACTERS = 2048

_PLAIN = re.compile(r"[!#-;=?-\[\]_a-z~]+")
_HTTP_SCHEMES = ("http", "https")


def check_url(url: str, where: str) -> str:
    """Return `url` when it is relative without `..`, or http(s). Raises ForbiddenUrl."""
    if not _PLAIN.fullmatch(url) or len(url) > MAX_URL_CHARACTERS:
        raise ForbiddenUrl(f"{where}: {url[:100]!r} is not a URL of plain ASCII")
    try:
        parts = urlsplit(url)
        _ = parts.port  # parsed, and so checked, when it is asked for
    except ValueError:
        raise ForbiddenUrl(f"{where}: {url!r} is not a URL") from None
    if parts.scheme in _HTTP_SCHEMES and parts.hostname:
        return url
    if parts.scheme or parts.netloc:
        raise ForbiddenUrl(f"{where}: {url!r} is neither relative nor http(s)")
    if parts.query or parts.fragment or not _stays_below(unquote(parts.path)):
        raise ForbiddenUrl(f"{where}: {url!r} is not a plain path below its folder")
    return url


def _stays_below(path: str) -> bool:
    unsafe = path.startswith("/") or "\\" in path or "\0" in path or "//" in path
    # A second layer of percent signs could hide what the first one shows.
    return not unsafe and "%" not in path and ".." not in path.split("/") and bool(path)
