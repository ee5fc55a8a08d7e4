"""How much memory the machine has, and a bound for a process that reads what came from outside.

The bound is on private writable memory (RLIMIT_DATA, Linux 4.7 and later): code and mapped files do
not count. A process that wants more is refused it and ends; nobody else is killed in its place.
"""

import os
import resource
import sys
from pathlib import Path

_CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")


def machine_memory_bytes(cgroup_limit: Path = _CGROUP_LIMIT) -> int:
    """The physical memory, or what the container is allowed of it where that is less."""
    physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    try:
        allowed = cgroup_limit.read_text(encoding="ascii").strip()
    except OSError:
        return physical
    return min(physical, int(allowed)) if allowed.isdigit() else physical


def bound_memory(pid: int, limit_bytes: int) -> None:
    """Bound a process and all that it starts from now on; nothing where the system cannot.

    Raises ProcessLookupError.
    """
    if sys.platform == "linux":
        resource.prlimit(pid, resource.RLIMIT_DATA, (limit_bytes, limit_bytes))
