"""From whatever an AS holds, the plan leads to what was provisioned, and then there is no plan."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fivegms_af.config import ApplicationServerAddress
from fivegms_af.provisioned import Certificate, Hosting, Session, Template
from fivegms_af.reconciliation import (
    Action,
    DeleteCertificate,
    DeleteHosting,
    DeleteSession,
    DeleteTemplate,
    PutCertificate,
    PutHosting,
    PutTemplate,
    after,
    plan,
    retry_delay_s,
)
from fivegms_api.common_data import ProvisioningSessionType
from fivegms_api.content_hosting import ContentHostingConfiguration, IngestConfiguration
from fivegms_api.m3 import ReportedCertificate, ReportedSession, ReportedTemplate

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
certificates = st.builds(
    Certificate,
    id=st.sampled_from(["c1", "c2", "c3"]),
    domain_names=st.just(("a.example",)),
    chain=st.sampled_from([None, b"chain", b"another chain"]),
    private_key=st.just(b"key"),
    signing_request=st.none(),
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
    certificates=st.lists(certificates, unique_by=lambda one: one.id).map(tuple),
)
desired_states = st.lists(sessions, unique_by=lambda one: one.id).map(
    lambda some: {one.id: one for one in some}
)


def reported_template(template_id: str, content_type: str, sha256: str) -> ReportedTemplate:
    return ReportedTemplate(
        content_preparation_template_id=template_id, content_type=content_type, sha256=sha256
    )


def reported_session(
    session_id: str,
    sha256: str | None,
    held: list[ReportedTemplate],
    certified: list[ReportedCertificate],
) -> ReportedSession:
    return ReportedSession(
        provisioning_session_id=session_id,
        content_hosting_configuration_sha256=sha256,
        content_preparation_templates=tuple(held),
        certificates=tuple(certified),
    )


reported_templates = st.builds(
    reported_template,
    st.sampled_from(["t1", "t2", "t3"]),
    st.sampled_from(["a/b", "c/d"]),
    digests,
)
reported_certificates = st.builds(
    lambda certificate_id, sha256: ReportedCertificate(
        certificate_id=certificate_id, sha256=sha256
    ),
    st.sampled_from(["c1", "c2", "c3"]),
    digests,
)
reported_sessions = st.builds(
    reported_session,
    st.sampled_from(["s1", "s2", "s3", "deleted", "foreign"]),
    st.none() | digests,
    st.lists(reported_templates, unique_by=lambda one: one.content_preparation_template_id),
    st.lists(reported_certificates, unique_by=lambda one: one.certificate_id),
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
CERTIFICATE = Certificate("c1", ("a.example",), b"chain", b"secret key", None, NOW)
SESSION = Session(
    "s1",
    ProvisioningSessionType.DOWNLINK,
    "app",
    None,
    NOW,
    1,
    Hosting(configuration("n"), NOW),
    (TEMPLATE,),
    certificates=(CERTIFICATE,),
)


def kinds(actions: tuple[Action, ...]) -> list[type[Action]]:
    return [type(action) for action in actions]


def test_what_the_configuration_refers_to_goes_before_it() -> None:
    sent = kinds(plan({"s1": SESSION}, NOBODY, {}, ADDRESS))
    assert sent == [PutCertificate, PutTemplate, PutHosting]


def test_what_the_configuration_referred_to_leaves_after_it() -> None:
    held = carry_out(plan({"s1": SESSION}, NOBODY, {}, ADDRESS), {})
    bare = replace(SESSION, hosting=None, templates=(), certificates=())
    withdrawn = kinds(plan({"s1": bare}, NOBODY, held, ADDRESS))
    assert withdrawn == [DeleteHosting, DeleteTemplate, DeleteCertificate]


def test_a_certificate_is_sent_with_its_key_once_it_is_complete() -> None:
    awaited = replace(SESSION, certificates=(replace(CERTIFICATE, chain=None),))
    assert kinds(plan({"s1": awaited}, NOBODY, {}, ADDRESS)) == [PutTemplate, PutHosting]
    held = carry_out(plan({"s1": awaited}, NOBODY, {}, ADDRESS), {})
    actions = plan({"s1": SESSION}, NOBODY, held, ADDRESS)
    assert actions == (PutCertificate("s1", "c1", b"chainsecret key"),)
    assert "secret" not in repr(actions)


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
