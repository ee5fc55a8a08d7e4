"""What readers of weights make of damaged and forged units, made from all golden vectors in turn.

    PYTHONPATH=tests/shared .venv/bin/python benchmarks/mutations.py [--count 100000] [--seed 1]

Digests are off: the units alone have to tell. Prints, for damage and for forgery, how often each
error refused, and the most memory that reading one unit took (numpy's and Python's allocations).
Ends with status 1 if any damaged unit was read as another tensor; anything but a named error stops
it at once.
"""

import argparse
import sys
import time
from collections import Counter
from pathlib import Path
from random import Random

from support.mutations import OTHER, Mutation, Subject, damaged, forged, subjects, tally

VECTORS = Path(__file__).parents[1] / "tests" / "vectors"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=100_000, help="mutated units in all")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    found = subjects(VECTORS)
    wrong = 0
    for mutate in damaged, forged:
        outcomes = show(found, mutate, options.count // 2, Random(options.seed))
        wrong += outcomes[OTHER] if mutate is damaged else 0
    sys.exit(1 if wrong else 0)


def show(found: list[Subject], mutate: Mutation, count: int, random: Random) -> Counter[str]:
    outcomes: Counter[str] = Counter()
    peak_bytes, started = 0, time.perf_counter()
    for index, subject in enumerate(found):
        share = count * (index + 1) // len(found) - count * index // len(found)
        result = tally(subject, mutate, share, random)
        outcomes += result.outcomes
        peak_bytes = max(peak_bytes, result.peak_bytes)
    print(f"\n{mutate.__name__}: {count:,} units of {len(found)} vectors, ", end="")
    print(f"{time.perf_counter() - started:.0f} s, at most {peak_bytes / 1024:.0f} KiB for one\n")
    print("| outcome | units |\n|---|---:|")
    for outcome, times in outcomes.most_common():
        print(f"| {outcome} | {times:,} |")
    return outcomes


if __name__ == "__main__":
    main()
