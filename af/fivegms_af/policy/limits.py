"""What an operator lets any policy ask of the network, whatever the network itself would say."""

from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from fivegms_af.policy.control import Demand, Terms
from fivegms_api.common_data import Dnn
from fivegms_api.qos import BitRate, Name, Snssai, bit_rate, bits_per_second
from fivegms_api.wire import WireModel


class PolicyLimits(WireModel):
    """A JSON object; each list is of all that is allowed, and what is absent is not limited."""

    qos_references: tuple[Name, ...] | None = None
    dnns: tuple[Dnn, ...] | None = None
    slices: tuple[Snssai, ...] | None = None
    max_btr_dl: BitRate | None = None
    max_btr_ul: BitRate | None = None

    @classmethod
    def load(cls, file: Path) -> "PolicyLimits":
        """Raises ValueError that names the file and what is wrong."""
        try:
            return cls.model_validate_json(file.read_bytes(), strict=True, by_name=False)
        except (OSError, ValidationError) as error:
            raise ValueError(f"{file}: {error}") from error

    def faults(self, terms: Terms) -> Iterator[str]:
        """Why no policy on these terms is allowed."""
        for value, allowed, name in (
            (terms.qos_reference, self.qos_references, "qosReference"),
            (terms.dnn, self.dnns, "dnn"),
            (terms.slice, self.slices, "sliceInfo"),
        ):
            if value is not None and allowed is not None and value not in allowed:
                yield f"{name} is none of those that the operator allows"
        yield from self._excess("downlink", terms.downlink_limit_bps, terms.downlink_required_bps)
        yield from self._excess("uplink", terms.uplink_limit_bps, terms.uplink_required_bps)

    def excess(self, demand: Demand) -> tuple[str, ...]:
        """Why so much is not allowed, whatever the terms say."""
        return (
            *self._excess("downlink", demand.downlink_most_bps),
            *self._excess("uplink", demand.uplink_most_bps),
        )

    def _excess(self, direction: str, *rates: int | None) -> Iterator[str]:
        limit = self.max_btr_dl if direction == "downlink" else self.max_btr_ul
        most = max((rate for rate in rates if rate is not None), default=None)
        if limit is not None and most is not None and most > bits_per_second(limit):
            yield f"{bit_rate(most)} {direction} is more than the {limit} of the operator"
