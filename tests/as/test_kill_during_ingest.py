"""`kill -9` at any moment of an upload: afterwards a path has all of its bytes or none."""

import asyncio
import contextlib
import hashlib
import json
import random
import re
import sys
from contextlib import asynccontextmanager

import aiohttp

BLOCK = bytes(range(256)) * 1024  # 256 KiB
BLOCKS = 12
ROUNDS = 6
HOSTING = json.dumps(
    {"name": "n", "ingestConfiguration": {"pull": False}, "distributionConfigurations": [{}]}
)


@asynccontextmanager
async def server(data_dir):
    """A server process; its M3 and M4 URLs and a function that kills it."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "fivegms_as", "--data-dir", str(data_dir)),
        *("--m3", "127.0.0.1:0", "--m4", "127.0.0.1:0"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        line = (await process.stdout.readline()).decode()
        m3, m4 = re.fullmatch(r"M3 (\S+)  M4 (\S+)\n", line).groups()
        yield m3, m4, process.kill
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def content(version):
    return bytes([version]) + BLOCK * BLOCKS


async def upload_and_kill(http, url, version, after_blocks, kill):
    """Upload, kill the server after so many blocks; whether the upload was acknowledged."""
    data = content(version)

    async def body():
        for index in range(0, len(data), len(BLOCK)):
            if index // len(BLOCK) == after_blocks:
                kill()
            yield data[index : index + len(BLOCK)]

    try:
        async with http.put(url, data=body()) as answer:
            return answer.status in (201, 204)
    except aiohttp.ClientError:
        return False


async def test_killed_uploads_are_never_half_visible(tmp_path):
    moments = random.Random(7)
    held = None
    for version in range(ROUNDS):
        async with server(tmp_path) as (m3, m4, kill), aiohttp.ClientSession() as http:
            url = f"{m3}/3gpp-m3/v1/content-hosting-configurations/s1"
            fields = {"Content-Type": "application/json"}
            async with http.put(url, data=HOSTING, headers=fields) as answer:
                assert answer.status in (201, 204)
            async with http.get(f"{m4}/m4d/provisioning-session-s1/a") as answer:
                body = await answer.read()
                assert answer.status == (404 if held is None else 200)
            if held is not None:
                assert hashlib.sha256(body).digest() == hashlib.sha256(content(held)).digest()
            # On even rounds the kill comes in the middle, on odd ones right after the answer.
            middle = moments.randrange(1, BLOCKS)
            moment = middle if version % 2 == 0 else BLOCKS + 9
            if await upload_and_kill(http, f"{m4}/m2d/s1/a", version, moment, kill):
                held = version
            kill()
    assert held == ROUNDS - 1
    left = sorted(file.name for file in (tmp_path / "content" / "blobs").rglob("?" * 64))
    assert len(left) <= 2  # what a kill between rename and publication leaves goes at start
    async with server(tmp_path):
        pass
    left = sorted(file.name for file in (tmp_path / "content" / "blobs").rglob("?" * 64))
    assert left == [hashlib.sha256(content(held)).hexdigest()]
