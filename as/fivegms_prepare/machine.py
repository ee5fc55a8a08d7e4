"""The machine and the engine that a latency was measured with: a figure means nothing without."""

import os
import platform
from pathlib import Path

import onnxruntime


def describe_machine() -> str:
    """Processor, usable cores and operating system."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{_processor()}, {cores} cores, {platform.system()}"


def describe_engine(providers: tuple[str, ...]) -> str:
    """onnxruntime's version and where it runs the model."""
    return f"onnxruntime {onnxruntime.__version__} {'+'.join(providers)}"


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()
