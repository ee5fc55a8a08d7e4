"""Every operation of 3GPP's YAML is served, and every documented status shown or excused.

What cannot occur here is in EXCUSED with its reason; a status that is neither there nor in some
test's `shows` mark fails, and so does an excuse for what a test shows after all.
"""

import pytest

from fivegms_af.m1.table import M1_ROUTES
from fivegms_af.m5.table import M5_ROUTES
from fivegms_af.operator.table import OPERATOR_ROUTES
from fivegms_af.routes import Route
from support import three_gpp
from support.operations_page import shown

NOTHING_TO_REFUSE = "the request has a path and no body: a bad path is unknown, hence 404"

EXCUSED = {
    ("retrieveDynamicPolicy", "400"): NOTHING_TO_REFUSE,
    ("destroyDynamicPolicy", "400"): NOTHING_TO_REFUSE,
    ("retrieveNetworkAssistanceSession", "400"): NOTHING_TO_REFUSE,
    ("destroyNetworkAssistanceSession", "400"): NOTHING_TO_REFUSE,
    ("requestBitRateRecommendation", "400"): NOTHING_TO_REFUSE,
    ("requestDeliveryBoost", "400"): NOTHING_TO_REFUSE,
    ("purgeContentHostingCache", "414"): (
        "a request line beyond 8,190 bytes is refused with 400 before its path is known"
    ),
    ("createContentPreparationTemplate", "503"): (
        "a template is kept while no AS answers; 503 is for a database that fails (test_problems)"
    ),
    ("updateContentPreparationTemplate", "503"): "as for its creation",
    ("patchContentPreparationTemplate", "503"): "as for its creation",
    ("destroyContentPreparationTemplate", "200"): "nothing is left to represent: 204 says so",
    ("destroyContentPreparationTemplate", "410"): "what is gone leaves no trace: 404 says so",
    ("destroyServerCertificate", "200"): "nothing is left to represent: 204 says so",
    ("destroyServerCertificate", "410"): "what is gone leaves no trace: 404 says so",
    ("patchDynamicPolicy", "204"): "PATCH answers 200 with the whole, which the YAML has as well",
    ("patchNetworkAssistanceSession", "204"): (
        "PATCH answers 200 with the whole, which the YAML has as well"
    ),
}

ROUTES: dict[tuple[str, str], Route] = {
    (route.method, route.full_path): route for route in (*M1_ROUTES, *M5_ROUTES, *OPERATOR_ROUTES)
}


def documented() -> set[tuple[str, str]]:
    return {(one.id, status) for one in three_gpp.operations() for status in one.responses}


@pytest.mark.requirement("R097")
def test_every_operation_is_served_under_its_name() -> None:
    for operation in three_gpp.operations():
        route = ROUTES[operation.method, operation.full_path]
        assert route.operation_id == operation.id
        assert (route.api.title, route.api.version) == (operation.api, operation.version)


def test_what_is_not_in_the_yaml_is_an_extension_by_name() -> None:
    standard = {(one.method, one.full_path) for one in three_gpp.operations()}
    extensions = {route.api.title for key, route in ROUTES.items() if key not in standard}
    assert [title for title in extensions if not title.startswith("fivegms_")] == []


def test_every_documented_status_is_shown_or_excused() -> None:
    assert sorted(documented() - shown() - EXCUSED.keys()) == []


def test_excuses_are_for_what_is_documented_and_not_shown() -> None:
    assert sorted(EXCUSED.keys() - documented()) == []
    assert sorted(EXCUSED.keys() & shown()) == []


def test_every_operation_of_ours_is_shown() -> None:
    operations = {route.operation_id for route in ROUTES.values()}
    assert operations - {operation for operation, _ in shown()} == {"streamEvents"}  # never ends


def test_marks_name_operations_of_ours() -> None:
    ours = {route.operation_id for route in ROUTES.values()}
    assert {operation for operation, _ in shown()} <= ours
