"""The settings of an Application Server, each with its default and its unit."""

import os
from dataclasses import dataclass
from pathlib import Path

from fivegms_api.endpoint import Endpoint
from fivegms_as.admission import Network
from fivegms_as.memory_limit import machine_memory_bytes

GIB = 2**30
MIB = 2**20
DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class MutualTls:
    """PEM files of a listener that takes only clients whose certificate `client_ca` signed."""

    certificate: Path
    key: Path
    client_ca: Path


@dataclass(frozen=True, slots=True)
class AsConfig:
    """Where an Application Server listens, what it keeps, and how much it takes.

    `m3` is for the AF alone, `m4` for UEs, `m4_tls` the same by TLS, `m2` for providers; without
    `m2`, providers are served where UEs are.
    `data_dir` holds everything that outlives the process and belongs to one server at a time.
    """

    m3: Endpoint
    m4: Endpoint
    data_dir: Path
    m2: Endpoint | None = None
    m4_tls: Endpoint | None = None
    m3_tls: MutualTls | None = None
    max_upload_bytes: int = 4 * GIB
    partial_upload_ttl_s: float = 7 * DAY_S
    memory_cache_bytes: int = 256 * MIB
    preparation_jobs: int = max(1, (os.cpu_count() or 2) // 2)
    preparation_timeout_s: float = 3600.0
    preparation_memory_bytes: int | None = None
    inference_slots: int = os.cpu_count() or 1
    locations: Path | None = None
    trusted_proxies: tuple[Network, ...] = ()
    pull_ingest: bool = True
    pull_cache_bytes: int = 16 * GIB
    pull_timeout_s: float = 300.0
    pull_retry_s: float = 5.0
    allow_private_origins: bool = False
    keepalive_timeout_s: float = 75.0
    shutdown_timeout_s: float = 2.0

    @property
    def effective_preparation_memory_bytes(self) -> int:
        """What one preparation may take: by default its share of three quarters of the machine."""
        share = machine_memory_bytes() * 3 // 4 // self.preparation_jobs
        return self.preparation_memory_bytes or share
