"""Table 6.1.1-1 of the permanent document, and what makes a network of each of its rows."""

from collections.abc import Callable
from dataclasses import dataclass

from fivegms_testbed.catalogue.network import Network
from fivegms_testbed.catalogue.resnet import resnet50
from fivegms_testbed.catalogue.vgg import vgg16


@dataclass(frozen=True, slots=True)
class Entry:
    """One row as printed: millions of parameters, megabytes, and 10^9 multiply-accumulates."""

    name: str
    parameters_m: float
    footprint_mb: float
    flops_g: float
    network: Callable[[], Network]


CATALOGUE: dict[str, Entry] = {
    "resnet50": Entry("ResNet-50", 26, 104, 4.1, resnet50),
    "vgg16": Entry("VGG-16", 138, 552, 16, vgg16),
}
"""By the name that the command line takes."""
