"""Models that stay in use while they get better: in layers, and from version to version."""

import asyncio
import shutil
import tarfile
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread
from typing import Any, Self

import numpy as np
import pytest

from fivegms_api.model_preparation import ModelPreparation
from fivegms_client import (
    AccessOptions,
    Prefer,
    Preferences,
    Refine,
    RunnableModel,
    Way,
    fetch_model,
    open_model,
)
from fivegms_prepare.preparation import prepare
from fivegms_testbed import assets
from fivegms_testbed.deployment import Deployment, DeploymentConfig
from fivegms_testbed.provider import Provider
from support.command import fivegms
from support.containers import NNEF_TEXT, SAVED_MODEL_PB, folder_of, hdf5

TASK = "object-detection"
DETECTOR = assets.detector_model()
HEADS = DETECTOR.with_name("digits_detector_heads.onnx")
WALLS = DETECTOR.with_name("digits_detector_walls.onnx")
CLIP = DETECTOR.with_name("clip.mp4")
ACCURATE = Preferences(Prefer.ACCURACY)
LOSSLESS = {"precision": "fp32", "codec": "planes+zstd"}
LAYERED = {"precision": "fp32", "codec": "layered"}


@dataclass
class World:
    """A deployment and a provider of a detector, which makes new versions of it."""

    addresses: dict[str, str]
    data: Path
    folder: Path
    provider: Provider
    session: str | None = None

    async def publish(self, version: int, source: Path, **members: Any) -> None:
        described = {"name": "digits", "version": version, "task": TASK}
        shutil.copy(source, self.folder)
        template = ModelPreparation.model_validate(
            {"model": described, "source": source.name, **members}
        )
        path = self.folder / source.name
        done = await self.provider.publish(path, template, session=self.session)
        self.session = done.provisioning_session_id

    async def open(self, **options: Any) -> RunnableModel:
        access = AccessOptions(reporting=False, **options)
        return await open_model(self.addresses["m5"], task=TASK, options=access)

    def damage(self, sha256: str) -> None:
        """Change a segment where the AS keeps it."""
        for path in self.data.rglob(f"*{sha256}*"):
            data = bytearray(path.read_bytes())
            data[len(data) // 2] ^= 1
            path.write_bytes(data)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        config = DeploymentConfig.on_free_ports(tmp_path / "data")
        addresses = (await stack.enter_async_context(Deployment(config))).addresses
        provider = await stack.enter_async_context(Provider(addresses["m1"]))
        (tmp_path / "models").mkdir()
        yield World(addresses, tmp_path / "data", tmp_path / "models", provider)


def change_from(base: Path, version: int) -> dict[str, Any]:
    """What makes a delta, too."""
    delta = {"base": base.name, "baseVersion": version}
    return {"variants": [LOSSLESS], "deltas": [delta]}


class Watching:
    """A thread that runs the model on a clip, again and again."""

    def __init__(self, model: RunnableModel) -> None:
        self._model = model
        self._ended = Event()
        self.frames = 0
        self.failure: Exception | None = None
        self._began = Event()
        self._thread = Thread(target=self._run)

    def _run(self) -> None:
        try:
            while not self._ended.is_set():
                for _ in self._model.run(CLIP):
                    self.frames += 1
                    self._began.set()
                    if self._ended.is_set():
                        break
        except Exception as error:
            self.failure = error
            self._began.set()

    def __enter__(self) -> Self:
        self._thread.start()
        self._began.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()


def outputs(model: RunnableModel) -> Mapping[str, Any]:
    pixels = np.random.default_rng(5).integers(0, 255, (192, 320, 3), dtype=np.uint8)
    return next(model.run([pixels])).outputs


def same(left: Mapping[str, Any], right: Mapping[str, Any]) -> bool:
    return all(np.array_equal(left[name], right[name]) for name in left)


@pytest.mark.requirement("R065")
async def test_a_detector_runs_from_its_base_and_gets_to_every_bit(world: World) -> None:
    await world.publish(1, DETECTOR, variants=[LOSSLESS, LAYERED])
    whole = await world.open(preferences=Preferences(variant="fp32"))
    top = Preferences(variant="fp32-layer")
    model = await world.open(preferences=top, refine=Refine.MANUAL)
    assert model.variant.id == "int8"
    with Watching(model) as watching:
        ran = [model.variant.id]
        while step := await asyncio.to_thread(model.refine):
            ran.append(step.variants[0].id)
    assert watching.failure is None
    assert watching.frames
    assert ran == ["int8", "fp16-layer", "fp32-layer"]
    assert same(outputs(model), outputs(whole))
    assert model.bytes_fetched <= 1.05 * whole.bytes_fetched
    assert model.steps[0].bytes_fetched < 0.35 * whole.bytes_fetched


@pytest.mark.requirement("R089")
async def test_versions_follow_one_another_by_what_changed_while_frames_run(world: World) -> None:
    """First the heads alone were trained further, then everything."""
    await world.publish(1, DETECTOR, variants=[LOSSLESS])
    model = await world.open(preferences=ACCURATE)
    whole_bytes = model.bytes_fetched
    await world.publish(2, HEADS, **change_from(DETECTOR, 1))
    with Watching(model) as watching:
        heads = await asyncio.to_thread(model.update)
        await world.publish(3, WALLS, **change_from(HEADS, 2))
        walls = await asyncio.to_thread(model.update)
    assert watching.failure is None
    assert heads is not None
    assert walls is not None
    assert [(step.version, step.way, step.note) for step in (heads, walls)] == [
        (2, Way.DELTA, None),
        (3, Way.DELTA, None),
    ]
    assert heads.bytes_fetched <= 0.08 * DETECTOR.stat().st_size
    assert walls.bytes_fetched < whole_bytes
    fresh = await world.open(preferences=ACCURATE)
    assert fresh.variant.delta is None
    assert same(outputs(model), outputs(fresh))
    assert await asyncio.to_thread(model.update) is None


@pytest.mark.requirement("R089")
async def test_a_delta_that_is_damaged_gives_way_to_the_whole(world: World) -> None:
    await world.publish(1, DETECTOR, variants=[LOSSLESS])
    model = await world.open(preferences=ACCURATE)
    await world.publish(2, HEADS, **change_from(DETECTOR, 1))
    fresh = await world.open(preferences=ACCURATE)
    (delta,) = [one for one in fresh.selection.subset.variants if one.delta is not None]
    world.damage(delta.segments[-1].sha256)
    step = await asyncio.to_thread(model.update)
    assert step is not None
    assert (step.version, step.way) == (2, Way.WHOLE)
    assert f"{delta.id} could not be applied" in str(step.note)
    assert same(outputs(model), outputs(fresh))


def test_the_command_runs_the_base_first(tmp_path: Path) -> None:
    layered = ("--task", TASK, "--variant", "fp32:layered", "--out", tmp_path / "model")
    assert fivegms("prepare", DETECTOR, *layered).exit_code == 0
    where = (tmp_path / "model" / "model.mpd", "--input", CLIP, "--json")
    done = fivegms("run", *where, "--refine", "--variant", "fp32-layer")
    assert done.exit_code == 0, done.messages
    ran = done.json()
    assert ran["chosen"] == ["fp32-layer"]
    assert ran["steps"][0]["variants"] == ["int8"]
    assert ran["upkeep_error"] is None


@pytest.mark.requirement("R090")
@pytest.mark.requirement("R090c")
def test_the_command_gets_the_providers_own_file(tmp_path: Path) -> None:
    options = ("--task", TASK, "--as-is", "--name", "digits", "--out", tmp_path / "model")
    prepared = fivegms("prepare", DETECTOR, *options)
    assert prepared.exit_code == 0, prepared.messages
    got = fivegms("get", tmp_path / "model" / "model.mpd", "--into", tmp_path / "got", "--json")
    assert got.exit_code == 0, got.messages
    (file,) = got.json()["files"]
    assert Path(file) == tmp_path / "got" / "digits.onnx"
    assert Path(file).read_bytes() == DETECTOR.read_bytes()
    refused = fivegms("run", tmp_path / "got" / "model.mpd", "--input", CLIP)
    assert refused.exit_code
    assert "the provider's own file" in refused.messages


@pytest.mark.parametrize(
    ("files", "source"),
    [
        pytest.param(
            {"net/saved_model.pb": SAVED_MODEL_PB, "net/variables/variables.index": b"x"},
            "net",
            marks=pytest.mark.requirement("R090a"),
        ),
        pytest.param({"net.h5": hdf5()}, "net.h5", marks=pytest.mark.requirement("R090b")),
        pytest.param({"net/graph.nnef": NNEF_TEXT}, "net", marks=pytest.mark.requirement("R090d")),
    ],
    ids=["SavedModel", "HDF5", "NNEF"],
)
async def test_every_container_reaches_the_device(
    files: dict[str, bytes], source: str, tmp_path: Path
) -> None:
    folder_of(files, tmp_path)
    described = {"name": "net", "task": "toy"}
    template = ModelPreparation.model_validate(
        {"model": described, "source": "net", "container": "as-is"}
    )
    prepare(tmp_path / source, template, tmp_path / "out", now=datetime.now(UTC))
    fetched = await fetch_model(tmp_path / "out" / "model.mpd", tmp_path / "got")
    (file,) = fetched.files
    if len(files) == 1 and file.suffix != ".tar":
        assert file.read_bytes() == files[source]
        return
    with tarfile.open(file) as archive:
        members = {m.name: archive.extractfile(m) for m in archive.getmembers()}
        found = {f"net/{name}": content.read() for name, content in members.items() if content}
    assert found == files
