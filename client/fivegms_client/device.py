"""What this device can do, measured where it can be: the shell beside `capabilities`."""

import platform
import sys
from collections.abc import Sequence
from pathlib import Path

from fivegms_client.capabilities import DeviceCapabilities, OpsetRange
from fivegms_engine.capability import (
    CLASSICAL_DOMAIN,
    MODEL_DOMAIN,
    newest_ir_version,
    newest_opset,
)
from fivegms_engine.session import DEFAULT_PROVIDERS

ENGINE = "onnxruntime"

_ACCELERATORS = {
    "CPUExecutionProvider": "cpu",
    "CUDAExecutionProvider": "gpu",
    "ROCMExecutionProvider": "gpu",
    "DmlExecutionProvider": "gpu",
    "CoreMLExecutionProvider": "npu",
    "NnapiExecutionProvider": "npu",
    "QNNExecutionProvider": "npu",
}
_SYSTEMS = {"darwin": "macos"}


def measure_device(providers: Sequence[str] = DEFAULT_PROVIDERS) -> DeviceCapabilities:
    """The capabilities of this device with these execution providers, free memory as of now."""
    return DeviceCapabilities(
        memory_free_bytes=free_memory_bytes(),
        operating_system=_operating_system(),
        engines=(ENGINE,),
        accelerators=_accelerators(providers),
        opsets=tuple(_opsets()),
        max_ir_version=newest_ir_version(),
    )


def free_memory_bytes(root: Path = Path("/")) -> int | None:
    """Memory that a new allocation can have without swapping, or None where the OS does not tell.

    The smaller of what the machine and what the control group (Linux) leave.
    """
    limits = [_available_memory(root / "proc/meminfo"), _control_group(root / "sys/fs/cgroup")]
    return min((limit for limit in limits if limit is not None), default=None)


def _available_memory(meminfo: Path) -> int | None:
    for line in _text(meminfo).splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


def _control_group(folder: Path) -> int | None:
    limit, used = _text(folder / "memory.max").strip(), _text(folder / "memory.current").strip()
    return max(0, int(limit) - int(used)) if limit.isdigit() and used.isdigit() else None


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def _operating_system() -> str:
    if hasattr(sys, "getandroidapilevel"):
        return "android"
    name = platform.system().lower()
    return _SYSTEMS.get(name, name)


def _accelerators(providers: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_ACCELERATORS[p] for p in providers if p in _ACCELERATORS))


def _opsets() -> list[OpsetRange]:
    newest = {domain: newest_opset(domain) for domain in (MODEL_DOMAIN, CLASSICAL_DOMAIN)}
    return [OpsetRange(domain, 1, last) for domain, last in newest.items() if last is not None]
