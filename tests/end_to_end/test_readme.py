"""The README's five lines of Python run as they are printed, addresses apart."""

import contextlib
import io
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
