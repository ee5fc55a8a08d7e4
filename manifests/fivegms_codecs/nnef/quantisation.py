"""Quantisation files: by what algorithm, with what parameters, a tensor is quantised.

    "tensor": zero_point_linear_quantize(zero_point = 0, scale = 0.01, bits = 8, ...);

The algorithm is an operation of NNEF that gives the rounded numbers; its first argument is the
tensor itself. Tensor files hold the levels between, which `dequantise` makes numbers again
(TR 26.927 6.5.6; NNEF 1.0, "Quantization file format").
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fivegms_codecs.nnef.binding import bind, conform
from fivegms_codecs.nnef.errors import ArgumentInvalid, QuantisationInvalid
from fivegms_codecs.nnef.graph import Value
from fivegms_codecs.nnef.limits import DEFAULT_LIMITS, NnefLimits
from fivegms_codecs.nnef.operations import QUANTISERS, standard
from fivegms_codecs.nnef.parser import parse_quantisation
from fivegms_codecs.nnef.syntax import Array, Call, Expression, Literal, Tuple
from fivegms_codecs.nnef.writer import write_invocation

Floats = NDArray[np.float32]
_MAX_BITS = 32


@dataclass(frozen=True, slots=True)
class Quantisation:
    """How a tensor is quantised: an operation of `QUANTISERS` and its parameters but the tensor."""

    operation: str
    parameters: Mapping[str, Value]


def read_quantisation(
    text: str | bytes, limits: NnefLimits = DEFAULT_LIMITS
) -> Mapping[str, Quantisation]:
    """A quantisation file, by tensor. Raises SyntaxInvalid, QuantisationInvalid and TooLarge."""
    return {
        tensor: _quantisation(tensor, call)
        for tensor, call in parse_quantisation(text, limits).items()
    }


def write_quantisation(entries: Mapping[str, Quantisation]) -> str:
    """The quantisation file with those entries, by name."""
    return "".join(f'"{tensor}": {_invocation(entries[tensor])};\n' for tensor in sorted(entries))


def quantise_int8(numbers: Floats) -> tuple[NDArray[np.int8], Quantisation]:
    """Levels -127 to 127 in even steps around 0, the largest magnitude at the end.

    Raises QuantisationInvalid for numbers that are not finite.
    """
    largest = float(np.max(np.abs(numbers), initial=0.0))
    if not np.isfinite(largest):
        raise QuantisationInvalid("numbers that are not finite have no levels")
    # Not below the normal numbers: a step that float32 rounds to 0 divides nothing.
    scale = max(largest / 127, float(np.finfo(np.float32).tiny)) if largest else 1.0
    levels = np.clip(np.rint(numbers / scale), -127, 127).astype(np.int8)
    parameters = {"zero_point": 0, "scale": scale, "bits": 8, "signed": True, "symmetric": True}
    return levels, Quantisation("zero_point_linear_quantize", parameters)


def dequantise(levels: NDArray[np.generic], how: Quantisation) -> Floats:
    """The numbers that levels stand for, float32. Raises QuantisationInvalid."""
    given = how.parameters
    numbers = levels.astype(np.float64)
    match how.operation:
        case "zero_point_linear_quantize":
            numbers = (numbers - _real(given["zero_point"])) * _real(given["scale"])
        case "linear_quantize":
            numbers = _between(numbers, given, 2 ** _bits(given) - 1)
        case "min_max_linear_quantize":
            symmetric = bool(given["symmetric"])
            signed = bool(given["signed"])
            steps = 2 ** _bits(given) - 1 - (signed and symmetric)
            shift = 2 ** (_bits(given) - 1) - symmetric if signed else 0
            numbers = _between(numbers + shift, given, steps)
        case operation:
            raise QuantisationInvalid(f"levels of {operation} are not defined for tensor files")
    return numbers.astype(np.float32)


def _quantisation(tensor: str, call: Call) -> Quantisation:
    if call.name not in QUANTISERS:
        raise QuantisationInvalid(f"{tensor!r}: {call.name!r} is no quantisation of NNEF")
    fragment = standard()[call.name]
    named = {key: _literal(tensor, value) for key, value in call.named}
    if call.positional or call.dtype is not None or len(named) < len(call.named):
        raise QuantisationInvalid(f"{tensor!r}: the parameters are given by name, each once")
    own = fragment.parameters[0].name
    try:
        bound = bind(fragment, (), {own: 0.0, **named}, lambda one: _literal(tensor, one))
    except ArgumentInvalid as error:
        raise QuantisationInvalid(f"{tensor!r}: {error}") from None
    parameters = {}
    for parameter in fragment.parameters[1:]:
        value = conform(bound[parameter.name], parameter.type, None, {})
        if value is None:
            raise QuantisationInvalid(f"{tensor!r}: {parameter.name!r} is not of its type")
        parameters[parameter.name] = value
    found = Quantisation(call.name, parameters)
    _bits(found.parameters)
    return found


def _literal(tensor: str, expression: Expression) -> Value:
    match expression:
        case Literal(value):
            return value
        case Array(items) | Tuple(items):
            return tuple(_literal(tensor, item) for item in items)
        case _:
            raise QuantisationInvalid(f"{tensor!r}: a parameter is not a literal")


def _bits(parameters: Mapping[str, Value]) -> int:
    bits = parameters["bits"]
    if not isinstance(bits, int) or not 1 <= bits <= _MAX_BITS:
        raise QuantisationInvalid(f"levels of {bits} bits; 1 to {_MAX_BITS} are read here")
    return bits


def _real(value: Value) -> float:
    if not isinstance(value, int | float):
        raise QuantisationInvalid("a parameter is not a number")
    return float(value)


def _between(
    numbers: NDArray[np.float64], given: Mapping[str, Value], steps: int
) -> NDArray[np.float64]:
    if steps < 1:
        raise QuantisationInvalid("the parameters leave one level only")
    least, most = _real(given["min"]), _real(given["max"])
    return numbers / steps * (most - least) + least


def _invocation(how: Quantisation) -> str:
    return write_invocation(standard()[how.operation], how.parameters, None, skip=1)
