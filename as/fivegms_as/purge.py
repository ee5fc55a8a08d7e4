"""Which content a purge pattern means (TS 26.512 7.6.4.6).

The pattern is looked for anywhere in the part of the URL behind the distribution's base URL; `^`
and `$` anchor it.
"""

from collections.abc import Sequence

from fivegms_api.provider_pattern import ProviderPattern
from fivegms_as.errors import PatternInvalid


def matching(pattern: str, paths: Sequence[str]) -> list[str]:
    """The paths in which the pattern occurs, in time linear in their length.

    Raises PatternInvalid.
    """
    try:
        return ProviderPattern.parse(pattern).among(paths)
    except ValueError as error:
        raise PatternInvalid(f"the pattern {error}") from error
