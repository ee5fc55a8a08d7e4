"""The preparer as a process: scripts that behave in every way a native reader can."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from fivegms_as.errors import (
    PreparationRefused,
    PreparationTimedOut,
    PreparedOutputInvalid,
    PreparerCrashed,
)
from fivegms_as.preparer import PreparationTask, ProcessPreparer

VARIANT = (
    '{"subset": 0, "id": "fp32", "precision": "fp32", "codec": "raw", "sizeBytes": 1, '
    '"sha256": "' + "0" * 64 + '", "segments": 1}'
)
BOUNDED = """
import resource
while resource.getrlimit(resource.RLIMIT_DATA)[0] == resource.RLIM_INFINITY:
    pass
"""


def task(folder: Path) -> PreparationTask:
    names = ("net.onnx", "template.json", "out", "journal")
    return PreparationTask(folder, *(folder / name for name in names), binding="key")


def running(script: str, timeout_s: float = 60) -> ProcessPreparer:
    command = (sys.executable, "-c", script)
    return ProcessPreparer(timeout_s=timeout_s, memory_bytes=2**28, command=command)


async def test_progress_and_result_come_through(tmp_path):
    script = f"""
import json, sys
print(json.dumps({{"progress": {{"stage": "x", "fraction": 0.5}}}}), flush=True)
withheld = [{{"id": "int8", "precision": "int8", "codec": "c", "sizeBytes": 1, "reason": "r"}}]
result = {{"files": sys.argv[1:], "variants": [{VARIANT}], "withheld": withheld}}
print(json.dumps({{"result": result}}))
"""
    heard = []
    made = await running(script).prepare(task(tmp_path), heard.append)
    assert [variant.id for variant in made.variants] == ["fp32"]
    assert [variant.id for variant in made.withheld] == ["int8"]
    assert [(progress.stage, progress.fraction) for progress in heard] == [("x", 0.5)]


@pytest.mark.parametrize(
    ("script", "error", "said"),
    [
        (
            'print(\'{"refused": {"type": "t", "detail": "d"}}\'); raise SystemExit(1)',
            PreparationRefused,
            "d",
        ),
        ("raise SystemExit(3)", PreparerCrashed, "exit code 3"),
        ("import os; os.kill(os.getpid(), 11)", PreparerCrashed, "SIGSEGV"),
        (BOUNDED + "bytearray(2**30)", PreparerCrashed, "exit code 1"),
        ("", PreparerCrashed, "exit code 0 and no result"),
        ("print('hello')", PreparedOutputInvalid, "hello"),
        ("print('x' * (17 << 20))", PreparedOutputInvalid, "a line of more than"),
        ("import time; time.sleep(600)", PreparationTimedOut, "within 0.5 s"),
    ],
)
async def test_every_other_end_is_named(tmp_path, script, error, said):
    timeout_s = 0.5 if error is PreparationTimedOut else 60
    with pytest.raises(error, match=said):
        await running(script, timeout_s).prepare(task(tmp_path), lambda _progress: None)


async def test_nothing_is_left_of_a_cancelled_process(tmp_path):
    script = """
import json, os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(json.dumps({"progress": {"stage": f"{os.getpid()} {child.pid}", "fraction": 0}}), flush=True)
time.sleep(600)
"""
    heard = asyncio.Queue()
    job = asyncio.create_task(running(script).prepare(task(tmp_path), heard.put_nowait))
    pids = [int(pid) for pid in (await heard.get()).stage.split()]
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    for pid in pids:
        async with asyncio.timeout(30):
            while _is_alive(pid):
                await asyncio.to_thread(os.sched_yield)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False
