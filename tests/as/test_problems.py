"""The table of refusals is total, and every name in it is documented."""

import re

import pytest

from fivegms_api.problem_details import InvalidParam
from fivegms_as import errors, problems
from support import PROJECT

HTTP_ONLY = (
    problems.METHOD_NOT_ALLOWED,
    problems.BODY_TOO_LARGE,
    problems.MEDIA_TYPE_UNSUPPORTED,
    problems.REQUEST_INVALID,
    problems.INTERNAL,
)
TYPES = {kind.name: kind for kind in (*problems.PROBLEMS.values(), *HTTP_ONLY)}


def leaves(base):
    below = base.__subclasses__()
    return {base} if not below else {leaf for one in below for leaf in leaves(one)}


def test_every_error_that_a_request_can_meet_has_a_row():
    at_start = {errors.DataFolderInUse, errors.ListenerInvalid, errors.LocationsInvalid}
    others = {*leaves(errors.PreparationError), *at_start}  # the former are told of models
    assert leaves(errors.ApplicationServerError) - others == set(problems.PROBLEMS)


def test_no_two_errors_share_a_name():
    assert len(TYPES) == len(problems.PROBLEMS) + len(HTTP_ONLY)


@pytest.mark.parametrize("name", sorted(TYPES))
def test_every_problem_type_is_documented_with_its_status(name):
    row = re.search(rf"^\| `{name}` \| (\d+) \|", _application_server_section(), re.MULTILINE)
    assert row is not None
    assert int(row[1]) == TYPES[name].status


def test_every_preparation_failure_of_the_server_is_documented():
    section = _application_server_section()
    own = {leaf.type for leaf in leaves(errors.PreparationError)}
    for name in own | {"store-full", "awaiting-upload", "pull-failed"}:
        assert f"`{name}`" in section


def test_nothing_undocumented_is_documented():
    rows = re.findall(r"^\| `([a-z-]+)` \| \d+ \|", _application_server_section(), re.MULTILINE)
    assert sorted(rows) == sorted(TYPES)


def test_an_error_becomes_problem_details():
    error = errors.InvalidDocument("no", [InvalidParam(param="/a", reason="b")])
    details = problems.problem_details(error)
    assert details.type == "urn:fivegms:problem:invalid-document"
    assert (details.status, details.detail) == (400, "no")
    assert details.invalid_params == (InvalidParam(param="/a", reason="b"),)


def test_a_refused_field_is_named():
    details = problems.problem_details(errors.UploadFieldInvalid("Upload-Offset", "missing"))
    assert [param.param for param in details.invalid_params or ()] == ["header Upload-Offset"]


def _application_server_section():
    text = (PROJECT / "docs" / "errors.md").read_text(encoding="utf-8")
    return re.split(r"^## ", text.partition("## Application Server")[2], flags=re.MULTILINE)[0]
