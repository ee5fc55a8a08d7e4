"""The preparer as a process: `python -m fivegms_prepare`, one per job, killed when unwanted.

A model comes from outside and is read by native code, so it is read where a crash or an endless
loop costs one job. The process writes JSON lines: `{"progress": ...}` at will, and at last
`{"result": {"variants": [...]}}` or `{"refused": {"type": ..., "detail": ...}}`.
"""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import structlog
from pydantic import ConfigDict, ValidationError

from fivegms_api.ai_models import (
    FailureReason,
    PreparationProgress,
    PreparedVariant,
    WithheldVariant,
)
from fivegms_api.wire import WireModel
from fivegms_as.errors import (
    PreparationRefused,
    PreparationTimedOut,
    PreparedOutputInvalid,
    PreparerCrashed,
)
from fivegms_as.memory_limit import bound_memory
from fivegms_as.preparation_rules import PreparedModel

OnProgress = Callable[[PreparationProgress], None]
PREPARER_COMMAND = (sys.executable, "-m", "fivegms_prepare")
_MAX_LINE_BYTES = 16 * 1024 * 1024
_KEPT_STDERR_BYTES = 4096
_NICENESS = 10
_OOM_SCORE = "500"

_log = structlog.get_logger("fivegms_as.preparer")


@dataclass(frozen=True, slots=True)
class PreparationTask:
    """Where a preparer finds its model and template, and where it leaves its files.

    What else the template names and external data are below `inputs`, at their content paths. In
    `journal` it keeps finished work, which it may use again if `binding` is the same.
    """

    inputs: Path
    source: Path
    template: Path
    out: Path
    journal: Path
    binding: str


class Preparer(Protocol):
    """Turns a model into variants and segments."""

    async def prepare(self, task: PreparationTask, on_progress: OnProgress) -> PreparedModel:
        """Fill `task.out`. Raises PreparationError; stops everything when cancelled."""


class ProcessPreparer:
    """Runs a command per model, for `timeout_s` and with `memory_bytes` at most."""

    def __init__(
        self, *, timeout_s: float, memory_bytes: int, command: Sequence[str] = PREPARER_COMMAND
    ) -> None:
        self._timeout_s = timeout_s
        self._memory_bytes = memory_bytes
        self._command = tuple(command)

    async def prepare(self, task: PreparationTask, on_progress: OnProgress) -> PreparedModel:
        """Run the command. Raises PreparationError."""
        process = await asyncio.create_subprocess_exec(
            *self._command,
            *("--source", task.source, "--template", task.template),
            *("--out", task.out, "--evaluation-dir", task.inputs),
            *("--journal", task.journal, "--binding", task.binding, "--end-with-input"),
            stdin=asyncio.subprocess.PIPE,  # which ends with this server, however that ends
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=_MAX_LINE_BYTES,
            start_new_session=True,
        )
        _make_expendable(process.pid, self._memory_bytes)
        try:
            async with asyncio.timeout(self._timeout_s):
                return await _follow(process, on_progress)
        except TimeoutError:
            raise PreparationTimedOut(
                f"preparation did not end within {self._timeout_s:g} s"
            ) from None
        finally:
            await _end(process)


class _Result(WireModel):
    model_config = ConfigDict(extra="ignore")

    variants: tuple[PreparedVariant, ...]
    withheld: tuple[WithheldVariant, ...] = ()


class _Line(WireModel):
    progress: PreparationProgress | None = None
    result: _Result | None = None
    refused: FailureReason | None = None


async def _follow(process: asyncio.subprocess.Process, on_progress: OnProgress) -> PreparedModel:
    stdout, stderr = process.stdout, process.stderr
    if stdout is None or stderr is None:
        raise PreparerCrashed("the preparer has no output to read")
    complaint = asyncio.create_task(_tail(stderr))
    try:
        line = await _read_lines(stdout, on_progress)
        exit_code = await process.wait()
        last_words = await complaint
    finally:
        complaint.cancel()
    if line is not None and line.refused is not None:
        raise PreparationRefused(line.refused.type, line.refused.detail)
    if line is None or line.result is None or exit_code != 0:
        _log.error("preparer crashed", exit_code=exit_code, stderr=last_words)
        raise PreparerCrashed(_crash(exit_code))
    return PreparedModel(line.result.variants, line.result.withheld)


async def _read_lines(stdout: asyncio.StreamReader, on_progress: OnProgress) -> _Line | None:
    """Pass progress on; returns the last line that is not progress."""
    last = None
    while text := await _line(stdout):
        try:
            line = _Line.model_validate_json(text)
        except ValidationError as error:
            raise PreparedOutputInvalid(f"the preparer wrote {text[:100]!r}") from error
        if line.progress is not None:
            on_progress(line.progress)
        else:
            last = line
    return last


async def _line(stdout: asyncio.StreamReader) -> bytes:
    try:
        return await stdout.readline()
    except ValueError:
        raise PreparedOutputInvalid(
            f"the preparer wrote a line of more than {_MAX_LINE_BYTES} bytes"
        ) from None


async def _tail(stream: asyncio.StreamReader) -> str:
    kept = b""
    while block := await stream.read(_KEPT_STDERR_BYTES):
        kept = (kept + block)[-_KEPT_STDERR_BYTES:]
    return kept.decode(errors="replace")


def _crash(exit_code: int) -> str:
    if exit_code >= 0:
        return f"the preparer ended with exit code {exit_code} and no result"
    with contextlib.suppress(ValueError):
        return f"the preparer was ended by {signal.Signals(-exit_code).name}"
    return f"the preparer was ended by signal {-exit_code}"


def _make_expendable(pid: int, memory_bytes: int) -> None:
    """Delivery goes first on a machine that does both, and is the last to be killed for memory."""
    with contextlib.suppress(OSError):  # it may have ended, and not every system has these
        bound_memory(pid, memory_bytes)
        os.setpriority(os.PRIO_PROCESS, pid, _NICENESS)
        Path(f"/proc/{pid}/oom_score_adj").write_text(_OOM_SCORE, encoding="ascii")


async def _end(process: asyncio.subprocess.Process) -> None:
    """Kill the process and its children; nothing of it is left when this returns."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
