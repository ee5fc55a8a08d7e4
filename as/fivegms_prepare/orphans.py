"""A worker whose server died is of use to nobody, and in the way of the one that is started next.

The server holds the other end of the worker's standard input and never writes to it: when it ends,
so did the server, however it did.
"""

import os
import signal
import sys
from threading import Thread


def end_with_input() -> None:
    """End this process, and what it started, once standard input ends."""
    Thread(target=_wait, name="end with input", daemon=True).start()


def _wait() -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    if os.getpgrp() == os.getpid():  # a group of our own: the server's is not ours to end
        os.killpg(os.getpgrp(), signal.SIGKILL)
    os._exit(1)
