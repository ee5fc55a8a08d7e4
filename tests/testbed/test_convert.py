"""`fivegms convert`, as a user runs it."""

from pathlib import Path

import onnx
import pytest

from fivegms_prepare.nnef import open_package
from fivegms_testbed.cli.exit_codes import ExitCode
from support.command import fivegms
from support.onnx_graphs import classifier


@pytest.mark.requirement("R090d")
@pytest.mark.requirement("R154")
def test_onnx_becomes_nnef_and_onnx_again(tmp_path: Path) -> None:
    onnx.save(classifier(), tmp_path / "m.onnx")
    done = fivegms("convert", "m.onnx", "m.tgz", "--int8", "--json", cwd=tmp_path)
    assert done.exit_code == ExitCode.OK, done.messages
    assert done.json() == {
        "from": "onnx",
        "to": "m.tgz",
        "size_bytes": (tmp_path / "m.tgz").stat().st_size,
    }
    assert open_package(tmp_path / "m.tgz").representations("c1/filter") == ("", "int8")
    done = fivegms("convert", "m.tgz", "back.onnx", cwd=tmp_path)
    assert done.exit_code == ExitCode.OK, done.messages
    assert "from nnef" in done.output
    chosen = ("--representation", "int8", "--representation", "")
    done = fivegms("convert", "m.tgz", "small.onnx", *chosen, cwd=tmp_path)
    assert done.exit_code == ExitCode.OK, done.messages
    sizes = {(tmp_path / name).read_bytes() for name in ("back.onnx", "small.onnx")}
    assert len(sizes) == 2


def test_what_cannot_be_converted_is_refused(tmp_path: Path) -> None:
    onnx.save(classifier(), tmp_path / "m.onnx")
    done = fivegms("convert", "m.onnx", "other.onnx", cwd=tmp_path)
    assert done.exit_code == ExitCode.BAD_INPUT
    assert "already" in done.messages
    (tmp_path / "text").write_text("no model")
    done = fivegms("convert", "text", "m.tgz", cwd=tmp_path)
    assert done.exit_code == ExitCode.BAD_INPUT
