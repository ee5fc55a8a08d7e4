"""What to tell an AS so that it holds what was provisioned: desired against reported. Pure.

The AF answers for the sessions that it knows and for those that it deleted; whatever else an AS
reports belongs to another AF and is left alone.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from fivegms_af.certificates import m3_body
from fivegms_af.config import ApplicationServerAddress
from fivegms_af.hosting import complete_hosting
from fivegms_af.provisioned import Session, Template
from fivegms_api.m3 import ReportedCertificate, ReportedSession, ReportedTemplate

FIRST_RETRY_S = 0.5
LONGEST_RETRY_S = 30.0


@dataclass(frozen=True, slots=True)
class PutCertificate:
    """Send a Server Certificate: its chain and its private key."""

    session_id: str
    certificate_id: str
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class PutTemplate:
    """Send a Content Preparation Template; its body is read from the store when it is sent."""

    session_id: str
    template: Template


@dataclass(frozen=True, slots=True)
class PutHosting:
    """Send a Content Hosting Configuration: canonical JSON, assigned members included.

    It may hold the passphrase of signed URLs, so it is not shown.
    """

    session_id: str
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class DeleteHosting:
    """Withdraw a Content Hosting Configuration."""

    session_id: str


@dataclass(frozen=True, slots=True)
class DeleteTemplate:
    """Withdraw a Content Preparation Template."""

    session_id: str
    template_id: str


@dataclass(frozen=True, slots=True)
class DeleteCertificate:
    """Withdraw a Server Certificate."""

    session_id: str
    certificate_id: str


@dataclass(frozen=True, slots=True)
class DeleteSession:
    """Remove everything of a session, its content included."""

    session_id: str


Action = (
    PutCertificate
    | PutTemplate
    | PutHosting
    | DeleteHosting
    | DeleteTemplate
    | DeleteCertificate
    | DeleteSession
)


def plan(
    desired: Mapping[str, Session],
    deleted: frozenset[str],
    reported: Mapping[str, ReportedSession],
    address: ApplicationServerAddress,
) -> tuple[Action, ...]:
    """The actions that lead from what is reported to what is desired, in order.

    Certificates and templates are sent before the configuration that refers to them, and withdrawn
    after it.
    """
    removals = [DeleteSession(one) for one in sorted(deleted & reported.keys())]
    changes = [
        action
        for session_id, session in sorted(desired.items())
        for action in session_plan(session, reported.get(session_id), address)
    ]
    return (*removals, *changes)


def session_plan(
    session: Session, reported: ReportedSession | None, address: ApplicationServerAddress
) -> Iterator[Action]:
    """The part of the plan that one session needs; none where the AS is in step."""
    held = reported or ReportedSession(provisioning_session_id=session.id)
    templates = {
        one.content_preparation_template_id: one for one in held.content_preparation_templates
    }
    certificates = {one.certificate_id: one for one in held.certificates}
    for certificate in session.certificates:
        body = m3_body(certificate)
        if body is None:
            continue
        if certificates.pop(certificate.id, None) != _certificate(certificate.id, body):
            yield PutCertificate(session.id, certificate.id, body)
    for template in session.templates:
        if templates.pop(template.id, None) != _template(template):
            yield PutTemplate(session.id, template)
    yield from _hosting_plan(session, held.content_hosting_configuration_sha256, address)
    for template_id in sorted(templates):
        yield DeleteTemplate(session.id, template_id)
    for certificate_id in sorted(certificates):
        yield DeleteCertificate(session.id, certificate_id)


def after(action: Action, held: ReportedSession | None) -> ReportedSession | None:
    """What the AS holds of the action's session once it has done it; None for nothing."""
    session = held or ReportedSession(provisioning_session_id=action.session_id)
    match action:
        case DeleteSession():
            return None
        case PutHosting(body=body):
            return _with_hosting(session, _sha256(body))
        case DeleteHosting():
            return _with_hosting(session, None)
        case PutTemplate(template=template):
            return _with_templates(session, template.id, _template(template))
        case DeleteTemplate(template_id=template_id):
            return _with_templates(session, template_id)
        case PutCertificate(certificate_id=certificate_id, body=body):
            return _with_certificates(session, certificate_id, _certificate(certificate_id, body))
        case DeleteCertificate(certificate_id=certificate_id):
            return _with_certificates(session, certificate_id)


def retry_delay_s(failures: int) -> float:
    """How long to wait after so many failures in a row: doubling from 0.5 s to 30 s."""
    return min(LONGEST_RETRY_S, FIRST_RETRY_S * 2.0 ** min(failures - 1, 16))


def hosting_body(session: Session, address: ApplicationServerAddress) -> bytes | None:
    """The Content Hosting Configuration as M1 shows it and M3 sends it."""
    if session.hosting is None:
        return None
    return complete_hosting(session.id, session.hosting.configuration, address).to_json()


def _hosting_plan(
    session: Session, held_sha256: str | None, address: ApplicationServerAddress
) -> Iterator[Action]:
    body = hosting_body(session, address)
    if body is None:
        if held_sha256 is not None:
            yield DeleteHosting(session.id)
    elif held_sha256 != _sha256(body):
        yield PutHosting(session.id, body)


def _template(template: Template) -> ReportedTemplate:
    return ReportedTemplate(
        content_preparation_template_id=template.id,
        content_type=template.content_type,
        sha256=template.sha256,
    )


def _certificate(certificate_id: str, body: bytes) -> ReportedCertificate:
    return ReportedCertificate(certificate_id=certificate_id, sha256=_sha256(body))


def _with_hosting(session: ReportedSession, sha256: str | None) -> ReportedSession:
    return session.model_copy(update={"content_hosting_configuration_sha256": sha256})


def _with_templates(
    session: ReportedSession, but: str, *added: ReportedTemplate
) -> ReportedSession:
    others = (
        one
        for one in session.content_preparation_templates
        if one.content_preparation_template_id != but
    )
    return session.model_copy(update={"content_preparation_templates": (*others, *added)})


def _with_certificates(
    session: ReportedSession, but: str, *added: ReportedCertificate
) -> ReportedSession:
    others = (one for one in session.certificates if one.certificate_id != but)
    return session.model_copy(update={"certificates": (*others, *added)})


def _sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
