"""A signal ends a server in order; end_to_end/test_crash_points.py has those that do not."""

from pathlib import Path

from support.server_processes import server_processes


async def test_a_signal_ends_it_in_order(tmp_path: Path) -> None:
    async with server_processes(tmp_path) as servers:
        assert await servers.terminate("af") == 0
        assert await servers.terminate("as") == 0
