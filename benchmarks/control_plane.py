"""M5 and M1 under load: requests per second of one AF process, and what a session costs in memory.

    .venv/bin/python benchmarks/control_plane.py [--rounds 5] [--seconds 4] [--connections 32]

Needs `wrk` (Debian: `apt-get install wrk`). Service Access Information is asked of an AF and of a
bare aiohttp server that answers with the same bytes and header fields. Provisioning sessions are
created at an AF (on the disk before each answer), at a bare aiohttp server that keeps nothing, and,
without HTTP, by plain sqlite3 with one synchronous commit an insert. All in turns, so that what
else the machine does meets all of them alike. Then 10,000 sessions with a Content Hosting
Configuration each are provisioned, an Application Server following, and the AF's memory is read.
Prints Markdown; the ratios count, not the times.
"""

import argparse
import asyncio
import json
import os
import platform
import re
import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import aiohttp
from delivery import cpu_seconds, first_line, process

M1 = "/3gpp-m1/v2/provisioning-sessions"
M5 = "/3gpp-m5/v2/service-access-information"
SESSION = {"provisioningSessionType": "DOWNLINK", "appId": "benchmark", "aspId": "asp"}
HOSTING = {
    "name": "benchmark",
    "ingestConfiguration": {
        "pull": False,
        "protocol": "urn:3gpp:5gms:content-protocol:dash-if-ingest",
    },
    "distributionConfigurations": [
        {"entryPoint": {"relativePath": "model.mpd", "contentType": "application/dash+xml"}}
    ],
}
TARGETS = {"GET": 8_000, "POST": 1_500}
BARE = """
import asyncio, json, sys
from aiohttp import web
answer = json.loads(sys.stdin.readline())
body = answer["body"].encode()
async def get(request):
    return web.Response(body=body, headers=answer["headers"])
async def post(request):
    await request.read()
    return web.Response(status=201, body=body, headers=answer["headers"])
async def main():
    app = web.Application()
    app.router.add_get("/{path:.*}", get)
    app.router.add_post("/{path:.*}", post)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""
COUNT = """
done = function(s, l, r)
  local e = s.errors
  local failed = e.status + e.read + e.write + e.timeout + e.connect
  io.write(string.format('%d %d %d %d\\n', s.requests, s.duration, failed, l:percentile(99)))
end
"""
POST = f"""
wrk.method = "POST"
wrk.body = '{json.dumps(SESSION)}'
wrk.headers["Content-Type"] = "application/json"
"""


@dataclass(frozen=True)
class Contender:
    """A server under load: what is asked of it, and the process whose CPU counts."""

    name: str
    method: str
    url: str
    pid: int


@dataclass
class Figures:
    """What was measured of one contender, one entry per round."""

    per_s: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)
    p99_ms: list[float] = field(default_factory=list)


@asynccontextmanager
async def application_server(folder: Path) -> AsyncIterator[dict[str, str]]:
    """An AS; its M3 and M4 URLs."""
    command = (sys.executable, "-m", "fivegms_as", "--data-dir", str(folder / "as"))
    async with process(*command, "--m3", "127.0.0.1:0", "--m4", "127.0.0.1:0") as started:
        found = re.match(r"M3 (\S+)  M4 (\S+)", await first_line(started))
        if found is None:
            raise RuntimeError("the Application Server did not start")
        yield {"m3": found[1], "m4": found[2]}


@asynccontextmanager
async def application_function(
    folder: Path, server: dict[str, str]
) -> AsyncIterator[tuple[dict[str, str], int]]:
    """An AF that drives the AS; its M1 and M5 URLs, and its process."""
    addresses = f"m3={server['m3']},m2={server['m4']},m4={server['m4']}"
    listeners = [f"--{name}=127.0.0.1:0" for name in ("m1", "m5", "operator")]
    async with process(
        *(sys.executable, "-m", "fivegms_af", "--data-dir", str(folder / "af")),
        *(*listeners, "--application-server", addresses),
    ) as started:
        yield json.loads(await first_line(started)), started.pid


@asynccontextmanager
async def bare_aiohttp(body: str, headers: dict[str, str]) -> AsyncIterator[tuple[str, int]]:
    """The least that aiohttp can do: the same answer always."""
    answer = json.dumps({"body": body, "headers": headers}) + "\n"
    started = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", BARE),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert started.stdin is not None
        started.stdin.write(answer.encode())
        await started.stdin.drain()
        yield f"http://127.0.0.1:{int(await first_line(started))}", started.pid
    finally:
        started.terminate()
        await started.wait()


async def provision(http: aiohttp.ClientSession, m1: str) -> str:
    """A session with a Content Hosting Configuration; its identifier."""
    async with http.post(m1 + M1, json=SESSION) as created:
        url = created.headers["Location"]
    async with http.post(f"{url}/content-hosting-configuration", json=HOSTING) as hosted:
        await hosted.read()
    return url.rsplit("/", 1)[-1]


async def load(contender: Contender, seconds: int, connections: int) -> tuple[int, float, float]:
    """Requests, duration in seconds and 99th percentile in ms of one run of wrk."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as lua:
        lua.write((POST if contender.method == "POST" else "") + COUNT)
        lua.flush()
        options = ("-t1", f"-c{connections}", f"-d{seconds}s", "-s", lua.name)
        async with process("wrk", *options, contender.url) as started:
            assert started.stdout is not None
            output = (await started.stdout.read()).decode()
            await started.wait()
    requests, duration_us, failed, p99_us = map(int, output.strip().splitlines()[-1].split())
    if failed:
        raise RuntimeError(f"{contender.url}: wrk counts {failed} failures")
    return requests, duration_us / 1e6, p99_us / 1e3


async def measure(contender: Contender, seconds: int, connections: int, figures: Figures) -> None:
    """One run; adds to the figures."""
    before = cpu_seconds(contender.pid)
    requests, duration_s, p99_ms = await load(contender, seconds, connections)
    figures.per_s.append(requests / duration_s)
    figures.cpu_ms.append((cpu_seconds(contender.pid) - before) / requests * 1e3)
    figures.p99_ms.append(p99_ms)


def insert(folder: Path, seconds: int, figures: Figures) -> None:
    """Plain sqlite3, write-ahead log, one synchronous commit an insert, for so long."""
    connection = sqlite3.connect(folder / "plain.sqlite3", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute(
        "CREATE TABLE IF NOT EXISTS sessions (id TEXT PRIMARY KEY, type TEXT, app TEXT, asp TEXT)"
    )
    row = ("DOWNLINK", SESSION["appId"], SESSION["aspId"])
    started, used, count = time.perf_counter(), time.process_time(), 0
    while time.perf_counter() - started < seconds:
        connection.execute("INSERT INTO sessions VALUES (?, ?, ?, ?)", (str(uuid4()), *row))
        count += 1
    figures.per_s.append(count / (time.perf_counter() - started))
    figures.cpu_ms.append((time.process_time() - used) / count * 1e3)
    connection.close()


PLAIN = ("POST", "sqlite3, a commit an insert, no HTTP")


async def compare(rounds: int, seconds: int, connections: int) -> dict[tuple[str, str], Figures]:
    """Figures by method and contender."""
    found: dict[tuple[str, str], Figures] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with (
            application_server(folder) as server,
            application_function(folder, server) as (af, pid),
            aiohttp.ClientSession(raise_for_status=True) as http,
        ):
            information = f"{af['m5']}{M5}/{await provision(http, af['m1'])}"
            body, headers = await answered(http, information)
            async with bare_aiohttp(body, headers) as (bare, bare_pid):
                contenders = (
                    Contender("AF, service access information", "GET", information, pid),
                    Contender("aiohttp, the same bytes", "GET", f"{bare}/a", bare_pid),
                    Contender("AF, provisioning sessions", "POST", af["m1"] + M1, pid),
                    Contender("aiohttp, keeps nothing", "POST", f"{bare}/a", bare_pid),
                )
                for _ in range(rounds):
                    for one in contenders:
                        figures = found.setdefault((one.method, one.name), Figures())
                        await measure(one, seconds, connections, figures)
                    insert(folder, seconds, found.setdefault(PLAIN, Figures()))
    return found


async def answered(http: aiohttp.ClientSession, url: str) -> tuple[str, dict[str, str]]:
    """An answer's body and the header fields that are not of the connection."""
    async with http.get(url) as answer:
        body = await answer.text()
    own = {"Content-Length", "Date", "Connection", "Keep-Alive"}
    return body, {name: value for name, value in answer.headers.items() if name not in own}


def resident_mib(pid: int) -> float:
    """Memory of a process that is in RAM."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) / 1024  # type: ignore[index]


async def memory(sessions: int) -> tuple[float, float]:
    """MiB of an AF before and after it was given so many sessions, each hosting content."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with (
            application_server(folder) as server,
            application_function(folder, server) as (af, pid),
            aiohttp.ClientSession(raise_for_status=True) as http,
        ):
            await provision(http, af["m1"])
            before = resident_mib(pid)
            turns = iter(range(sessions))

            async def worker() -> None:
                for _ in turns:
                    await provision(http, af["m1"])

            await asyncio.gather(*(worker() for _ in range(32)))
            return before, resident_mib(pid)


def table(found: dict[tuple[str, str], Figures]) -> str:
    """The medians as Markdown; ratios are of the medians, the AF's by theirs."""
    lines = [
        "| what | server | per s | p99 ms | CPU ms each | AF / it | target |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    ours = {
        method: statistics.median(one.per_s)
        for (method, name), one in found.items()
        if name.startswith("AF")
    }
    for (method, name), figures in sorted(found.items()):
        rate = statistics.median(figures.per_s)
        p99 = f"{statistics.median(figures.p99_ms):.1f}" if figures.p99_ms else ""
        target = f"{TARGETS[method]:,}" if name.startswith("AF") else ""
        lines.append(
            f"| {method} | {name} | {rate:,.0f} | {p99} | {statistics.median(figures.cpu_ms):.3f} "
            f"| {ours[method] / rate:.2f} | {target} |"
        )
    return "\n".join(lines)


def machine() -> str:
    """What the figures are worth: hardware, versions, and how busy it was."""
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    return (
        f"{os.cpu_count()} x {cpu[1] if cpu else platform.machine()}, Linux {platform.release()}, "
        f"Python {platform.python_version()}, aiohttp {aiohttp.__version__}, "
        f"SQLite {sqlite3.sqlite_version}, load average before {os.getloadavg()[0]:.1f}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--sessions", type=int, default=10_000)
    options = parser.parse_args()
    if shutil.which("wrk") is None:
        print("not installed: wrk", file=sys.stderr)
        return 1
    about = machine()
    found = asyncio.run(compare(options.rounds, options.seconds, options.connections))
    print(f"{about}\n{options.rounds} rounds of {options.seconds} s, ", end="")
    print(f"{options.connections} connections, loopback\n\n{table(found)}\n")
    if options.sessions:
        before, after = asyncio.run(memory(options.sessions))
        print(
            f"Memory: {before:.0f} MiB before, {after:.0f} MiB with {options.sessions:,} sessions"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
