"""The exit codes of `fivegms` (docs/commands.md): a script need not read a message.

`failures` has the table of which error ends with which.
"""

from enum import IntEnum


class ExitCode(IntEnum):
    """What a finished command tells the shell. 2 is the option parser's own."""

    OK = 0
    INTERNAL = 1
    USAGE = 2
    BAD_INPUT = 3
    UNREACHABLE = 4
    REFUSED = 5
    INTEGRITY = 6
    NOTHING_RUNNABLE = 7
    INTERRUPTED = 130
