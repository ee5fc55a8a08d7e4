import platform
from pathlib import Path

import pytest

from fivegms_client.device import free_memory_bytes, measure_device
from fivegms_manifests.model import Opset

MEMINFO = "MemTotal:  2000 kB\nMemFree:  100 kB\nMemAvailable:  1000 kB\n"


def machine(root: Path, **files: str) -> Path:
    paths = {
        "meminfo": "proc/meminfo",
        "limit": "sys/fs/cgroup/memory.max",
        "used": "sys/fs/cgroup/memory.current",
    }
    for name, text in files.items():
        path = root / paths[name]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.mark.parametrize(
    ("files", "free"),
    [
        ({}, None),
        ({"meminfo": "MemFree: 1 kB\n"}, None),
        ({"meminfo": MEMINFO}, 1000 * 1024),
        ({"meminfo": MEMINFO, "limit": "max\n", "used": "5\n"}, 1000 * 1024),
        ({"meminfo": MEMINFO, "limit": "5000\n", "used": "2000\n"}, 3000),
        ({"limit": "5000\n", "used": "6000\n"}, 0),
    ],
)
def test_free_memory_is_the_smaller_bound(
    tmp_path: Path, files: dict[str, str], free: int | None
) -> None:
    assert free_memory_bytes(machine(tmp_path, **files)) == free


def test_this_device_is_measured() -> None:
    device = measure_device()
    assert device.operating_system == platform.system().lower().replace("darwin", "macos")
    assert device.accelerators == ("cpu",)
    assert any(known.covers(Opset("", 17)) for known in device.opsets)
    assert any(known.covers(Opset("ai.onnx", 17)) for known in device.opsets)
    assert not any(known.covers(Opset("", 999)) for known in device.opsets)
    assert device.max_ir_version >= 8
    assert {"raw", "planes+zstd", "int8+zstd"} <= device.codecs


def test_an_accelerator_counts_only_where_the_engine_is_told_to_use_it() -> None:
    both = measure_device(["CUDAExecutionProvider", "CPUExecutionProvider"])
    assert both.accelerators == ("gpu", "cpu")
