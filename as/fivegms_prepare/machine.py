"""The machine and the engine that a latency was measured with: a figure means nothing without."""

import os
import platform
from importlib.metadata import version
from pathlib import Path

import onnxruntime

_SOFTWARE = ("fivegms-ai", "onnx", "onnxruntime", "onnxslim", "numpy", "backports.zstd", "av")


def describe_machine() -> str:
    """Processor, usable cores and operating system."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{_processor()}, {cores} cores, {platform.system()}"


def describe_engine(providers: tuple[str, ...]) -> str:
    """onnxruntime's version and where it runs the model."""
    return f"onnxruntime {onnxruntime.__version__} {'+'.join(providers)}"


def describe_software() -> tuple[str, ...]:
    """The machine, and the versions of everything that a prepared byte or figure depends on."""
    return (describe_machine(), *(f"{name} {version(name)}" for name in _SOFTWARE))


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()
