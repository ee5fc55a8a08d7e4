"""docs/trust.md: each attack of its table is a test that exists, and its five lines run."""

import contextlib
import io
import re
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fivegms_client.trust import TrustMode, TrustPolicy
from fivegms_manifests.release import MAX_RELEASE_BYTES, RELEASE_TYPE, write_release
from support import PROJECT
from support.markdown import Page
from support.onnx_graphs import perceptron
from support.published_model import publish
from support.signatures import SigningProvider

PAGE = Page.read(PROJECT / "docs" / "trust.md")
SHOWN = re.findall(r"\| `(test_\w+)` \|", PAGE.text)


@pytest.mark.parametrize("name", SHOWN)
def test_each_attack_is_shown_by_a_test(name: str) -> None:
    tests = (path.read_text(encoding="utf-8") for path in (PROJECT / "tests").rglob("test_*.py"))
    assert any(f"def {name}(" in text for text in tests)


def test_there_is_a_table_of_attacks() -> None:
    assert len(SHOWN) >= 15


def test_the_five_lines_of_an_app_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    provider = SigningProvider()
    published = publish(perceptron())
    files = provider.sign(published, expires=datetime.now(UTC) + timedelta(days=1))
    for name, data in files.items():
        path = tmp_path / "digits" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (tmp_path / "provider.pub.pem").write_bytes(provider.public_pem)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    code = PAGE.code("python")[0]
    assert len(code.strip().splitlines()) <= 6, "five lines and a blank one"
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(code, "trust.md", "exec"), {})
    assert printed.getvalue() == f"{provider.fingerprint} 100\n"
    assert list((tmp_path / "state" / "fivegms" / "releases").glob("*.json"))


@pytest.mark.parametrize("name", [field.name for field in fields(TrustPolicy)])
def test_every_member_of_a_policy_is_documented(name: str) -> None:
    assert f"\n| `{name}` |" in PAGE.text


@pytest.mark.parametrize("mode", TrustMode)
def test_every_mode_is_documented(mode: str) -> None:
    assert f"\n| `{mode}` |" in PAGE.text


def test_the_release_is_described_as_it_is_written() -> None:
    provider = SigningProvider()
    document = write_release(provider.release(b"")).decode()
    for member in re.findall(r'"(\w+)":', document):
        assert f"`{member}`" in PAGE.text
    assert f"`{RELEASE_TYPE}`" in PAGE.text
    assert f"{MAX_RELEASE_BYTES // 1024} KiB" in PAGE.text
