"""JSON objects that say one thing twice: parsers disagree on which counts, so they are refused."""

import json
from collections import Counter
from typing import Any

from fivegms_api.problem_details import InvalidParam, json_pointer
from fivegms_as.errors import InvalidDocument


def refuse_repeated_members(body: bytes) -> None:
    """Raises InvalidDocument where a member occurs twice; other faults are for the reader to find.

    >>> refuse_repeated_members(b'{"a": 1, "b": {"a": 2}}')
    """
    try:
        json.loads(body, object_pairs_hook=_object)
    except (ValueError, RecursionError):
        return


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        reason = InvalidParam(param=json_pointer(twice), reason="occurs twice")
        raise InvalidDocument(f"member {twice!r} occurs twice", [reason])
    return members
