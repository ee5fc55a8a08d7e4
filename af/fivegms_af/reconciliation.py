"""What to tell an AS so that it holds what was provisioned: desired against reported. Pure.

The AF answers for the sessions that it knows and for those that it deleted; whatever else an AS
reports belongs to another AF and is left alone.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from fivegms_af.config import ApplicationServerAddress
from fivegms_af.hosting import complete_hosting
from fivegms_af.provisioned import Session, Template
from fivegms_api.m3 import ReportedSession, ReportedTemplate

FIRST_RETRY_S = 0.5
LONGEST_RETRY_S = 30.0


@dataclass(frozen=True, slots=True)
class PutTemplate:
    """Send a Content Preparation Template; its body is read from the store when it is sent."""

    session_id: str
    template: Template


@dataclass(frozen=True, slots=True)
class PutHosting:
    """Send a Content Hosting Configuration: canonical JSON, assigned members included."""

    session_id: str
    body: bytes


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
class DeleteSession:
    """Remove everything of a session, its content included."""

    session_id: str


Action = PutTemplate | PutHosting | DeleteHosting | DeleteTemplate | DeleteSession


def plan(
    desired: Mapping[str, Session],
    deleted: frozenset[str],
    reported: Mapping[str, ReportedSession],
    address: ApplicationServerAddress,
) -> tuple[Action, ...]:
    """The actions that lead from what is reported to what is desired, in order.

    A template is sent before the configuration that refers to it, and withdrawn after it.
    """
    removals = [DeleteSession(one) for one in sorted(deleted & reported.keys())]
    changes = [
        action
        for session_id, session in sorted(desired.items())
        for action in _session_actions(
            session,
            reported.get(session_id) or ReportedSession(provisioning_session_id=session_id),
            address,
        )
    ]
    return (*removals, *changes)


def after(action: Action, held: ReportedSession | None) -> ReportedSession | None:
    """What the AS holds of the action's session once it has done it; None for nothing."""
    session = held or ReportedSession(provisioning_session_id=action.session_id)
    match action:
        case DeleteSession():
            return None
        case PutHosting(body=body):
            return _with_hosting(session, hashlib.sha256(body).hexdigest())
        case DeleteHosting():
            return _with_hosting(session, None)
        case PutTemplate(template=template):
            return _with_templates(session, template.id, _reported(template))
        case DeleteTemplate(template_id=template_id):
            return _with_templates(session, template_id)


def retry_delay_s(failures: int) -> float:
    """How long to wait after so many failures in a row: doubling from 0.5 s to 30 s."""
    return min(LONGEST_RETRY_S, FIRST_RETRY_S * 2.0 ** min(failures - 1, 16))


def hosting_body(session: Session, address: ApplicationServerAddress) -> bytes | None:
    """The Content Hosting Configuration as M1 shows it and M3 sends it."""
    if session.hosting is None:
        return None
    return complete_hosting(session.id, session.hosting.configuration, address).to_json()


def _session_actions(
    session: Session, reported: ReportedSession, address: ApplicationServerAddress
) -> Iterator[Action]:
    held = {
        one.content_preparation_template_id: one for one in reported.content_preparation_templates
    }
    for template in session.templates:
        if held.pop(template.id, None) != _reported(template):
            yield PutTemplate(session.id, template)
    body = hosting_body(session, address)
    if body is None:
        if reported.content_hosting_configuration_sha256 is not None:
            yield DeleteHosting(session.id)
    elif reported.content_hosting_configuration_sha256 != hashlib.sha256(body).hexdigest():
        yield PutHosting(session.id, body)
    for template_id in sorted(held):
        yield DeleteTemplate(session.id, template_id)


def _reported(template: Template) -> ReportedTemplate:
    return ReportedTemplate(
        content_preparation_template_id=template.id,
        content_type=template.content_type,
        sha256=template.sha256,
    )


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
