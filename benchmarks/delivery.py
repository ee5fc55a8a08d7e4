"""M4d against nginx and against bare aiohttp: requests per second, bytes per second, CPU.

    .venv/bin/python benchmarks/delivery.py [--rounds 5] [--seconds 4] [--connections 16]

Needs `wrk` and `nginx` (Debian: `apt-get install wrk nginx-light`). Starts an Application Server,
an nginx with one worker and an aiohttp server that answers everything from one `bytes`, gives each
the same 64 KiB and 8 MiB, and measures them in turns (A B C A B C ...), so that what else the
machine does meets all of them alike. Prints a Markdown table of medians; the ratios count, not the
times. CPU is that of the server process, user and system, per request.
"""

import argparse
import asyncio
import json
import os
import platform
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

SIZES = {"64 KiB": 64 * 1024, "8 MiB": 8 * 1024 * 1024}
BARE = """
import sys
from pathlib import Path
from aiohttp import web
files = {"/" + path.name: path.read_bytes() for path in Path(sys.argv[1]).iterdir()}
async def get(request):
    return web.Response(body=files[request.path])
async def main():
    app = web.Application()
    app.router.add_get("/{path}", get)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()
import asyncio
asyncio.run(main())
"""
NGINX = """
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
events {{ worker_connections 512; }}
http {{
  access_log off;
  sendfile on;
  keepalive_requests 1000000000;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{ listen 127.0.0.1:{port}; root {root}; }}
}}
"""


@dataclass(frozen=True)
class Contender:
    """A running server: where its files are, and the process whose CPU counts."""

    name: str
    base_url: str
    pid: int


@dataclass
class Figures:
    """What was measured of one contender and one size, one entry per round."""

    requests_per_s: list[float] = field(default_factory=list)
    megabytes_per_s: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)


def file_name(size: str) -> str:
    return size.replace(" ", "") + ".bin"


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def first_child(pid: int) -> int:
    """The worker of an nginx master."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    return int(children.read_text(encoding="ascii").split()[0])


def free_port() -> int:
    """For nginx, which cannot be asked for one."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def process(*command: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process that is ended with the context."""
    started = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    try:
        yield started
    finally:
        if started.returncode is None:
            started.terminate()
        await started.wait()


async def first_line(started: asyncio.subprocess.Process) -> str:
    assert started.stdout is not None
    return (await started.stdout.readline()).decode()


@asynccontextmanager
async def application_server(folder: Path, files: Path) -> AsyncIterator[Contender]:
    """Our AS, with the files ingested over M2."""
    command = (sys.executable, "-m", "fivegms_as", "--data-dir", str(folder / "as"))
    async with process(*command, "--m3", "127.0.0.1:0", "--m4", "127.0.0.1:0") as started:
        found = re.fullmatch(r"M3 (\S+)  M4 (\S+)\n", await first_line(started))
        if found is None:
            raise RuntimeError("the Application Server did not start")
        m3, m4 = found.groups()
        await stock(m3, m4, files)
        yield Contender("fivegms AS", f"{m4}/m4d/provisioning-session-s1", started.pid)


async def stock(m3: str, m4: str, files: Path) -> None:
    """Configure a session and ingest the files."""
    hosting = {
        "name": "benchmark",
        "ingestConfiguration": {"pull": False},
        "distributionConfigurations": [{}],
    }
    async with aiohttp.ClientSession(raise_for_status=True) as http:
        url = f"{m3}/3gpp-m3/v1/content-hosting-configurations/s1"
        fields = {"Content-Type": "application/json"}
        await http.put(url, data=json.dumps(hosting), headers=fields)
        for size in SIZES:
            with (files / file_name(size)).open("rb") as body:
                await http.put(f"{m4}/m2d/s1/{file_name(size)}", data=body)


@asynccontextmanager
async def nginx(folder: Path, files: Path) -> AsyncIterator[Contender]:
    """nginx over the same files, one worker."""
    port = free_port()
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(folder=folder, root=files, port=port), encoding="utf-8")
    async with process("nginx", "-c", str(config), "-e", str(folder / "start.log")) as master:
        url = f"http://127.0.0.1:{port}"
        await answering(f"{url}/{file_name('64 KiB')}")
        yield Contender("nginx static", url, first_child(master.pid))


@asynccontextmanager
async def bare_aiohttp(files: Path) -> AsyncIterator[Contender]:
    """The least that aiohttp can do."""
    async with process(sys.executable, "-c", BARE, str(files)) as started:
        port = int(await first_line(started))
        yield Contender("aiohttp Response(bytes)", f"http://127.0.0.1:{port}", started.pid)


async def answering(url: str) -> None:
    """Wait until a server that cannot say so is up."""
    async with aiohttp.ClientSession() as http:
        for _ in range(200):
            try:
                async with http.get(url) as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.05)
    raise RuntimeError(f"nothing answers at {url}")


async def load(url: str, seconds: int, connections: int) -> tuple[float, float, float]:
    """Requests and bytes of one run of wrk, and its duration in seconds."""
    script = (
        "done = function(s, l, r) io.write(string.format('%d %d %d %d\\n', s.requests, "
        "s.bytes, s.duration, s.errors.status + s.errors.read + s.errors.connect)) end"
    )
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as lua:
        lua.write(script)
        lua.flush()
        options = ("-t1", f"-c{connections}", f"-d{seconds}s", "-s", lua.name)
        async with process("wrk", *options, url) as started:
            assert started.stdout is not None
            output = (await started.stdout.read()).decode()
            await started.wait()
    requests, size, duration_us, errors = map(int, output.strip().splitlines()[-1].split())
    if errors:
        raise RuntimeError(f"{url}: wrk counts {errors} errors")
    return requests, size, duration_us / 1e6


async def measure(
    contender: Contender, size: str, seconds: int, connections: int, figures: Figures
) -> None:
    """One run; adds to the figures."""
    before = cpu_seconds(contender.pid)
    url = f"{contender.base_url}/{file_name(size)}"
    requests, sent, duration_s = await load(url, seconds, connections)
    used_s = cpu_seconds(contender.pid) - before
    figures.requests_per_s.append(requests / duration_s)
    figures.megabytes_per_s.append(sent / duration_s / 1e6)
    figures.cpu_ms.append(used_s / requests * 1e3)


def make_files(folder: Path) -> Path:
    """A folder of random bytes, one file per size."""
    folder.chmod(0o755)  # nginx's worker is another user when root starts it
    files = folder / "files"
    files.mkdir()
    for size, count in SIZES.items():
        (files / file_name(size)).write_bytes(os.urandom(count))
    return files


async def compare(rounds: int, seconds: int, connections: int) -> dict[tuple[str, str], Figures]:
    """Figures by size and contender."""
    found: dict[tuple[str, str], Figures] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with (
            application_server(folder, make_files(folder)) as ours,
            nginx(folder, folder / "files") as peer,
            bare_aiohttp(folder / "files") as bare,
        ):
            for _ in range(rounds):
                for size in SIZES:
                    for contender in (ours, peer, bare):
                        figures = found.setdefault((size, contender.name), Figures())
                        await measure(contender, size, seconds, connections, figures)
    return found


def table(found: dict[tuple[str, str], Figures]) -> str:
    """The medians as Markdown; ratios are of the medians, ours by theirs."""
    lines = [
        "| object | server | requests/s | MB/s | CPU ms/request | ours / it, MB/s |",
        "|---|---|---|---|---|---|",
    ]
    for (size, name), figures in found.items():
        ours = statistics.median(found[size, "fivegms AS"].megabytes_per_s)
        rate = statistics.median(figures.megabytes_per_s)
        lines.append(
            f"| {size} | {name} | {statistics.median(figures.requests_per_s):,.0f} | {rate:,.0f} "
            f"| {statistics.median(figures.cpu_ms):.3f} | {ours / rate:.2f} |"
        )
    return "\n".join(lines)


def machine() -> str:
    """What the figures are worth: hardware, versions, and how busy it was."""
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    version = subprocess.run(["nginx", "-v"], capture_output=True, text=True, check=True)
    return (
        f"{os.cpu_count()} x {cpu[1] if cpu else platform.machine()}, Linux {platform.release()}, "
        f"Python {platform.python_version()}, aiohttp {aiohttp.__version__}, "
        f"{version.stderr.strip().removeprefix('nginx version: ')}, "
        f"load average before {os.getloadavg()[0]:.1f}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--connections", type=int, default=16)
    options = parser.parse_args()
    missing = [tool for tool in ("wrk", "nginx") if shutil.which(tool) is None]
    if missing:
        print(f"not installed: {', '.join(missing)}", file=sys.stderr)
        return 1
    about = machine()
    found = asyncio.run(compare(options.rounds, options.seconds, options.connections))
    print(f"{about}\n{options.rounds} rounds of {options.seconds} s, ", end="")
    print(f"{options.connections} connections, loopback\n\n{table(found)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
