"""The file that says where addresses are."""

from contextlib import suppress
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fivegms_as.errors import LocationsInvalid
from fivegms_as.locations import MAX_LINE_CHARACTERS, Locations, load_locations, read_locations

TEXT = """
# where our customers are
192.0.2.0/24, DE
192.0.2.128/25,DE-BY  # Bavaria
2001:db8::/32,FR
0.0.0.0/0,US
"""


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("192.0.2.1", "DE"),
        ("192.0.2.129", "DE-BY"),
        ("198.51.100.1", "US"),
        ("2001:db8::1", "FR"),
        ("2001:db9::1", None),
    ],
)
def test_the_smallest_network_wins(tmp_path, address, place):
    file = tmp_path / "locations.csv"
    file.write_text(TEXT, encoding="utf-8")
    assert load_locations(file).place(ip_address(address)) == place


def test_nothing_is_known_of_anyone_without_a_file():
    assert Locations().place(ip_address("192.0.2.1")) is None
    assert not Locations().known


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("192.0.2.0/24", "must be an ISO 3166"),
        ("192.0.2.0/24,Germany", "must be an ISO 3166"),
        ("192.0.2.1/24,DE", "host bits"),
        ("nowhere,DE", "nowhere"),
        ("192.0.2.0/24,DE,more", "must be an ISO 3166"),
        (",", "does not appear"),
        ("192.0.2.0/24,FR", "is in DE already"),
        (" " * (MAX_LINE_CHARACTERS + 1), "longer than"),
    ],
)
def test_a_line_that_cannot_be_read_is_named(line, reason):
    with pytest.raises(LocationsInvalid, match=rf"line 2:? .*{reason}"):
        read_locations(["192.0.2.0/24,DE", line])


def test_a_file_that_is_no_text_is_refused(tmp_path):
    file = tmp_path / "locations.csv"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(LocationsInvalid, match="not UTF-8"):
        load_locations(file)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_by_name(tmp_path_factory, data):
    file = tmp_path_factory.getbasetemp() / "any.csv"
    file.write_bytes(data)
    with suppress(LocationsInvalid):
        load_locations(file)


NETWORKS = st.lists(
    st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 32)), max_size=20, unique=True
)


@given(NETWORKS, st.integers(0, 2**32 - 1))
def test_every_address_is_where_the_longest_prefix_says(numbers, asked):
    networks = {ip_network((number, length), strict=False) for number, length in numbers}
    codes = {net: f"{chr(65 + index)}A" for index, net in enumerate(sorted(networks, key=str))}
    locations = read_locations(f"{network},{code}" for network, code in codes.items())
    address = ip_address(asked)
    inside = [network for network in networks if address in network]
    longest = max(inside, key=lambda network: network.prefixlen, default=None)
    assert locations.place(address) == (codes[longest] if longest is not None else None)
