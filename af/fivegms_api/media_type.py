"""The form of a media type with parameters (RFC 9110 8.3.1), and the part that decides."""

import re

MAX_MEDIA_TYPE_CHARACTERS = 255
MEDIA_TYPE_PATTERN = r"^[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+( *;[ -~]*)?$"

_MEDIA_TYPE = re.compile(MEDIA_TYPE_PATTERN)


def is_media_type(text: str) -> bool:
    """Whether a text has the form of a media type, and 255 characters at most.

    >>> is_media_type("text/plain; charset=utf-8"), is_media_type("text")
    (True, False)
    """
    return len(text) <= MAX_MEDIA_TYPE_CHARACTERS and _MEDIA_TYPE.fullmatch(text) is not None


def essence(media_type: str | None) -> str:
    """The media type without its parameters, in lower case; empty where there is none.

    >>> essence("Application/JSON; charset=utf-8")
    'application/json'
    """
    return (media_type or "").partition(";")[0].strip().lower()
