"""Does decoding leave the interpreter to others? How late a thread wakes beside each decoder.

    .venv/bin/python benchmarks/interpreter_lock.py [--seconds 2] [--json]

One thread decodes the same 9.4 MB tensor again and again. Another sleeps for 200 us at a time, and
notes by how much it oversleeps: where the decoder holds the interpreter lock, by as long as that.
The ends of the scale are in the same run: nobody, one Zstandard call that holds no lock at all, and
a sum that holds it throughout. Unlike a speed-up by a second thread, medians show this on a machine
whose cores are busy, too. Prints a Markdown table.
"""

import argparse
import json
import platform
import threading
import time
from collections.abc import Callable
from functools import partial

import numpy as np
from backports import zstd

from fivegms_codecs import Codec, Precision, decode_tensor, write_tensor
from fivegms_codecs.layers import decode_layers, write_layers
from fivegms_codecs.units import read_tensor

NAP_S = 200e-6
SHARES = {"median": 0.5, "p90": 0.9, "p99": 0.99}
CODINGS = (
    (Precision.FP32, Codec.PLANES_ZSTD),
    (Precision.INT8, Codec.INT8_ZSTD),
    (Precision.INT8, Codec.INT8_HUFFMAN),
    (Precision.INT4, Codec.INT4_ZSTD),
    (Precision.CODEBOOK, Codec.CODEBOOK_ZSTD),
    (Precision.FP32, Codec.SPARSE_ZSTD),
)


def workloads() -> dict[str, Callable[[], object]]:
    """What the busy thread does, by the name that the table shows."""
    array = np.random.default_rng(0).standard_normal((512, 4608), np.float32)
    array[np.abs(array) < 0.2] = 0  # or there would be nothing to leave out
    out = np.ones_like(array)
    packed = zstd.compress(array.data, 3)
    layers = write_layers("w", array)
    parts = [read_tensor(part) for part in (layers.base, layers.middle, layers.last) if part]
    units = {
        codec: read_tensor(write_tensor("w", array, precision, codec))
        for precision, codec in CODINGS
    }
    return {
        "nobody": partial(time.sleep, 0.02),
        "Zstandard, one call": partial(zstd.decompress, packed),
        **{str(codec): partial(decode_tensor, unit, out) for codec, unit in units.items()},
        "layered": partial(decode_layers, parts, out),
        "a sum, which holds the lock": partial(sum, range(300_000)),
    }


def lateness_us(work: Callable[[], object], seconds: float) -> list[float]:
    """By how much each nap was too long while another thread worked, in ascending order."""
    ended = threading.Event()

    def busy() -> None:
        while not ended.is_set():
            work()

    thread = threading.Thread(target=busy)
    thread.start()
    late, end = [], time.perf_counter() + seconds
    while (started := time.perf_counter()) < end:
        time.sleep(NAP_S)
        late.append(1e6 * (time.perf_counter() - started - NAP_S))
    ended.set()
    thread.join()
    return sorted(late)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    table = {}
    for name, work in workloads().items():
        late = lateness_us(work, arguments.seconds)
        table[name] = {title: late[int(len(late) * share)] for title, share in SHARES.items()}
    if arguments.json:
        print(json.dumps(table, indent=2))
        return
    print(f"{platform.machine()}, Python {platform.python_version()}, microseconds too late\n")
    print(f"| beside | {' | '.join(SHARES)} |")
    print("|---|---:|---:|---:|")
    for name, row in table.items():
        print(f"| {name} | {' | '.join(f'{value:,.0f}' for value in row.values())} |")


if __name__ == "__main__":
    main()
