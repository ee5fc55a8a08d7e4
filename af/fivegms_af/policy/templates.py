"""The life of a policy template: a table of states, and what each says of itself. Pure.

    PENDING    the network has not judged it yet
    INVALID    no policy on its terms would ever be granted
    READY      UEs may use it
    SUSPENDED  an operator took it out of use; only an operator puts it back

A template that leaves READY, or gets other terms, ends the policies made from it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from fivegms_af.policy.errors import PolicyTemplateStateConflict
from fivegms_af.provisioned import Document
from fivegms_api.policy_templates import PolicyTemplateState, StateReason
from fivegms_api.wire import WireModel

_S = PolicyTemplateState


class TemplateEvent(StrEnum):
    """What happens to a template."""

    CHANGED = "changed"
    ALLOWED = "allowed"
    REFUSED = "refused"
    UNANSWERED = "unanswered"
    SUSPENDED = "suspended"
    RESUMED = "resumed"


_E = TemplateEvent

TRANSITIONS: Mapping[tuple[PolicyTemplateState, TemplateEvent], PolicyTemplateState] = {
    (_S.PENDING, _E.CHANGED): _S.PENDING,
    (_S.PENDING, _E.ALLOWED): _S.READY,
    (_S.PENDING, _E.REFUSED): _S.INVALID,
    (_S.PENDING, _E.UNANSWERED): _S.PENDING,
    (_S.PENDING, _E.SUSPENDED): _S.SUSPENDED,
    (_S.READY, _E.CHANGED): _S.PENDING,
    (_S.READY, _E.ALLOWED): _S.READY,
    (_S.READY, _E.REFUSED): _S.INVALID,
    (_S.READY, _E.UNANSWERED): _S.READY,
    (_S.READY, _E.SUSPENDED): _S.SUSPENDED,
    (_S.INVALID, _E.CHANGED): _S.PENDING,
    (_S.INVALID, _E.ALLOWED): _S.READY,
    (_S.INVALID, _E.REFUSED): _S.INVALID,
    (_S.INVALID, _E.UNANSWERED): _S.INVALID,
    (_S.SUSPENDED, _E.CHANGED): _S.SUSPENDED,
    (_S.SUSPENDED, _E.RESUMED): _S.PENDING,
}
"""What is not here is refused. A resumed template is judged anew: it, or the network, may have
changed meanwhile."""

_TITLES = {
    _S.PENDING: "Waiting for the network's policy control",
    _S.INVALID: "Refused by the network's policy control",
    _S.READY: "Ready for use",
    _S.SUSPENDED: "Suspended by the operator",
}


class TemplateStatus(WireModel):
    """What the AF says of a template; kept beside it."""

    state: PolicyTemplateState
    state_reason: StateReason


@dataclass(frozen=True, slots=True)
class TemplateChange:
    """An event, with what there is to say about it."""

    event: TemplateEvent
    detail: str | None = None


def new_status(detail: str | None = None) -> TemplateStatus:
    """That of a template which nobody has judged."""
    return _status(_S.PENDING, detail)


def status_of(template: Document) -> TemplateStatus:
    """What was last said of it."""
    if template.status is None:
        return new_status()
    return TemplateStatus.model_validate_json(template.status)


def after(current: TemplateStatus, change: TemplateChange) -> TemplateStatus:
    """The status after an event; raises PolicyTemplateStateConflict where it cannot happen."""
    state = TRANSITIONS.get((current.state, change.event))
    if state is None:
        raise PolicyTemplateStateConflict(current.state, change.event)
    if change.event is _E.UNANSWERED and state is not _S.PENDING:
        return current
    return _status(state, change.detail)


def is_ready(template: Document) -> bool:
    """Whether UEs may use it."""
    return status_of(template).state is _S.READY


def _status(state: PolicyTemplateState, detail: str | None) -> TemplateStatus:
    name = f"urn:fivegms:policy-template:{state.lower()}"
    return TemplateStatus(
        state=state, state_reason=StateReason(type=name, title=_TITLES[state], detail=detail)
    )
