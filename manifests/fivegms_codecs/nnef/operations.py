"""The operations that NNEF 1.0 defines, read from `standard.nnef`.

They are declared in NNEF itself. One with a body is compound: it can be put in terms of others,
down to the primitive ones, which have none (TR 26.927 6.5.6).
"""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from fivegms_codecs.nnef.parser import parse_fragments
from fivegms_codecs.nnef.syntax import Fragment

EXTERNAL, CONSTANT, VARIABLE = "external", "constant", "variable"

QUANTISERS = frozenset(
    {
        "linear_quantize",
        "logarithmic_quantize",
        "min_max_linear_quantize",
        "zero_point_linear_quantize",
    }
)
"""The operations that an entry of a quantisation file may name."""


@cache
def standard() -> Mapping[str, Fragment]:
    """Every standard operation by name, in the order of `standard.nnef`."""
    text = files(__package__).joinpath("standard.nnef").read_text("utf-8")
    return MappingProxyType({one.name: one for one in parse_fragments(text)})


def is_compound(name: str) -> bool:
    """Whether a standard operation is made of others."""
    fragment = standard().get(name)
    return fragment is not None and fragment.body is not None
