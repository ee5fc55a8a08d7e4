"""AF and AS as processes of their own, either of which may die and come back."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from support.command import FIVEGMS, Finished, fivegms
from support.onnx_graphs import perceptron, save


class Servers:
    """An AS and the AF that drives it, restarted on the ports they had."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.processes: dict[str, subprocess.Popen[str]] = {}
        self.urls: dict[str, str] = {}

    def start_as(self) -> None:
        addresses = [f"--{point}={self._address(point)}" for point in ("m3", "m2", "m4")]
        self._start("as", *addresses)

    def start_af(self) -> None:
        servers = ",".join(f"{point}={self.urls[point]}" for point in ("m3", "m2", "m4"))
        addresses = [f"--{point}={self._address(point)}" for point in ("m1", "m5", "operator")]
        self._start("af", "--as", servers, *addresses)

    def kill(self, role: str) -> None:
        process = self.processes.pop(role)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert process.stdout is not None
        process.stdout.close()

    def _start(self, role: str, *options: str) -> None:
        process = subprocess.Popen(
            [*FIVEGMS, role, *options, "--data", str(self.folder), "--json"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=dict(os.environ),
        )
        self.processes[role] = process
        assert process.stdout is not None
        self.urls |= json.loads(process.stdout.readline())

    def _address(self, point: str) -> str:
        return self.urls.get(point, "http://127.0.0.1:0").removeprefix("http://")


@contextmanager
def running(folder: Path) -> Iterator[Servers]:
    servers = Servers(folder)
    try:
        servers.start_as()
        servers.start_af()
        yield servers
    finally:
        for role in list(servers.processes):
            servers.kill(role)


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Servers]:
    with running(tmp_path / "data") as started:
        yield started


def _publish(servers: Servers, folder: Path) -> Finished:
    model = save(perceptron(), folder / "perceptron.onnx")
    arguments = ("--task", "toy", "--m1", servers.urls["m1"], "--patience-s", "1", "--json")
    return fivegms("publish", model, *arguments)


def _run(servers: Servers, folder: Path) -> Finished:
    inputs = folder / "in.npz"
    np.savez(inputs, x=np.zeros((1, 16), np.float32))
    arguments = ("--task", "toy", "--input", inputs, "--no-cache", "--json")
    return fivegms("run", servers.urls["m5"], *arguments)


@pytest.mark.requirement("R097")
def test_what_was_published_outlives_a_kill_of_both(servers: Servers, tmp_path: Path) -> None:
    assert _publish(servers, tmp_path).exit_code == 0
    for role, start in (("as", servers.start_as), ("af", servers.start_af)):
        servers.kill(role)
        start()
    done = _run(servers, tmp_path)
    assert done.exit_code == 0, done.messages


def test_publishing_while_the_as_is_down_says_so_and_leaves_nothing(
    servers: Servers, tmp_path: Path
) -> None:
    servers.kill("as")
    refused = _publish(servers, tmp_path)
    assert refused.exit_code in (4, 5)
    assert refused.json()["error"]["message"]
    servers.start_as()
    assert _publish(servers, tmp_path).exit_code == 0
