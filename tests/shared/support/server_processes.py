"""An AF and its AS as processes of their own, killed and started again on the ports they had."""

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Literal

Role = Literal["af", "as"]

AF_LISTENERS = ("m1", "m5", "operator")
AS_LISTENERS = ("m3", "m4")


class ServerProcesses:
    """Both servers over one folder; `urls` has every listener's once they ran."""

    def __init__(self, folder: Path) -> None:
        self.urls = dict.fromkeys((*AF_LISTENERS, *AS_LISTENERS), "http://127.0.0.1:0")
        self._folder = folder
        self._running: dict[Role, asyncio.subprocess.Process] = {}

    async def start(self, role: Role) -> None:
        """Run it until it says that it serves."""
        process = await self._spawn(role)
        assert process.stdout is not None
        line = (await process.stdout.readline()).decode()
        if role == "af":
            self.urls |= {name: json.loads(line)[name] for name in AF_LISTENERS}
        else:
            found = re.match(r"M3 (\S+)  M4 (\S+)", line)
            assert found is not None, line
            self.urls |= {"m3": found[1], "m4": found[2]}

    async def start_in_vain(self, role: Role, seconds: float) -> None:
        """Run it for a moment at most, to be killed while it still opens its state."""
        process = await self._spawn(role)
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), seconds)
        await self.kill(role)

    async def kill(self, role: Role) -> None:
        """SIGKILL, and wait for the end."""
        process = self._running.pop(role)
        with suppress(ProcessLookupError):
            process.kill()
        await process.communicate()

    async def terminate(self, role: Role) -> int:
        """SIGTERM; the exit status."""
        process = self._running.pop(role)
        process.terminate()
        await process.communicate()
        assert process.returncode is not None
        return process.returncode

    async def kill_all(self) -> None:
        """Both, where they run."""
        for role in list(self._running):
            await self.kill(role)

    async def _spawn(self, role: Role) -> asyncio.subprocess.Process:
        assert role not in self._running
        options = self._af() if role == "af" else self._as()
        self._running[role] = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", f"fivegms_{role}", "--data-dir", str(self._folder / role)),
            *options,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        return self._running[role]

    def _af(self) -> tuple[str, ...]:
        m4 = self.urls["m4"]
        addresses = f"m3={self.urls['m3']},m2={m4},m4={m4}"
        return (*self._ports(*AF_LISTENERS), "--application-server", addresses)

    def _as(self) -> tuple[str, ...]:
        return self._ports(*AS_LISTENERS)

    def _ports(self, *names: str) -> tuple[str, ...]:
        return tuple(f"--{name}={self.urls[name].removeprefix('http://')}" for name in names)


@asynccontextmanager
async def server_processes(folder: Path) -> AsyncIterator[ServerProcesses]:
    """Both running; killed at the end."""
    servers = ServerProcesses(folder)
    try:
        await servers.start("as")
        await servers.start("af")
        yield servers
    finally:
        await servers.kill_all()
