"""The table of a policy template's states, whole."""

from itertools import product

import pytest

from fivegms_af.policy.errors import PolicyTemplateStateConflict
from fivegms_af.policy.templates import (
    TRANSITIONS,
    TemplateChange,
    TemplateEvent,
    TemplateStatus,
    after,
    new_status,
)
from fivegms_api.policy_templates import PolicyTemplateState

S, E = PolicyTemplateState, TemplateEvent

PATHS = {
    S.PENDING: (),
    S.READY: (E.ALLOWED,),
    S.INVALID: (E.REFUSED,),
    S.SUSPENDED: (E.ALLOWED, E.SUSPENDED),
}


def status(state: PolicyTemplateState) -> TemplateStatus:
    found = new_status()
    for event in PATHS[state]:
        found = after(found, TemplateChange(event))
    assert found.state is state
    return found


@pytest.mark.parametrize(("state", "event"), [*product(S, E)])
def test_what_is_not_in_the_table_cannot_happen(
    state: PolicyTemplateState, event: TemplateEvent
) -> None:
    if (state, event) in TRANSITIONS:
        assert after(status(state), TemplateChange(event)).state is TRANSITIONS[state, event]
        return
    with pytest.raises(PolicyTemplateStateConflict, match=f"{state} cannot be {event}"):
        after(status(state), TemplateChange(event))


def test_a_change_never_undoes_what_an_operator_did() -> None:
    assert after(status(S.SUSPENDED), TemplateChange(E.CHANGED)).state is S.SUSPENDED


def test_the_reason_is_that_of_the_last_event() -> None:
    refused = after(new_status(), TemplateChange(E.REFUSED, "too much"))
    assert refused.state_reason.detail == "too much"
    assert refused.state_reason.type == "urn:fivegms:policy-template:invalid"
    again = after(refused, TemplateChange(E.REFUSED, "still too much"))
    assert again.state_reason.detail == "still too much"
    assert after(again, TemplateChange(E.UNANSWERED, "no answer")) == again
    changed = after(again, TemplateChange(E.CHANGED))
    assert changed.state_reason.detail is None


def test_a_silent_network_changes_nothing_about_a_ready_template() -> None:
    ready = status(S.READY)
    assert after(ready, TemplateChange(E.UNANSWERED, "no answer")) == ready
    pending = after(new_status(), TemplateChange(E.UNANSWERED, "no answer"))
    assert pending.state_reason.detail == "no answer"
    assert after(pending, TemplateChange(E.CHANGED)) == new_status()


def test_every_state_can_be_reached_and_left() -> None:
    assert {to for (at, _), to in TRANSITIONS.items() if to is not at} == set(S)
    assert {at for (at, _), to in TRANSITIONS.items() if to is not at} == set(S)
