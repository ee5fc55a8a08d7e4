"""JSON of unknown origin, parsed within limits.

Parsers disagree on what a repeated member means, on NaN and on numbers of a thousand digits; where
a signature is at stake, two readers must not see two documents. So all of these are refused, and
size and nesting are bounded before anything is built.
"""

import json
import math
from typing import Any, NoReturn

from fivegms_manifests.errors import DocumentTooLarge, MalformedJson

MAX_CONTAINERS = 256
"""Objects and arrays, nested or side by side; a bracket inside a text counts too."""

_MAX_DIGITS = 18
_MAX_REAL = 32


def parse_json_object(document: bytes, *, max_bytes: int) -> dict[str, Any]:
    """The object that is the whole of `document`. Raises DocumentTooLarge, MalformedJson.

    >>> parse_json_object(b'{"counter": 7}', max_bytes=64)
    {'counter': 7}
    """
    if len(document) > max_bytes:
        raise DocumentTooLarge(f"{len(document)} bytes; the limit is {max_bytes}")
    if document.count(b"{") + document.count(b"[") > MAX_CONTAINERS:
        raise DocumentTooLarge(f"more than {MAX_CONTAINERS} objects and arrays")
    try:
        value = json.loads(
            document.decode("utf-8"),
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_real,
            parse_constant=_refuse_constant,
        )
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError too
        raise MalformedJson(f"not JSON: {error}") from error
    if not isinstance(value, dict):
        raise MalformedJson("not a JSON object")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise MalformedJson("a member occurs twice")
    return members


def _integer(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise MalformedJson(f"a number of more than {_MAX_DIGITS} digits")
    return int(digits)


def _real(text: str) -> float:
    if len(text) > _MAX_REAL:
        raise MalformedJson(f"a number of more than {_MAX_REAL} characters")
    value = float(text)
    if not math.isfinite(value):
        raise MalformedJson(f"{text} is larger than numbers are here")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise MalformedJson(f"{name} is no number of JSON")
