"""With --no-skips a skipped test fails, whatever skipped it; licensed data may be absent."""

import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from xml.etree import ElementTree as ET

import pytest

from support import PROJECT

SKIPPED = dedent(
    """
    import pytest
    from support import shared_data

    def test_in_the_body(): pytest.skip("no nginx")

    @pytest.mark.skipif(True, reason="no nginx")
    def test_by_a_mark(): ...

    @pytest.mark.xfail
    def test_expected_to_fail(): raise ValueError

    def test_without_shared_data(): shared_data("nonesuch")
    """
)
FAULTS = {"failure", "error"}
SKIPPED_WHOLE = 'import pytest\npytest.importorskip("nonesuch")\ndef test_it(): ...'


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder of skipped tests under the project's conftest and settings."""
    (tmp_path / "conftest.py").write_bytes((PROJECT / "tests" / "conftest.py").read_bytes())
    (tmp_path / "test_some.py").write_text(SKIPPED)
    (tmp_path / "test_whole.py").write_text(SKIPPED_WHOLE)
    return tmp_path


def _failures(folder: Path, *options: str) -> set[str]:
    """The tests and modules that fail when pytest runs in `folder`."""
    settings = ["-c", str(PROJECT / "pyproject.toml"), "--rootdir", str(folder)]
    report = ["--junit-xml=report.xml", "--continue-on-collection-errors", "."]
    command = [sys.executable, "-m", "pytest", *settings, *options, *report]
    done = subprocess.run(command, cwd=folder, check=False, capture_output=True)
    cases = list(ET.parse(folder / "report.xml").iter("testcase"))
    assert len(cases) == 5
    failed = {str(case.get("name")) for case in cases if {one.tag for one in case} & FAULTS}
    assert bool(failed) == bool(done.returncode)
    return failed


def test_every_skip_fails_but_the_one_for_licensed_data(project: Path) -> None:
    assert _failures(project, "--no-skips") == {"test_in_the_body", "test_by_a_mark", "test_whole"}


def test_skips_pass_where_nobody_forbids_them(project: Path) -> None:
    assert _failures(project) == set()
