"""A policy control in memory: what it was asked for is there to be looked at.

`down` makes it not answer; `acts_before_falling` makes it act first and then not answer, as a
control does whose answer is lost. `refusal` is why it refuses whatever it is asked to enforce.
"""

from fivegms_af.policy.control import Granted, NetworkState, PolicyFlow, Terms
from fivegms_af.policy.errors import PolicyControlRefused, PolicyControlUnavailable
from fivegms_api.service_data_flows import SdfMethod


class MemoryPolicyControl:
    """Grants everything within `limit_bps` per direction; `installed` is by reference."""

    method = "memory"
    sdf_methods = frozenset({SdfMethod.FIVE_TUPLE, SdfMethod.TWO_TUPLE})

    def __init__(self, limit_bps: int = 10**9) -> None:
        self.limit_bps = limit_bps
        self.installed: dict[str, PolicyFlow] = {}
        self.state = NetworkState(20_000_000, 5_000_000, 30.0)
        self.down = False
        self.acts_before_falling = False
        self.refusal: str | None = None
        self._count = 0

    async def judge(self, terms: Terms) -> tuple[str, ...]:
        """By the limit."""
        self._answer()
        rates = (terms.downlink_limit_bps, terms.uplink_limit_bps)
        if any(rate is not None and rate > self.limit_bps for rate in rates):
            return (f"more than {self.limit_bps} bit/s is never granted",)
        return ()

    async def install(self, flow: PolicyFlow) -> Granted:
        """A flow of a known id keeps its reference."""
        self._answer()
        known = [one for one, installed in self.installed.items() if installed.id == flow.id]
        reference = known[0] if known else self._new_reference()
        return self._enforce(reference, flow)

    async def update(self, reference: str, flow: PolicyFlow) -> Granted:
        """A lost reference is a new one."""
        self._answer()
        if reference not in self.installed:
            return await self.install(flow)
        return self._enforce(reference, flow)

    async def release(self, reference: str) -> None:
        """Known or not."""
        self._answer()
        self.installed.pop(reference, None)
        self._fall()

    async def network(self, flow: PolicyFlow | None = None) -> NetworkState:
        """`state`, or what is installed for the flow."""
        self._answer()
        for installed in self.installed.values():
            if flow is not None and installed.id == flow.id:
                demand = installed.demand
                return NetworkState(demand.downlink_most_bps, demand.uplink_most_bps)
        return self.state

    def _enforce(self, reference: str, flow: PolicyFlow) -> Granted:
        if self.refusal is not None:
            raise PolicyControlRefused(self.refusal)
        self.installed[reference] = flow
        self._fall()
        return Granted(reference, flow.demand.downlink_most_bps, flow.demand.uplink_most_bps)

    def _new_reference(self) -> str:
        self._count += 1
        return f"memory:{self._count}"

    def _answer(self) -> None:
        if self.down:
            raise PolicyControlUnavailable("it is down")

    def _fall(self) -> None:
        if self.acts_before_falling:
            raise PolicyControlUnavailable("its answer is lost", may_have_acted=True)
