"""From whatever an AS holds, the plan leads to what was provisioned, and then there is no plan."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fivegms_af.config import ApplicationServerAddress
from fivegms_af.provisioned import Hosting, Session, Template
from fivegms_af.reconciliation import (
    Action,
    DeleteHosting,
    DeleteSession,
    DeleteTemplate,
    PutHosting,
    PutTemplate,
    after,
    plan,
    retry_delay_s,
)
from fivegms_api.common_data import ProvisioningSessionType
from fivegms_api.content_hosting import ContentHostingConfiguration, IngestConfiguration
from fivegms_api.m3 import ReportedSession, ReportedTemplate

NOW = datetime(2026, 11, 23, tzinfo=UTC)
ADDRESS = ApplicationServerAddress("http://as:1", "http://as:2", "http://m4")
NOBODY: frozenset[str] = frozenset()

digests = st.sampled_from(["0" * 64, "1" * 64])
templates = st.builds(
    Template,
    id=st.sampled_from(["t1", "t2", "t3"]),
    content_type=st.sampled_from(["a/b", "c/d"]),
    sha256=digests,
    manifest=st.none(),
    modified=st.just(NOW),
)


def configuration(name: str) -> ContentHostingConfiguration:
    return ContentHostingConfiguration(
        name=name,
        ingest_configuration=IngestConfiguration(pull=False),
        distribution_configurations=(),
    )


configurations = st.sampled_from(["n", "m"]).map(configuration)
sessions = st.builds(
    Session,
    id=st.sampled_from(["s1", "s2", "s3"]),
    type=st.just(ProvisioningSessionType.DOWNLINK),
    app_id=st.just("app"),
    asp_id=st.none(),
    modified=st.just(NOW),
    version=st.just(1),
    hosting=st.none() | st.builds(Hosting, configurations, st.just(NOW)),
    templates=st.lists(templates, unique_by=lambda one: one.id).map(tuple),
)
desired_states = st.lists(sessions, unique_by=lambda one: one.id).map(
    lambda some: {one.id: one for one in some}
)


def reported_template(template_id: str, content_type: str, sha256: str) -> ReportedTemplate:
    return ReportedTemplate(
        content_preparation_template_id=template_id, content_type=content_type, sha256=sha256
    )


def reported_session(
    session_id: str, sha256: str | None, held: list[ReportedTemplate]
) -> ReportedSession:
    return ReportedSession(
        provisioning_session_id=session_id,
        content_hosting_configuration_sha256=sha256,
        content_preparation_templates=tuple(held),
    )


reported_templates = st.builds(
    reported_template,
    st.sampled_from(["t1", "t2", "t3"]),
    st.sampled_from(["a/b", "c/d"]),
    digests,
)
reported_sessions = st.builds(
    reported_session,
    st.sampled_from(["s1", "s2", "s3", "deleted", "foreign"]),
    st.none() | digests,
    st.lists(reported_templates, unique_by=lambda one: one.content_preparation_template_id),
)
reports = st.lists(reported_sessions, unique_by=lambda one: one.provisioning_session_id).map(
    lambda some: {one.provisioning_session_id: one for one in some}
)


def carry_out(
    actions: tuple[Action, ...], held: dict[str, ReportedSession]
) -> dict[str, ReportedSession]:
    now = dict(held)
    for action in actions:
        done = after(action, now.pop(action.session_id, None))
        if done is not None:
            now[action.session_id] = done
    return now


@given(desired_states, reports)
def test_the_plan_leads_to_the_goal(
    desired: dict[str, Session], held: dict[str, ReportedSession]
) -> None:
    deleted = frozenset({"deleted"})
    reached = carry_out(plan(desired, deleted, held, ADDRESS), held)
    assert plan(desired, deleted, reached, ADDRESS) == ()
    assert "deleted" not in reached
    assert reached.get("foreign") == held.get("foreign")


TEMPLATE = Template("t1", "a/b", "0" * 64, None, NOW)
SESSION = Session(
    "s1",
    ProvisioningSessionType.DOWNLINK,
    "app",
    None,
    NOW,
    1,
    Hosting(configuration("n"), NOW),
    (TEMPLATE,),
)


def kinds(actions: tuple[Action, ...]) -> list[type[Action]]:
    return [type(action) for action in actions]


def test_a_template_goes_before_the_configuration_that_refers_to_it() -> None:
    assert kinds(plan({"s1": SESSION}, NOBODY, {}, ADDRESS)) == [PutTemplate, PutHosting]


def test_a_template_leaves_after_the_configuration_that_referred_to_it() -> None:
    held = carry_out(plan({"s1": SESSION}, NOBODY, {}, ADDRESS), {})
    bare = replace(SESSION, hosting=None, templates=())
    assert kinds(plan({"s1": bare}, NOBODY, held, ADDRESS)) == [DeleteHosting, DeleteTemplate]


def test_only_what_changed_is_sent() -> None:
    held = carry_out(plan({"s1": SESSION}, NOBODY, {}, ADDRESS), {})
    changed = replace(SESSION, templates=(replace(TEMPLATE, sha256="1" * 64),))
    assert kinds(plan({"s1": changed}, NOBODY, held, ADDRESS)) == [PutTemplate]
    elsewhere = replace(ADDRESS, m2_url="http://other")
    assert kinds(plan({"s1": SESSION}, NOBODY, held, elsewhere)) == [PutHosting]


def test_a_deleted_session_is_removed_where_it_is_held() -> None:
    held = {"s1": ReportedSession(provisioning_session_id="s1")}
    assert plan({}, frozenset({"s1", "s2"}), held, ADDRESS) == (DeleteSession("s1"),)


def test_a_session_that_nobody_here_knows_is_left_alone() -> None:
    assert plan({}, NOBODY, {"s9": ReportedSession(provisioning_session_id="s9")}, ADDRESS) == ()


@pytest.mark.parametrize(
    ("failures", "delay_s"), [(1, 0.5), (2, 1.0), (3, 2.0), (7, 30.0), (10_000, 30.0)]
)
def test_retries_slow_down(failures: int, delay_s: float) -> None:
    assert retry_delay_s(failures) == delay_s
