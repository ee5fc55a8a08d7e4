"""The command: its options, its one line of output, its end."""

import asyncio
import json
import re
import signal
import sys

import pytest

from fivegms_api.endpoint import Endpoint
from fivegms_as.__main__ import parse_arguments
from fivegms_as.config import AsConfig


async def command(*arguments):
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "fivegms_as", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


def test_defaults_are_those_of_the_configuration(tmp_path):
    config = parse_arguments(["--data-dir", str(tmp_path)])
    assert config == AsConfig(
        Endpoint("127.0.0.1", 7779), Endpoint("127.0.0.1", 8080), data_dir=tmp_path
    )


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--data-dir", "d", "--m3", "nowhere"],
        ["--data-dir", "d", "--trusted-proxy", "10.0.0.1/8"],
        ["--data-dir", "d", "--m4-tls", "here"],
        ["--data-dir", "d", "--preparation-jobs", "0"],
        ["--data-dir", "d", "--max-upload-bytes", "-1"],
        ["--data-dir", "d", "--memory-cache-bytes", "many"],
        *(
            ["--data-dir", "d", "--preparation-timeout-s", s]
            for s in ("nan", "-1", "0", "inf", "x")
        ),
    ],
)
def test_a_command_line_that_means_nothing_is_refused(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        parse_arguments(arguments)
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert "usage:" in said
    assert not arguments or f"argument {arguments[-2]}: " in said
    assert "invalid" not in said  # the reason, not that there is one


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_in_good_order(tmp_path, number):
    ports = ("--m3", "127.0.0.1:0", "--m4", "127.0.0.1:0")
    process = await command("--data-dir", str(tmp_path), *ports)
    line = (await process.stdout.readline()).decode()
    assert re.fullmatch(r"M3 http://127.0.0.1:\d+  M4 http://127.0.0.1:\d+\n", line)
    process.send_signal(number)
    await process.communicate()
    assert process.returncode == 0


async def test_an_m2_of_its_own_is_told(tmp_path):
    ports = [f"--{point}=127.0.0.1:0" for point in ("m3", "m4", "m2")]
    process = await command("--data-dir", str(tmp_path), *ports)
    line = (await process.stdout.readline()).decode()
    assert len(set(re.findall(r"\bM\d http://127.0.0.1:(\d+)", line))) == 3
    process.terminate()
    await process.communicate()
    assert process.returncode == 0


async def test_a_data_folder_belongs_to_one_server(config, preparer, run):
    async with run(config, preparer):
        process = await command("--data-dir", str(config.data_dir), "--m3", "127.0.0.1:0")
        _, complaint = await process.communicate()
    assert process.returncode == 1
    assert b"another server" in complaint


async def test_damage_is_set_aside_and_told(config, preparer, run):
    async with run(config, preparer) as peer:
        await peer.template()
        await peer.host()
        await peer.upload("a", b"x")
    documents = config.data_dir / "configuration"
    (documents / "s1.json").write_bytes(b"{")
    (config.data_dir / "preparation" / "s2.json").write_bytes(b"{")
    async with run(config, preparer) as peer:
        _, _, body = await peer.call("GET", f"{peer.server.m3_url}/fivegms-m3/v1/status")
        assert json.loads(body)["provisioningSessions"] == []
        _, _, body = await peer.call("GET", f"{peer.server.m3_url}/healthz")
        assert json.loads(body)["quarantined"] == 2
        await peer.host()  # as the AF does, now that the status lacks the session
        assert (await peer.call("GET", peer.m4("a")))[2] == b"x"
    kept = {file.name for file in (config.data_dir / "quarantine").iterdir()}
    assert kept == {"configuration-s1.json", "preparation-s2.json"}


async def test_a_lost_source_is_told_as_awaiting_upload(config, preparer, run):
    async with run(config, preparer) as peer:
        await peer.template()
        await peer.host(template="t1")
        await peer.upload("net.onnx", b"model")
        await peer.model_when("PUBLISHED")
    for blob in (config.data_dir / "content" / "blobs").glob("*/*"):
        blob.unlink()
    async with run(config, preparer) as peer:
        await peer.model_when("AWAITING_UPLOAD")
        await peer.upload("net.onnx", b"model")
        await peer.model_when("PUBLISHED")


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_both_listeners_say_that_they_are_up(peer, path):
    for url in (peer.server.m3_url, peer.server.m4_url):
        status, fields, _ = await peer.call("GET", url + path)
        assert (status, fields["Cache-Control"]) == (200, "no-store")
