"""The settings of an Application Server, each with its default and its unit."""

import os
from dataclasses import dataclass
from pathlib import Path

from fivegms_api.endpoint import Endpoint
from fivegms_as.memory_limit import machine_memory_bytes

GIB = 2**30
MIB = 2**20


@dataclass(frozen=True, slots=True)
class AsConfig:
    """Where an Application Server listens, what it keeps, and how much it takes.

    `m3` is for the AF alone; `m4` serves providers (M2) and UEs (M4). `data_dir` holds everything
    that outlives the process and belongs to one server at a time.
    """

    m3: Endpoint
    m4: Endpoint
    data_dir: Path
    max_upload_bytes: int = 4 * GIB
    memory_cache_bytes: int = 256 * MIB
    preparation_jobs: int = max(1, (os.cpu_count() or 2) // 2)
    preparation_timeout_s: float = 3600.0
    preparation_memory_bytes: int | None = None
    shutdown_timeout_s: float = 2.0

    @property
    def effective_preparation_memory_bytes(self) -> int:
        """What one preparation may take: by default its share of three quarters of the machine."""
        share = machine_memory_bytes() * 3 // 4 // self.preparation_jobs
        return self.preparation_memory_bytes or share
