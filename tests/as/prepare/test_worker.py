"""The worker process: one JSON object a line, and an exit code."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fivegms_prepare.__main__ import main
from support.onnx_graphs import classifier, model_of, node


def inputs(folder: Path, model: bytes, template: str = "") -> list[str]:
    (folder / "model.onnx").write_bytes(model)
    default = '{"model": {"name": "m", "task": "t"}, "source": "model.onnx"}'
    (folder / "template.json").write_text(template or default)
    names = {"source": "model.onnx", "template": "template.json", "out": "out"}
    return [part for key, name in names.items() for part in (f"--{key}", str(folder / name))]


def lines(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


@pytest.mark.requirement("R101")
def test_as_a_process(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "fivegms_prepare",
            *inputs(tmp_path, classifier().SerializeToString()),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    *progress, last = lines(done.stdout)
    assert progress[0] == {"progress": {"stage": "checking", "fraction": 0.0}}
    assert last["result"]["manifest"] == "model.mpd"
    assert last["result"]["variants"][0]["sizeBytes"] > 0
    assert all((tmp_path / "out" / name).is_file() for name in last["result"]["files"])


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    assert main(arguments) == 1
    refusal: dict[str, str] = lines(capsys.readouterr().out)[-1]["refused"]
    return refusal


def test_model_that_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    refusal = refused(inputs(tmp_path, b"no model"), capsys)
    assert refusal["type"] == "not-onnx"
    assert "not an ONNX model" in refusal["detail"]


@pytest.mark.parametrize(
    ("template", "where"),
    [("no JSON", "document"), ("{}", "model"), ('{"model": {"name": "m"}}', "model.task")],
)
def test_template_that_is_none(
    template: str, where: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    refusal = refused(inputs(tmp_path, b"", template), capsys)
    assert refusal["type"] == "template-invalid"
    assert f"the template's {where}" in refusal["detail"]


def test_template_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = inputs(tmp_path, b"")
    (tmp_path / "template.json").unlink()
    assert refused(arguments, capsys)["type"] == "template-invalid"


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "--evaluation-dir" in capsys.readouterr().out


_LIMITED = """
import resource, sys
from fivegms_prepare.__main__ import main
with open("/proc/self/statm") as statm:
    data_bytes = int(statm.read().split()[5]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_DATA, (data_bytes + 32 * 2**20,) * 2)
sys.exit(main(sys.argv[1:]))
"""


def test_too_little_memory_is_named(tmp_path: Path) -> None:
    shape = ("float32", [2**24])
    model = model_of(
        [node("Add", "x w", "y")], {"x": shape}, {"y": shape}, {"w": np.zeros(2**24, np.float32)}
    )
    arguments = inputs(tmp_path, model.SerializeToString())
    done = subprocess.run(
        [sys.executable, "-c", _LIMITED, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stderr
    assert lines(done.stdout)[-1]["refused"]["type"] == "out-of-memory"
    assert list((tmp_path / "out").iterdir()) == []
