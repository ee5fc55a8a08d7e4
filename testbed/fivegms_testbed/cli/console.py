"""How a command speaks: people read standard error and a table, programs one JSON object.

Standard output carries the result alone, so that `fivegms ... --json | jq` always works: progress
and advice go to standard error. Whatever fails ends in one place, here. Names and messages come
from files and servers, so nothing that is printed is read as markup; lines that a person may copy
from (addresses, paths, errors) are left to the terminal to break.
"""

import dataclasses
import enum
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from pydantic import BaseModel
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.text import Text

from fivegms_testbed.cli.exit_codes import ExitCode

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]

_PIPED_WIDTH = 100
"""Columns of a table whose reader is not a terminal."""

messages = Console(stderr=True, markup=False, emoji=False)
results = Console(
    width=None if sys.stdout.isatty() else _PIPED_WIDTH, markup=False, emoji=False, highlight=False
)


def plain(value: Any) -> Any:
    """A value of ours as JSON types: dataclasses and models as objects, paths as text."""
    match value:
        case BaseModel():
            return value.model_dump(mode="json", by_alias=False, exclude_none=True)
        case enum.Enum():
            return value.value
        case dict():
            return {str(key): plain(entry) for key, entry in value.items()}
        case list() | tuple():
            return [plain(entry) for entry in value]
        case Path():
            return str(value)
        case datetime():
            return value.isoformat()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = (entry.name for entry in dataclasses.fields(value))
        return {name: plain(getattr(value, name)) for name in names}
    return value


def print_json(value: Any) -> None:
    """One JSON object on one line of standard output."""
    sys.stdout.write(json.dumps(plain(value)) + "\n")
    sys.stdout.flush()


def fail(error: BaseException, *, as_json: bool) -> NoReturn:
    """Say what went wrong and end with the error's exit code; defects keep their traceback."""
    from fivegms_testbed.cli.failures import exit_code  # it loads every package

    code = exit_code(error)
    if code is ExitCode.INTERNAL:
        messages.print_exception()
        messages.print("This is a defect in fivegms; please report it with the lines above.")
    elif not as_json:
        label = Text("interrupted" if code is ExitCode.INTERRUPTED else "error", style="bold red")
        line = Text.assemble(label, ": ", str(error)) if str(error) else label
        messages.print(line, soft_wrap=True)
    if as_json:
        print_json({"error": {"type": type(error).__name__, "message": str(error)}})
    raise typer.Exit(code)


@contextmanager
def reporting_errors(*, as_json: bool) -> Iterator[None]:
    """Run a command's body so that every error ends in `fail`; the option parser keeps its own."""
    try:
        yield
    except (typer.Exit, typer.Abort, typer.BadParameter):
        raise
    except BaseExceptionGroup as group:
        fail(_first_leaf(group), as_json=as_json)
    except (Exception, KeyboardInterrupt) as error:
        fail(error, as_json=as_json)


def fail_usage(error: Exception) -> NoReturn:
    """Say what the option parser refused as one JSON object; defects keep their traceback."""
    explain = getattr(error, "format_message", None)
    if explain is None:
        raise error
    print_json({"error": {"type": type(error).__name__, "message": str(explain())}})
    sys.exit(ExitCode.USAGE)


def _first_leaf(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def transfer_progress(*, as_json: bool) -> Progress:
    """A bar for bytes on their way: amount, rate and time left; for people at a terminal."""
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=messages,
        transient=True,
        disable=as_json or not messages.is_terminal,
    )


def stage_progress(*, as_json: bool) -> Progress:
    """A bar for work in stages: what is being done, how far, and the time left; for people."""
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=messages,
        transient=True,
        disable=as_json or not messages.is_terminal,
    )


def headed(name: str, rest: str) -> Text:
    """A line that begins with a name."""
    return Text.assemble((name, "bold"), rest)


def counted(number: int, noun: str) -> str:
    """A number of things: `1 frame`, `250 frames`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def megabytes(size_bytes: int) -> str:
    """A size as people say it: `712 B`, `68.1 kB`, `102.1 MB` (decimal units)."""
    if size_bytes < 1000:
        return f"{size_bytes} B"
    if size_bytes < 1_000_000:
        return f"{size_bytes / 1000:.1f} kB"
    return f"{size_bytes / 1_000_000:.1f} MB"
