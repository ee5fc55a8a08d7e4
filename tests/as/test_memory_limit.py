import os

from fivegms_as.memory_limit import machine_memory_bytes

PHYSICAL = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def test_a_container_has_what_it_is_allowed(tmp_path):
    limit = tmp_path / "memory.max"
    assert machine_memory_bytes(limit) == PHYSICAL
    for text, expected in (("max", PHYSICAL), ("4096", 4096), (str(2**62), PHYSICAL)):
        limit.write_text(f"{text}\n")
        assert machine_memory_bytes(limit) == expected
