"""One model in three compositions: the subsets that they share are fetched once."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from fivegms_client.device import measure_device
from fivegms_client.entry import ManifestUrl
from fivegms_client.model_access import ModelAccess
from fivegms_client.options import AccessOptions
from fivegms_client.runnable import RunnableModel
from support.fake_clock import FakeClock
from support.memory_server import MemoryServer
from support.onnx_graphs import classifier
from support.preparing import Prepared, prepare_model

BASE = "http://as.test/m4d/provisioning-session-1/"
MPD = ManifestUrl(f"{BASE}model.mpd")
IMAGE = np.random.default_rng(1).random((2, 3, 16, 16), np.float32)
COMPOSITIONS = {"two": [["r1"]], "three": [["r1"], ["r2"]], "late": [["r2"]]}
DEVICE = measure_device()


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    requests = [{"id": name, "cuts": cuts} for name, cuts in COMPOSITIONS.items()]
    return prepare_model(classifier(), tmp_path_factory.mktemp("model"), compositions=requests)


@pytest.fixture
def server(prepared: Prepared) -> MemoryServer:
    files = (path for path in prepared.out.rglob("*") if path.is_file())
    return MemoryServer(
        {BASE + path.relative_to(prepared.out).as_posix(): path.read_bytes() for path in files}
    )


async def opened(server: MemoryServer, cache: Path, **wanted: str) -> RunnableModel:
    options = AccessOptions(device=DEVICE, cache_folder=cache, **wanted)
    return await ModelAccess(server, options, clock=FakeClock().clock()).open(MPD)


@pytest.mark.requirement("R012")
@pytest.mark.requirement("R078")
@pytest.mark.requirement("R079")
async def test_no_segment_is_fetched_twice(server: MemoryServer, tmp_path: Path) -> None:
    whole = await opened(server, tmp_path, composition="whole")
    expected = whole.infer({"x": IMAGE})["y"]
    reused = {}
    for name in COMPOSITIONS:
        model = await opened(server, tmp_path, composition=name)
        assert np.array_equal(model.infer({"x": IMAGE})["y"], expected)
        reused[name] = model.bytes_from_cache
    asked = Counter(one.url for one in server.requests if not one.url.endswith(".mpd"))
    assert set(asked.values()) == {1}
    assert reused["two"] < reused["three"]
    assert reused["two"] < reused["late"]


@pytest.mark.requirement("R011")
async def test_each_subset_runs_alone(server: MemoryServer, tmp_path: Path) -> None:
    values = {"x": IMAGE}
    for name in ("two-0", "three-1", "three-2"):  # a shared subset has the name it had first
        model = await opened(server, tmp_path, subset=name)
        values = model.infer(values)
    whole = await opened(server, tmp_path)
    assert np.array_equal(values["y"], whole.infer({"x": IMAGE})["y"])
