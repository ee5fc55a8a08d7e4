"""The table is total, its types are apart from one another, and docs/errors.md has them all."""

import inspect

import pytest

from fivegms_af import errors
from fivegms_af.problems import (
    HTTP_PROBLEMS,
    INTERNAL_ERROR,
    METHOD_NOT_ALLOWED,
    PROBLEMS,
    REQUEST_INVALID,
    UNKNOWN_RESOURCE,
    Problem,
    problem_details,
)
from fivegms_af.security.errors import SettingsRefused
from support import PROJECT

ALL = [
    *PROBLEMS.values(),
    UNKNOWN_RESOURCE,
    METHOD_NOT_ALLOWED,
    REQUEST_INVALID,
    INTERNAL_ERROR,
]


def leaves(base: type[Exception]) -> set[type[Exception]]:
    below = base.__subclasses__()
    return {leaf for one in below for leaf in leaves(one)} if below else {base}


def test_every_error_has_a_row_but_what_keeps_the_af_from_starting() -> None:
    assert leaves(errors.ApplicationFunctionError) - {SettingsRefused} == set(PROBLEMS)


def test_the_tree_at_the_top_of_the_module_is_the_tree() -> None:
    tree = inspect.getdoc(errors) or ""
    names = {name for name, one in vars(errors).items() if inspect.isclass(one)}
    assert all(name in tree for name in names - {"InvalidParam"})


def test_types_differ() -> None:
    assert len({problem.type for problem in ALL}) == len(ALL)
    assert set(HTTP_PROBLEMS.values()) <= set(ALL)


@pytest.mark.parametrize("problem", ALL, ids=lambda problem: problem.name)
def test_every_type_is_documented(problem: Problem) -> None:
    text = (PROJECT / "docs" / "errors.md").read_text(encoding="utf-8")
    section = text.partition("## Application Function")[2].partition("\n## ")[0]
    assert f"| `{problem.name}` | {problem.status.value} |" in section


def test_a_problem_says_what_where_and_why() -> None:
    details = problem_details(errors.HostingExists(), "/path")
    assert details.type == "urn:fivegms:problem:content-hosting-configuration-exists"
    assert details.status == 409
    assert details.instance == "/path"
    assert "PUT or PATCH" in (details.detail or "")
    assert details.invalid_params is None
