"""Freed arrays go back to the system, not into a reserve of the C library.

glibc raises the size from which an allocation has pages of its own to that of the largest it has
freed, up to 32 MiB. Weights of one variant that were freed then leave holes in a heap that those of
the next do not fit, and a process that holds one variant at a time keeps the pages of two.
"""

import ctypes

_MMAP_THRESHOLD = -3  # M_MMAP_THRESHOLD of malloc.h; once set, it no longer moves
_OWN_PAGES_BYTES = 1 << 20


def return_freed_memory() -> None:
    """Give allocations of 1 MiB and more pages of their own, in the whole process.

    Does nothing where the C library has no such setting.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _OWN_PAGES_BYTES)
