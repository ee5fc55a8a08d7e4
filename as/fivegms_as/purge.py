"""Which content a purge pattern means (TS 26.512 7.6.4.6), within a bounded time.

The pattern is a regular expression that is looked for anywhere in the part of the URL behind the
distribution's base URL; `^` and `$` anchor it.
"""

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from fivegms_as import pattern_matching
from fivegms_as.errors import PatternInvalid, PatternTooSlow

MAX_PATTERN_CHARACTERS = 1024
_PROGRAM = str(Path(pattern_matching.__file__))


async def matching(pattern: str, paths: Sequence[str], *, timeout_s: float) -> list[str]:
    """The paths in which the pattern occurs. Raises PatternInvalid, PatternTooSlow."""
    if len(pattern) > MAX_PATTERN_CHARACTERS:
        raise PatternInvalid(f"a pattern may have {MAX_PATTERN_CHARACTERS} characters at most")
    question = json.dumps({"pattern": pattern, "texts": list(paths)}).encode()
    answer = json.loads(await _ask(question, timeout_s))
    if "error" in answer:
        raise PatternInvalid(f"not a regular expression: {answer['error']}")
    return [paths[index] for index in answer["matches"]]


async def _ask(question: bytes, timeout_s: float) -> bytes:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", _PROGRAM),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(timeout_s):
            output, _ = await process.communicate(question)
    except TimeoutError:
        raise PatternTooSlow(f"matching did not end within {timeout_s:g} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        raise PatternInvalid("the pattern cannot be matched")
    return output
