"""How much a reader of NNEF accepts before it refuses."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NnefLimits:
    """Bounds on untrusted NNEF, each checked before what it bounds is allocated."""

    max_text_bytes: int = 16 * 2**20
    max_nesting: int = 40
    """Expressions inside expressions as they are written."""
    max_depth: int = 60
    """Expressions and fragments inside one another as they are evaluated."""
    max_steps: int = 8_000_000
    """Expressions and items that are evaluated while a graph is made flat."""
    max_tensor_bytes: int = 2**32
    max_files: int = 100_000
    max_package_bytes: int = 2**34


DEFAULT_LIMITS = NnefLimits()
