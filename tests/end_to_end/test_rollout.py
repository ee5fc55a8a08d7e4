"""A provider rolls a version out to some UEs, and back, with the commands."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from support.command import Finished, deployment, fivegms
from support.onnx_graphs import perceptron, save

NAME = "net"


@dataclass(frozen=True)
class World:
    """A deployment with a session, and a home folder for each UE."""

    addresses: dict[str, str]
    folder: Path
    session: str

    def provider(self, command: str, *options: str | Path) -> Finished:
        """`rollout` or `rollback` of the model."""
        where = ("--session", self.session, "--m1", self.addresses["m1"])
        return fivegms(command, NAME, *where, *options)

    def rollout(self, *options: str) -> dict[str, Any]:
        done = self.provider("rollout", *options, "--json")
        assert done.exit_code == 0, done.messages
        situation: dict[str, Any] = done.json()
        return situation

    def version_at(self, ue: str, *options: str) -> int:
        """The version that a UE with a home of its own runs."""
        inputs = self.folder / "x.npy"
        np.save(inputs, np.ones((1, 16), np.float32))
        arguments = (self.addresses["m5"], "--task", "toy", "--input", str(inputs), *options)
        done = fivegms("run", *arguments, "--no-cache", "--json", home=self.folder / ue)
        assert done.exit_code == 0, done.messages
        return int(done.json()["version"])


def _publish(addresses: dict[str, str], folder: Path, version: int, *options: str) -> Finished:
    model = save(perceptron(seed=version), folder / f"{NAME}.onnx")
    described = ("--task", "toy", "--model-version", str(version))
    where = ("--m1", addresses["m1"], "--json")
    return fivegms("publish", model, *described, *where, *options)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Versions 1 and 2 are published, and nothing is said of who gets which."""
    folder = tmp_path_factory.mktemp("rollout")
    with deployment(folder / "data") as addresses:
        first = _publish(addresses, folder, 1)
        assert first.exit_code == 0, first.messages
        session = str(first.json()["provisioning_session_id"])
        second = _publish(addresses, folder, 2, "--session", session)
        assert second.exit_code == 0, second.messages
        assert second.json()["provisioning_session_id"] == session
        yield World(addresses, folder, session)


@pytest.mark.requirement("R009b")
@pytest.mark.requirement("R098")
def test_a_version_goes_to_a_cohort_then_to_all_and_back(world: World) -> None:
    assert world.rollout("--show")["rollout"] is None
    assert world.version_at("a") == 2
    begun = world.rollout("--version", "2", "--percentage", "0", "--cohort", "beta")
    assert begun["rollout"]["baseline_version"] == 1
    assert [one["version"] for one in begun["versions"]] == [2, 1]
    assert world.version_at("a", "--cohort", "beta") == 2
    assert world.version_at("b") == 1
    assert world.rollout("--percentage", "100")["rollout"]["cohort"] == "beta"
    assert world.version_at("b") == 2
    back = world.provider("rollback", "--json")
    assert back.json()["rollout"]["version"] == 1
    assert world.version_at("a", "--cohort", "beta") == 1
    assert world.provider("rollback", "--to", "2").exit_code == 0
    assert world.version_at("b", "--no-ue-id") == 2


def test_a_device_is_the_same_ue_each_time(world: World) -> None:
    for _ in range(2):
        world.version_at("c")
    kept = world.folder / "c" / "fivegms" / "ue-id"
    first = kept.read_text()
    world.version_at("c")
    assert kept.read_text() == first
    world.version_at("d", "--no-ue-id")
    assert not (world.folder / "d" / "fivegms" / "ue-id").exists()


def test_who_gets_what_is_shown(world: World) -> None:
    done = world.provider(
        "rollout", "--version", "2", "--percentage", "12.5", "--cohort", "beta", "--baseline", "1"
    )
    lines = [line.split() for line in done.output.splitlines()]
    assert ["2", "PUBLISHED", "12.5", "%", "and", "cohort", "beta"] in lines
    assert ["1", "PUBLISHED", "all", "others"] in lines


@pytest.mark.parametrize(
    ("command", "options", "exit_code", "words"),
    [
        ("rollout", ("--version", "3"), 5, "version 3"),
        ("rollout", ("--version", "2", "--baseline", "2"), 2, "another than version"),
        ("rollout", ("--version", "2", "--cohort", "two words"), 2, "pattern"),
        ("rollout", ("--show", "--percentage", "5"), 2, "--show"),
        ("rollback", ("--to", "9"), 5, "version 9"),
    ],
)
def test_what_cannot_be_rolled_out_is_refused(
    world: World, command: str, options: tuple[str, ...], exit_code: int, words: str
) -> None:
    done = world.provider(command, *options)
    assert (done.exit_code, words in done.messages) == (exit_code, True), done.messages


def test_a_model_that_is_not_there_is_said(world: World) -> None:
    where = ("--session", world.session, "--m1", world.addresses["m1"])
    done = fivegms("rollout", "other", *where)
    assert done.exit_code == 5
    assert "other" in done.messages


def test_a_version_is_published_once(world: World) -> None:
    again = _publish(world.addresses, world.folder, 2, "--session", world.session)
    assert again.exit_code == 3
    assert "version 2 already" in again.output
