"""`kill -9` of a server, or a change of mind, while a worker prepares: nothing is lost or left."""

import asyncio
import contextlib
import json
import os
import re
import sys
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path

import aiohttp
import pytest

from fivegms_api.model_preparation import MODEL_PREPARATION_MEDIA_TYPE
from fivegms_manifests.model_mpd import read_model_mpd
from support.onnx_graphs import classifier

HOSTING = json.dumps(
    {
        "name": "n",
        "ingestConfiguration": {"pull": False},
        "distributionConfigurations": [{"contentPreparationTemplateId": "t1"}],
    }
)
TEMPLATE = json.dumps(
    {
        "model": {"name": "net", "task": "tensors"},
        "source": "net.onnx",
        "variants": [
            {"precision": "fp32", "codec": "planes+zstd"},
            {"precision": "int8", "codec": "int8+zstd"},
            {"precision": "fp32", "codec": "layered"},
            {
                "precision": "fp32",
                "codec": "sparse+zstd",
                "optimise": [{"stage": "prune-weights", "sparsity": 0.5}],
            },
        ],
    }
)
MODEL = classifier(width=256).SerializeToString()


class Server:
    """A server process with one session and its template."""

    def __init__(self, process, http, m3, m4):
        self.process, self.http, self.m3, self.m4 = process, http, m3, m4
        self.sessions = f"{m3}/fivegms-m3/v1/provisioning-sessions/s1"

    async def offer(self):
        hosting = f"{self.m3}/3gpp-m3/v1/content-hosting-configurations/s1"
        await self.put(f"{self.sessions}/content-preparation-templates/t1", TEMPLATE,
                       MODEL_PREPARATION_MEDIA_TYPE)  # fmt: skip
        await self.put(hosting, HOSTING, "application/json")
        await self.put(f"{self.m4}/m2d/s1/net.onnx", BytesIO(MODEL), "application/octet-stream")

    async def put(self, url, data, media_type):
        async with self.http.put(url, data=data, headers={"Content-Type": media_type}) as answer:
            assert answer.status in (200, 201, 204), await answer.text()

    async def models(self):
        async with self.http.get(f"{self.sessions}/ai-models") as answer:
            return (await answer.json())["aiModels"]

    async def stage(self, beginning):
        """Wait for a stage of that name, or the end; its progress or None."""
        async with asyncio.timeout(120):
            while True:
                [model, *_] = await self.models()
                progress = model.get("progress", {})
                if progress.get("stage", "").startswith(beginning):
                    return progress
                if model["state"] in ("PUBLISHED", "FAILED"):
                    assert model["state"] == "PUBLISHED", model
                    return None


@asynccontextmanager
async def server(data_dir):
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "fivegms_as", "--data-dir", str(data_dir)),
        *("--m3", "127.0.0.1:0", "--m4", "127.0.0.1:0"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        line = (await process.stdout.readline()).decode()
        m3, m4 = re.fullmatch(r"M3 (\S+)  M4 (\S+)\n", line).groups()
        async with aiohttp.ClientSession() as http:
            yield Server(process, http, m3, m4)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def workers(data_dir):
    """The processes that prepare below a folder."""
    found = []
    for status in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            command = status.read_bytes()
            if b"fivegms_prepare" in command and str(data_dir).encode() in command:
                found.append(int(status.parent.name))
    return found


async def no_workers(data_dir):
    async with asyncio.timeout(60):
        while workers(data_dir):
            await asyncio.to_thread(os.sched_yield)


def journal(data_dir):
    records = list(data_dir.glob("work/*/journal/finished.jsonl"))
    return records[0].read_text().splitlines() if records else []


@pytest.mark.requirement("R144")
async def test_a_killed_server_goes_on_where_its_worker_was(tmp_path):
    points = ["encoding int8", "prune-weights", "measuring whole"]
    kept = 0
    for point in points:
        async with server(tmp_path) as up:
            if not kept:
                await up.offer()
            if await up.stage(point) is None:
                break
            up.process.kill()
            await up.process.wait()
        await no_workers(tmp_path)  # they end with their server
        lines = journal(tmp_path)
        assert len(lines) >= kept
        kept = len(lines)
    assert kept > 1
    async with server(tmp_path) as up:
        assert await up.stage("no such stage") is None
        async with up.http.get(f"{up.m4}/m4d/provisioning-session-s1/model.mpd") as answer:
            manifest = read_model_mpd(await answer.read())
            assert len(manifest.subsets[0].variants) == 5


@pytest.mark.parametrize("path", ["/content-preparation-templates/t1", ""])
async def test_a_job_that_is_not_wanted_any_more_leaves_nothing(path, tmp_path):
    async with server(tmp_path) as up:
        await up.offer()
        await up.stage("encoding")
        assert workers(tmp_path)
        async with up.http.delete(up.sessions + path) as answer:
            assert answer.status == 204
        await no_workers(tmp_path)
        async with asyncio.timeout(60):
            while list((tmp_path / "work").iterdir()):
                await asyncio.to_thread(os.sched_yield)
