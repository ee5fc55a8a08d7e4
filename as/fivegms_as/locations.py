"""Where addresses are: a CSV file of networks and ISO 3166 codes, read once at start.

    # comment
    192.0.2.0/24,DE
    192.0.2.128/25,DE-BY
    2001:db8::/32,FR

The longest prefix wins. One dictionary per prefix length makes a look-up 33 or 129 steps at most,
whatever the size of the file.
"""

from collections.abc import Iterable
from ipaddress import ip_network
from pathlib import Path

from fivegms_api.locators import locator_fault
from fivegms_as.admission import Address
from fivegms_as.errors import LocationsInvalid

MAX_NETWORKS = 10_000_000
MAX_LINE_CHARACTERS = 256
_VERSION_BITS = {4: 32, 6: 128}

_Networks = dict[int, str]


class Locations:
    """Codes by network. `known` is False for the empty one, which knows nothing of anybody."""

    def __init__(self) -> None:
        self._by_length: dict[tuple[int, int], _Networks] = {}
        self._lengths: dict[int, list[int]] = {4: [], 6: []}
        self._codes: dict[str, str] = {}
        self.count = 0

    @property
    def known(self) -> bool:
        """Whether the place of any address is known."""
        return self.count > 0

    def place(self, address: Address) -> str | None:
        """The code of the smallest network that has the address."""
        bits = _VERSION_BITS[address.version]
        number = int(address)
        for length in self._lengths[address.version]:
            code = self._by_length[address.version, length].get(number >> (bits - length))
            if code is not None:
                return code
        return None

    def add(self, network: str, code: str) -> None:
        """Take one network. Raises ValueError that says what is wrong with it."""
        found = ip_network(network)
        if fault := locator_fault(code):
            raise ValueError(f"{code!r} {fault}")
        key = found.version, found.prefixlen
        if key not in self._by_length:
            self._by_length[key] = {}
            lengths = {*self._lengths[found.version], found.prefixlen}
            self._lengths[found.version] = sorted(lengths, reverse=True)
        number = int(found.network_address) >> (_VERSION_BITS[found.version] - found.prefixlen)
        networks = self._by_length[key]
        if networks.setdefault(number, self._codes.setdefault(code, code)) != code:
            raise ValueError(f"{network} is in {networks[number]} already")
        self.count += 1


def read_locations(lines: Iterable[str]) -> Locations:
    """The locations of a CSV text, line by line. Raises LocationsInvalid that names the line."""
    locations = Locations()
    for number, line in enumerate(lines, start=1):
        if len(line) > MAX_LINE_CHARACTERS:
            raise LocationsInvalid(f"line {number} is longer than {MAX_LINE_CHARACTERS} characters")
        entry = line.partition("#")[0].strip()
        if not entry:
            continue
        if locations.count >= MAX_NETWORKS:
            raise LocationsInvalid(f"line {number}: more than {MAX_NETWORKS} networks")
        network, _, code = entry.partition(",")
        try:
            locations.add(network.strip(), code.strip())
        except ValueError as error:
            raise LocationsInvalid(f"line {number}: {error}") from error
    return locations


def load_locations(file: Path) -> Locations:
    """The locations of a file in UTF-8. Raises LocationsInvalid, OSError."""
    with file.open(encoding="utf-8") as text:
        lines = iter(lambda: text.readline(MAX_LINE_CHARACTERS + 1), "")
        try:
            return read_locations(lines)
        except UnicodeDecodeError as error:
            raise LocationsInvalid(f"{file} is not UTF-8: {error}") from error
