"""`fivegms convert`, as a user runs it."""

import shutil
from pathlib import Path

import onnx
import pytest

from fivegms_prepare.nnef import open_package, write_nnef
from fivegms_prepare.source import separate_checked
from fivegms_testbed.cli.exit_codes import ExitCode
from support.command import fivegms
from support.containers import hdf5
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
    assert (tmp_path / "back.onnx").read_bytes() != (tmp_path / "small.onnx").read_bytes()


def test_what_cannot_be_converted_is_refused(tmp_path: Path) -> None:
    onnx.save(classifier(), tmp_path / "m.onnx")
    done = fivegms("convert", "m.onnx", "other.onnx", cwd=tmp_path)
    assert done.exit_code == ExitCode.BAD_INPUT
    assert "already" in done.messages
    (tmp_path / "text").write_text("no model")
    done = fivegms("convert", "text", "m.tgz", cwd=tmp_path)
    assert done.exit_code == ExitCode.BAD_INPUT


def test_what_a_representation_is_taken_from_may_be_packed_in_any_way(tmp_path: Path) -> None:
    write_nnef(separate_checked(classifier(), tmp_path), tmp_path / "net", int8=True)
    shutil.make_archive(str(tmp_path / "packed"), "zip", tmp_path, "net")
    for source in ("net", "packed.zip"):
        done = fivegms(
            "convert", source, f"{source}.onnx", "--representation=int8", "--representation=",
            cwd=tmp_path,
        )  # fmt: skip
        assert done.exit_code == ExitCode.OK, done.messages
    assert (tmp_path / "net.onnx").read_bytes() == (tmp_path / "packed.zip.onnx").read_bytes()


@pytest.mark.parametrize(
    "arguments",
    [
        ("m.h5", "m.onnx", "--int8"),
        ("m.h5", "m.onnx", "--representation=int8"),
        ("m.h5", "m.tgz", "--representation=int8"),
    ],
)
def test_an_option_that_would_change_nothing_is_refused(
    arguments: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "m.h5").write_bytes(hdf5())
    done = fivegms("convert", *arguments, cwd=tmp_path)
    assert done.exit_code == ExitCode.USAGE
    assert arguments[-1].partition("=")[0] in done.messages
