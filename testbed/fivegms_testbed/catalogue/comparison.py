"""The figures of table 6.1.1-1 beside those of the networks that are built, and what differs."""

from collections.abc import Iterable
from dataclasses import dataclass

from fivegms_prepare.profile import profile
from fivegms_testbed.catalogue.assembly import separated
from fivegms_testbed.catalogue.network import Drawn, Network
from fivegms_testbed.catalogue.table import CATALOGUE, Entry, Figure

TOLERANCE = 0.05
"""How far a built network may be from its row; papers round, and count classes differently."""
_ROUNDING = 0.01
"""How far a footprint may be from four bytes for each parameter."""


@dataclass(frozen=True, slots=True)
class Row:
    """An entry and what was built: learned parameters, and multiply-accumulates of one sample.

    `flags` are the figures as printed that are not those of the architecture.
    """

    key: str
    name: str
    printed_parameters_m: float
    printed_footprint_mb: float
    printed_flops_g: float
    expected_footprint_mb: float
    parameters: int
    macs: int | None
    flags: tuple[Figure, ...]
    remarks: tuple[str, ...]

    @property
    def footprint_mb(self) -> float:
        """Four bytes for each parameter of the network that is built."""
        return 4e-6 * self.parameters


def compare(key: str) -> Row:
    """Build one network, without its weights, and compare. Raises KeyError."""
    entry = CATALOGUE[key]
    network = entry.network()
    parameters, macs = _learned(network), profile(separated(network)).macs
    flags = tuple(_flags(entry, parameters, macs))
    return Row(
        key=key,
        name=entry.name,
        printed_parameters_m=entry.parameters_m,
        printed_footprint_mb=entry.footprint_mb,
        printed_flops_g=entry.flops_g,
        expected_footprint_mb=entry.expected_footprint_mb,
        parameters=parameters,
        macs=macs,
        flags=flags,
        remarks=tuple(entry.remarks[flag] for flag in flags if flag in entry.remarks),
    )


def compare_all() -> list[Row]:
    """All rows in the table's order."""
    return [compare(key) for key in CATALOGUE]


def _learned(network: Network) -> int:
    tensors = network.tensors.values()
    return sum(tensor.elements for tensor in tensors if isinstance(tensor, Drawn))


def _flags(entry: Entry, parameters: int, macs: int | None) -> Iterable[Figure]:
    if not _near(1e-6 * parameters, entry.parameters_m, TOLERANCE):
        yield Figure.PARAMETERS
    if not _near(entry.footprint_mb, entry.expected_footprint_mb, _ROUNDING):
        yield Figure.FOOTPRINT
    if macs is None or not _near(1e-9 * macs, entry.flops_g, TOLERANCE):
        yield Figure.FLOPS


def _near(found: float, expected: float, tolerance: float) -> bool:
    return abs(found - expected) <= tolerance * expected
