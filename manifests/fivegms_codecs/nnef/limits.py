"""How much a reader of NNEF accepts before it refuses."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NnefLimits:
    """Bounds on untrusted NNEF, each checked before what it bounds is allocated."""

    max_text_bytes: int = 16 * 2**20
    max_nesting: int = 40
    """Expressions inside expressions as they are written."""
    max_depth: int = 120
    """Expressions and fragments inside one another as they are evaluated."""
    max_steps: int = 2_000_000
    """Expressions that are evaluated while a graph is made flat."""
    max_items: int = 2**20
    """Items of one array, characters of one string."""
    max_tensor_bytes: int = 2**32
    max_files: int = 100_000
    max_package_bytes: int = 2**34


DEFAULT_LIMITS = NnefLimits()
