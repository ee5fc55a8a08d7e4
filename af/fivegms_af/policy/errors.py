"""Why a policy is not to be had, named by cause and free of HTTP.

ApplicationFunctionError
    ResourceUnknown
        DynamicPolicyUnknown, NetworkAssistanceSessionUnknown, PolicyTemplateUnknown
    StateConflict
        PolicyTemplateStateConflict
    PolicyControlError
        PolicyControlUnavailable, PolicyControlRefused, NoPolicyControl
        NetworkStateUnknown
"""

from fivegms_af.errors import ApplicationFunctionError, ResourceUnknown, StateConflict


class DynamicPolicyUnknown(ResourceUnknown):
    """There never was such a dynamic policy, or it ended."""

    def __init__(self, policy_id: str) -> None:
        super().__init__(
            f"there is no dynamic policy {policy_id!r}; one ends when its policy template leaves "
            "READY or gets other terms"
        )


class NetworkAssistanceSessionUnknown(ResourceUnknown):
    """There never was such a network assistance session, or it ended."""

    def __init__(self, session_id: str) -> None:
        super().__init__(f"there is no network assistance session {session_id!r}")


class PolicyTemplateUnknown(ResourceUnknown):
    """No session has a policy template of that identifier."""

    def __init__(self, template_id: str) -> None:
        super().__init__(f"there is no policy template {template_id!r}")


class PolicyTemplateStateConflict(StateConflict):
    """What is asked for cannot happen to a template in its state."""

    def __init__(self, state: str, event: str) -> None:
        super().__init__(f"a policy template that is {state} cannot be {event}")


class PolicyControlError(ApplicationFunctionError):
    """The network's policy control does not do its part."""


class PolicyControlUnavailable(PolicyControlError):
    """It does not answer, or answers that it cannot now. `may_have_acted` where the request
    reached it: it may have done what was asked.
    """

    def __init__(self, detail: str, *, may_have_acted: bool = False) -> None:
        super().__init__(f"the network's policy control does not answer: {detail}")
        self.may_have_acted = may_have_acted


class PolicyControlRefused(PolicyControlError):
    """It answered and refused, with its reason."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the network's policy control refused: {reason}")
        self.reason = reason


class NoPolicyControl(PolicyControlError):
    """The AF was started without one, so nothing can be asked of the network."""

    def __init__(self) -> None:
        super().__init__("this Application Function was given no policy control")


class NetworkStateUnknown(PolicyControlError):
    """Nobody says what the network can do now, and the request does not say what is wanted."""

    def __init__(self) -> None:
        super().__init__(
            "the policy control does not say what the network can do now; send requestedQoS, or "
            "the policyTemplateId of a template with maximum bit rates, to be recommended those"
        )
