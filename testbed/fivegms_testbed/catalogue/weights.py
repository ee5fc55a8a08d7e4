"""The numbers of a network's tensors: drawn from a seed, block by block, the same on any machine.

What a tensor holds depends on the seed and on its name alone, so a graph that is cut, or written in
another order, keeps its weights. Blocks bound the memory: VGG-16's largest tensor has 411 MB.
"""

from collections.abc import Iterator
from zlib import crc32

import numpy as np

from fivegms_testbed.catalogue.network import Drawn, Fixed

BLOCK_ELEMENTS = 2**20


def blocks(tensor: Drawn | Fixed, seed: int) -> Iterator[bytes]:
    """The little-endian data of a tensor, at most 4 MiB of drawn numbers at a time."""
    if isinstance(tensor, Fixed):
        yield tensor.values.astype(tensor.values.dtype.newbyteorder("<"), copy=False).tobytes()
        return
    random = np.random.default_rng([seed, crc32(tensor.name.encode())])
    for start in range(0, tensor.elements, BLOCK_ELEMENTS):
        yield _block(random, tensor, min(BLOCK_ELEMENTS, tensor.elements - start))


def _block(random: np.random.Generator, tensor: Drawn, count: int) -> bytes:
    if not tensor.deviation:
        return np.full(count, tensor.mean, "<f4").tobytes()
    drawn = random.standard_normal(count, np.float32)
    drawn *= np.float32(tensor.deviation)
    drawn += np.float32(tensor.mean)
    return drawn.astype("<f4", copy=False).tobytes()
