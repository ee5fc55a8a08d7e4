"""Which scopes let a token do what, and how that follows from the table of routes.

An umbrella opens a whole interface; the title of an OpenAPI document opens that API alone, as the
scopes of 3GPP's service-based interfaces do (TS 29.510 6.3.5.2.2). `:read` after either opens GET
only. What a route accepts follows from its `Api`, so no route can be forgotten: an API at a base
path that this module does not know is open to operators alone.
"""

from collections.abc import Iterable, Mapping

from fivegms_af.routes import (
    M1_BASE_PATH,
    M5_BASE_PATH,
    M5_EXTENSION_BASE_PATH,
    OPERATOR_BASE_PATH,
    Api,
)

M1 = "3gpp-m1"
M5 = "3gpp-m5"
OPERATOR = "fivegms-operator"
EVENTS = "fivegms-events"
READ = ":read"
OPERATORS = frozenset({OPERATOR, OPERATOR + READ})

EVENT_EXPOSURE = "fivegms_M1_EventExposure"
"""The API that is for third parties, though its resources lie below a session of M1."""

_UMBRELLAS: Mapping[str, tuple[str, ...]] = {
    M1_BASE_PATH: (M1, OPERATOR),
    M5_BASE_PATH: (M5,),
    M5_EXTENSION_BASE_PATH: (M5,),
    OPERATOR_BASE_PATH: (OPERATOR,),
}
_READING = frozenset({"GET", "HEAD"})


def umbrellas(api: Api) -> tuple[str, ...]:
    """The scopes that open the whole interface to which the API belongs."""
    if api.title == EVENT_EXPOSURE:
        return (EVENTS, OPERATOR)
    return _UMBRELLAS.get(api.base_path, (OPERATOR,))


def accepted(api: Api, method: str) -> frozenset[str]:
    """The scopes any one of which opens `method` on the API.

    >>> sorted(accepted(Api("M5_MetricsReporting", "2.0.0", M5_BASE_PATH), "POST"))
    ['3gpp-m5', 'M5_MetricsReporting']
    """
    return _with_reading((*umbrellas(api), api.title), method)


def operators_only(method: str) -> frozenset[str]:
    """The scopes that open what belongs to no API of the tables."""
    return _with_reading((OPERATOR,), method)


def known(apis: Iterable[Api]) -> frozenset[str]:
    """Every scope that opens anything."""
    every = {scope for api in apis for scope in (*umbrellas(api), api.title)} | {OPERATOR}
    return frozenset(every | {scope + READ for scope in every})


def covers(granted: frozenset[str], wanted: str) -> bool:
    """Whether who was granted `granted` may have a token of scope `wanted`: that or less."""
    return wanted in granted or wanted.removesuffix(READ) in granted


def _with_reading(scopes: tuple[str, ...], method: str) -> frozenset[str]:
    if method not in _READING:
        return frozenset(scopes)
    return frozenset(scopes) | {scope + READ for scope in scopes}
