"""docs/interfaces.md has every route and every option."""

import pytest

from fivegms_af.__main__ import parser
from fivegms_af.m1.table import M1_ROUTES
from fivegms_af.m5.table import M5_ROUTES
from fivegms_af.routes import Route
from support import PROJECT

PAGE = (PROJECT / "docs" / "interfaces.md").read_text(encoding="utf-8")
M1_SECTION = PAGE.partition("## M1")[2].partition("\n## ")[0]
M5_SECTION = PAGE.partition("## M5")[2].partition("\n## ")[0]


def test_the_base_path_of_m1_is_documented() -> None:
    assert {f"Base path `{route.api.base_path}`" for route in M1_ROUTES} == {
        next(line for line in M1_SECTION.splitlines() if line.startswith("Base path")).rstrip(".")
    }


@pytest.mark.parametrize("route", M1_ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_every_m1_route_is_documented(route: Route) -> None:
    assert f"| {route.method} | `{route.path}` |" in M1_SECTION


@pytest.mark.parametrize("route", M5_ROUTES, ids=lambda route: route.full_path)
def test_every_m5_route_is_documented(route: Route) -> None:
    assert f"| {route.method} | `{route.full_path}` |" in M5_SECTION


def test_every_option_is_documented() -> None:
    options = [one for action in parser()._actions for one in action.option_strings]
    long = [one for one in options if one.startswith("--") and one != "--help"]
    assert [one for one in long if f"| `{one}" not in PAGE] == []
