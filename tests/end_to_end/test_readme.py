"""The README's code and commands run as they are printed, addresses and folders apart."""

import contextlib
import io
import shlex
from pathlib import Path

import pytest

from fivegms_testbed import assets
from support import PROJECT
from support.command import deployment, fivegms
from support.markdown import Page

M5_IN_README = "http://127.0.0.1:7778"
CLIP_IN_README = "testbed/fivegms_testbed/assets/clip.mp4"


@pytest.mark.requirement("R102")
@pytest.mark.requirement("R104")
def test_the_five_lines_recognise_objects(tmp_path: Path) -> None:
    (code,) = Page.read(PROJECT / "README.md").code("python")
    assert len(code.strip().splitlines()) <= 6, "five lines and a blank one"
    with deployment(tmp_path) as addresses:
        template = tmp_path / "template.json"
        template.write_text('{"model": {"task": "object-detection"}}')
        model = assets.detector_model()
        published = fivegms(
            "publish", model, "--template", template, "--m1", addresses["m1"], "--json"
        )
        assert published.exit_code == 0, published.messages
        code = code.replace(M5_IN_README, addresses["m5"])
        code = code.replace(CLIP_IN_README, str(assets.clip()))
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(compile(code, "README.md", "exec"), {})
    lines = printed.getvalue().splitlines()
    assert len(lines) == 250
    assert "Detection(" in lines[100]


def test_a_folder_is_prepared_and_published(tmp_path: Path) -> None:
    blocks = Page.read(PROJECT / "README.md").code("sh")
    (block,) = (block for block in blocks if "fivegms prepare" in block)
    prepare, publish = block.replace("\\\n", "").strip().splitlines()
    folder = str(tmp_path / "prepared")
    with deployment(tmp_path / "data") as addresses:
        for line, more in ((prepare, ()), (publish, ("--m1", addresses["m1"], "--json"))):
            words = [folder if word == "prepared" else word for word in shlex.split(line)[1:]]
            done = fivegms(*words, *more, cwd=PROJECT)
            assert done.exit_code == 0, done.messages
    ids = [variant["id"] for variant in done.json()["model"]["variants"]]
    assert ids == ["int8", "fp16-layer", "fp32-layer"]
