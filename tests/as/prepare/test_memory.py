"""A model is prepared in 2.5 times its size, beside what the libraries take."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from support.onnx_graphs import model_of, node, save

MIB = 2**20

MEASURED = """
import sys
from fivegms_prepare.__main__ import main

def peak_bytes():
    with open("/proc/self/status") as status:
        return next(1024 * int(line.split()[1]) for line in status if line.startswith("VmHWM"))

before = peak_bytes()
assert main(sys.argv[1:]) == 0
print(peak_bytes() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel tells the peak of memory")
def test_the_worker(tmp_path: Path) -> None:
    """One layer has most of the weights, as in VGG-16, where it makes the peak."""
    random = np.random.default_rng(2)
    weights = {
        "w1": random.standard_normal((12 * 1024, 1024), np.float32),
        "w2": random.standard_normal((1024, 4096), np.float32),
    }
    model = model_of(
        [node("MatMul", "x w1", "h"), node("Relu", "h", "r"), node("MatMul", "r w2", "y")],
        {"x": ("float32", [1, 12 * 1024])},
        {"y": ("float32", [1, 4096])},
        weights,
    )
    source = save(model, tmp_path / "model.onnx")
    (tmp_path / "template.json").write_text(
        '{"model": {"name": "m", "task": "t"}, "source": "model.onnx"}'
    )
    named = {"source": source, "template": tmp_path / "template.json", "out": tmp_path / "out"}
    arguments = [f"--{name}={path}" for name, path in named.items()]
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.splitlines()[-1]) <= 2.5 * source.stat().st_size + 16 * MIB
