"""Which of many texts a regular expression occurs in: a program for a process of its own.

Python's `re` cannot be stopped, and a pattern from outside can take for ever. So this file is run
as a script (`purge.matching` does), with `{"pattern": ..., "texts": [...]}` on standard input, and
answers `{"matches": [index, ...]}` or `{"error": ...}`. It imports nothing of this package.
"""

import json
import re
import sys
import warnings


def answer(request: str) -> str:
    """The JSON answer to a JSON request.

    >>> answer('{"pattern": "[.]mpd$", "texts": ["a.mpd", "b.m4s"]}')
    '{"matches": [0]}'
    """
    question = json.loads(request)
    try:
        pattern = re.compile(question["pattern"])
    except (re.error, OverflowError, RecursionError) as error:
        return json.dumps({"error": str(error)})
    found = [index for index, text in enumerate(question["texts"]) if pattern.search(text)]
    return json.dumps({"matches": found})


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    sys.stdout.write(answer(sys.stdin.read()))
