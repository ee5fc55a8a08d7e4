"""PATCH: JSON Merge Patch (RFC 7396) and JSON Patch (RFC 6902) on plain JSON values.

Pure; a patch never changes the value that it is given. Knows no resource: the patched document
goes through the same validation as one that was PUT.
"""

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

from fivegms_af.bodies import Json, canonical_json, refuse_depth
from fivegms_af.errors import PatchDoesNotApply, PatchMalformed

MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"

MAX_OPERATIONS = 256
MAX_COPIED_BYTES = 2**20

JSON_PATCH_SCHEMA: Mapping[str, object] = {
    "type": "array",
    "maxItems": MAX_OPERATIONS,
    "items": {
        "type": "object",
        "required": ["op", "path"],
        "properties": {
            "op": {"enum": ["add", "remove", "replace", "move", "copy", "test"]},
            "path": {"type": "string"},
            "from": {"type": "string"},
            "value": {},
        },
    },
}
"""A JSON Patch as JSON Schema; which operation needs which member is RFC 6902's text."""


def merge_patch(target: Json, patch: Json) -> Json:
    """`target` with `patch` merged in: null removes a member, everything else replaces.

    >>> merge_patch({"a": 1, "b": {"c": 2}}, {"a": None, "b": {"d": 3}})
    {'b': {'c': 2, 'd': 3}}
    """
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), value)
    return merged


def json_patch(target: Json, patch: Json) -> Json:
    """`target` after the operations of `patch`, all or none.

    Raises PatchMalformed for a document that is no JSON Patch or is out of bounds (256 operations,
    1 MiB copied, an outcome nested deeper than 32), PatchDoesNotApply for a path that is not there
    or a test that fails.
    """
    try:
        patched = _perform_all(target, patch)
        refuse_depth(patched)
    except (RecursionError, ValueError) as error:
        raise PatchMalformed(f"the patch makes a document that is none: {error}") from error
    return patched


def _perform_all(target: Json, patch: Json) -> Json:
    if not isinstance(patch, list) or len(patch) > MAX_OPERATIONS:
        raise PatchMalformed(f"a JSON Patch is an array of at most {MAX_OPERATIONS} operations")
    copied_bytes = 0
    document = deepcopy(target)
    for operation in patch:
        perform, members = _read(operation)
        if operation["op"] == "copy":
            copied_bytes += len(canonical_json(_find(document, members["from"])))
            if copied_bytes > MAX_COPIED_BYTES:
                raise PatchMalformed(f"a JSON Patch may copy {MAX_COPIED_BYTES} bytes")
        document = perform(document, members)
    return document


def apply_patch(media_type: str, target: Json, patch: Json) -> Json:
    """`target` patched by a document of one of the two media types."""
    return merge_patch(target, patch) if media_type == MERGE_PATCH else json_patch(target, patch)


def _read(operation: Json) -> "tuple[_Perform, Mapping[str, Any]]":
    """The function of an operation, and its members with the pointers split."""
    name = operation.get("op") if isinstance(operation, dict) else None
    if not isinstance(name, str) or name not in _OPERATIONS:
        raise PatchMalformed(f"an operation is one of {', '.join(_OPERATIONS)}, not {name!r}")
    needed, perform = _OPERATIONS[name]
    members: dict[str, Any] = {}
    for member in needed:
        if member not in operation:
            raise PatchMalformed(f"operation {name!r} needs {member!r}")
        value = operation[member]
        members[member] = value if member == "value" else _split(value)
    return perform, members


def _split(text: Json) -> list[str]:
    if not isinstance(text, str) or (text and not text.startswith("/")):
        raise PatchMalformed(f"{text!r} is not a JSON Pointer")
    return [part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:]]


def _add(document: Json, members: Mapping[str, Any]) -> Json:
    return _put(document, members["path"], deepcopy(members["value"]))


def _remove(document: Json, members: Mapping[str, Any]) -> Json:
    path = members["path"]
    if not path:
        raise PatchDoesNotApply("the whole document cannot be removed")
    parent = _find(document, path[:-1])
    del parent[_key(parent, path[-1])]
    return document


def _replace(document: Json, members: Mapping[str, Any]) -> Json:
    path = members["path"]
    value = deepcopy(members["value"])
    if not path:
        return value
    parent = _find(document, path[:-1])
    parent[_key(parent, path[-1])] = value
    return document


def _move(document: Json, members: Mapping[str, Any]) -> Json:
    source, path = members["from"], members["path"]
    if path[: len(source)] == source and path != source:
        raise PatchMalformed("a value cannot be moved into itself")
    value = _find(document, source)
    if path == source:
        return document
    return _put(_remove(document, {"path": source}), path, value)


def _copy(document: Json, members: Mapping[str, Any]) -> Json:
    return _put(document, members["path"], deepcopy(_find(document, members["from"])))


def _test(document: Json, members: Mapping[str, Any]) -> Json:
    found = canonical_json(_sorted(_find(document, members["path"])))
    if found != canonical_json(_sorted(members["value"])):
        raise PatchDoesNotApply(f"test of /{'/'.join(members['path'])} fails")
    return document


def _put(document: Json, path: list[str], value: Json) -> Json:
    if not path:
        return value
    parent = _find(document, path[:-1])
    if isinstance(parent, dict):
        parent[path[-1]] = value
    elif path[-1] == "-" and isinstance(parent, list):
        parent.append(value)
    else:
        index = _index(parent, path[-1], after_the_last=True)
        parent.insert(index, value)
    return document


def _find(document: Json, path: list[str]) -> Json:
    for part in path:
        document = document[_key(document, part)]
    return document


def _key(parent: Json, part: str) -> str | int:
    if isinstance(parent, dict) and part in parent:
        return part
    return _index(parent, part, after_the_last=False)


def _index(parent: Json, part: str, *, after_the_last: bool) -> int:
    """An array index is digits without leading zeros, within the array (RFC 6901 4)."""
    digits = part.isascii() and part.isdigit() and len(part) < 10
    if isinstance(parent, list) and digits and (part == "0" or part[0] != "0"):
        index = int(part)
        if index < len(parent) + after_the_last:
            return index
    raise PatchDoesNotApply(f"there is no {part!r} where the patch looks for it")


def _sorted(value: Json) -> Json:
    """Members in order; whole floats as integers: equal values get equal bytes (RFC 6902 4.6)."""
    if isinstance(value, dict):
        return {name: _sorted(value[name]) for name in sorted(value)}
    if isinstance(value, list):
        return [_sorted(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


_Perform = Callable[[Json, Mapping[str, Any]], Json]

_OPERATIONS: dict[str, tuple[tuple[str, ...], _Perform]] = {
    "add": (("path", "value"), _add),
    "remove": (("path",), _remove),
    "replace": (("path", "value"), _replace),
    "move": (("from", "path"), _move),
    "copy": (("from", "path"), _copy),
    "test": (("path", "value"), _test),
}
