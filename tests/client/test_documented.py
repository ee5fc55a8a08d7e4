"""docs/client.md has every option, error and figure that there is."""

import re
from dataclasses import fields

import pytest

from fivegms_client import AccessOptions, Prefer, Timings, errors
from support import PROJECT

PAGE = (PROJECT / "docs" / "client.md").read_text(encoding="utf-8")
KINDS = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, Exception)
}
GROUPS = {"ClientError", "NotTrusted", "SegmentFailed", "ModelDamaged"}


@pytest.mark.parametrize("name", sorted(KINDS.keys() - GROUPS))
def test_every_error_is_documented(name: str) -> None:
    assert f"\n| `{name}` |" in PAGE


def test_the_tree_at_the_top_of_errors_is_complete() -> None:
    drawn = re.findall(r"^ {4,}(\w+)(?: {2}|$)", errors.__doc__ or "", re.MULTILINE)
    assert sorted(drawn) == sorted(KINDS)


@pytest.mark.parametrize("name", [field.name for field in fields(AccessOptions)])
def test_every_option_is_documented(name: str) -> None:
    assert f"\n| `{name}` |" in PAGE


@pytest.mark.parametrize("name", [field.name for field in fields(Timings)])
def test_every_figure_is_documented(name: str) -> None:
    assert f"`{name}`" in PAGE


@pytest.mark.parametrize("wish", Prefer)
def test_every_wish_is_documented(wish: str) -> None:
    assert f"\n| `{wish}`" in PAGE
