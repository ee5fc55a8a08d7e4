"""Request bodies into values: JSON read distrustfully, models validated, faults named by pointer.

Knows neither HTTP nor any one resource.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, NoReturn, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from fivegms_af.errors import BodyMalformed, MembersRefused
from fivegms_api.problem_details import InvalidParam, json_pointer
from fivegms_api.wire import WireModel

Json = Any
Model = TypeVar("Model", bound=WireModel)

MAX_DEPTH = 32
MAX_FAULTS = 50

NULLABLE = frozenset({"maxInterruptionDuration", "maxResponseTimeDifference"})
"""Members whose 3GPP type has null for "none" (TS 29.571, the types that end in Rm)."""


def parse_json(body: bytes) -> Json:
    """The JSON value that UTF-8 `body` holds (RFC 8259).

    Raises BodyMalformed for what parsers disagree on as well: a member that occurs twice, NaN and
    Infinity, lone surrogates, nesting deeper than 32.
    """
    try:
        text = body.decode("utf-8")
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_refuse_constant)
        refuse_depth(value)
        canonical_json(value)
    except (ValueError, RecursionError) as error:
        raise BodyMalformed(f"the body is not JSON: {error}") from error
    return value


def canonical_json(value: Json) -> bytes:
    """The one compact UTF-8 form that is stored and digested."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def refuse_depth(value: Json) -> None:
    """Raises ValueError for nesting deeper than 32; looks level by level, without recursion."""
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            raise ValueError(f"it is nested deeper than {MAX_DEPTH}")
        level = [child for item in level for child in _children(item)]


def validate(model: type[Model], document: Json) -> Model:
    """`document` as a `model`, strictly: no conversions, 3GPP's spelling only, and no null in the
    place of a member that is left out.

    Raises MembersRefused with one entry per fault.
    """
    if nulls := list(_nulls(document)):
        params = (InvalidParam(param=one, reason="is null; leave it out") for one in nulls)
        raise MembersRefused(*list(params)[:MAX_FAULTS])
    try:
        return model.model_validate_json(
            canonical_json(document), strict=True, by_alias=True, by_name=False
        )
    except ValidationError as error:
        faults = _innermost(error.errors(include_url=False, include_context=False))
        named = dict.fromkeys(_fault(document, fault) for fault in faults)
        raise MembersRefused(*list(named)[:MAX_FAULTS]) from error


def _nulls(value: Json, *place: str | int) -> Iterator[str]:
    """Pointers to every null that stands for nothing."""
    if isinstance(value, dict):
        for name, member in value.items():
            if member is not None or name not in NULLABLE:
                yield from _nulls(member, *place, name)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _nulls(item, *place, index)
    elif value is None:
        yield json_pointer(*place)


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    members = dict(pairs)
    if len(members) != len(pairs):
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"member {twice!r} occurs twice")
    return members


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _children(value: Json) -> Iterable[Json]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _innermost(faults: list[ErrorDetails]) -> list[ErrorDetails]:
    """Without those that only follow from others: an array with a bad item counts as too short."""
    outer = {fault["loc"][:depth] for fault in faults for depth in range(len(fault["loc"]))}
    return [fault for fault in faults if fault["loc"] not in outer]


def _fault(document: Json, fault: ErrorDetails) -> InvalidParam:
    reasons = {
        "missing": "is required",
        "extra_forbidden": "is not a member of this resource",
    }
    reason = reasons.get(fault["type"]) or fault["msg"].removeprefix("Value error, ")
    return InvalidParam(param=json_pointer(*_members(document, fault["loc"])), reason=reason)


def _members(document: Json, location: tuple[int | str, ...]) -> list[int | str]:
    """`location` without the names of union branches, which pydantic mixes in."""
    kept: list[int | str] = []
    for place, part in enumerate(location):
        is_last = place == len(location) - 1
        if _holds(document, part):
            document = document[part]
        elif not (is_last and isinstance(document, dict)):
            continue
        kept.append(part)
    return kept


def _holds(document: Json, part: int | str) -> bool:
    if isinstance(document, dict):
        return part in document
    return isinstance(document, list) and isinstance(part, int) and part < len(document)
