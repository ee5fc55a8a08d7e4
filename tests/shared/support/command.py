"""The `fivegms` command as a user runs it: a process, its exit code, its two streams."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FIVEGMS = (sys.executable, "-m", "fivegms_testbed.cli")


@dataclass(frozen=True, slots=True)
class Finished:
    """A command that has ended."""

    exit_code: int
    output: str
    messages: str

    def json(self) -> Any:
        """The one JSON object on standard output."""
        return json.loads(self.output)


def fivegms(*arguments: str | Path, cwd: Path | None = None, home: Path | None = None) -> Finished:
    """Run the command to its end. `home` is where caches and state go by default."""
    done = subprocess.run(
        [*FIVEGMS, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env=_environment(home),
    )
    return Finished(done.returncode, done.stdout, done.stderr)


@contextmanager
def serving(*arguments: str | Path, home: Path | None = None) -> Iterator[dict[str, str]]:
    """A server command with --json while the context is open; yields the addresses it printed."""
    process = subprocess.Popen(
        [*FIVEGMS, *map(str, arguments), "--json"],
        stdout=subprocess.PIPE,
        text=True,
        env=_environment(home),
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, f"the server ended with {process.wait()} before it was ready"
        yield json.loads(line)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


@contextmanager
def deployment(data: Path) -> Iterator[dict[str, str]]:
    """`fivegms serve` on free ports."""
    ports = [f"--{point}=127.0.0.1:0" for point in ("m1", "m5", "operator", "m3", "m2", "m4")]
    with serving("serve", *ports, "--data", data) as addresses:
        yield addresses


def _environment(home: Path | None) -> dict[str, str]:
    environment = dict(os.environ, NO_COLOR="1", COLUMNS="160")
    if home is not None:
        environment |= {f"XDG_{kind}_HOME": str(home) for kind in ("CACHE", "DATA", "STATE")}
    return environment
