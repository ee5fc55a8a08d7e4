"""The twelve architectures of table 6.1.1-1 as real ONNX graphs with seeded weights.

    from fivegms_testbed.catalogue import CATALOGUE, build, separated, write

    write(CATALOGUE["vgg16"].network(), Path("vgg16.onnx"))

What such a model recognises is nothing; what it weighs, computes and compresses like is the network
of its name: zero mean, variance as He et al. 2015 draw it. They need no download and stand in for
models of any size between 13 and 554 MB.
"""

from fivegms_testbed.catalogue.assembly import build, separated, serialized, write
from fivegms_testbed.catalogue.table import CATALOGUE, Entry

__all__ = ["CATALOGUE", "Entry", "build", "separated", "serialized", "write"]
