"""What `pathRewriteRules` make of a request path (TS 26.512 7.6.3): one answer at AF and AS.

A rule looks at the directory of the path, with a slash before and behind, and replaces the first
occurrence of its pattern there; the last part of the path stays. The first rule that fits is the
only one that counts.
"""

from collections.abc import Iterable

from fivegms_api.provider_pattern import ProviderPattern


def rewritten_path(path: str, rules: Iterable[tuple[ProviderPattern, str]]) -> str:
    """The content path for a request path, both decoded and relative to a distribution's base URL.

    `rules` are patterns and what takes the place of a match, literally. The outcome may be no
    content path.

    >>> rewritten_path("v1/a/model.mpd", [(ProviderPattern.parse("^/v1/"), "/")])
    'a/model.mpd'
    """
    folder, leaf = path[: path.rfind("/") + 1], path[path.rfind("/") + 1 :]
    for pattern, mapped in rules:
        replaced = pattern.replaced_in(f"/{folder}", mapped)
        if replaced is not None:
            return f"{replaced}{leaf}".removeprefix("/")
    return path
