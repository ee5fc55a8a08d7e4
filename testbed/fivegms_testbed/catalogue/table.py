"""Table 6.1.1-1 of the permanent document, and what makes a network of each of its rows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from fivegms_testbed.catalogue.densenet import densenet169
from fivegms_testbed.catalogue.efficientdet import efficientdet_d0
from fivegms_testbed.catalogue.efficientnet import efficientnet_b0
from fivegms_testbed.catalogue.faster_rcnn import faster_rcnn_mobilenet, faster_rcnn_vgg
from fivegms_testbed.catalogue.inception import inception_v3
from fivegms_testbed.catalogue.mobilenet import mobilenet
from fivegms_testbed.catalogue.network import Network
from fivegms_testbed.catalogue.resnet import resnet50
from fivegms_testbed.catalogue.ssd import ssd300_mobilenet, ssd300_vgg
from fivegms_testbed.catalogue.vgg import vgg16
from fivegms_testbed.catalogue.yolo import yolov3


class Figure(StrEnum):
    """The columns of the table."""

    PARAMETERS = "parameters"
    FOOTPRINT = "footprint"
    FLOPS = "FLOPs"


_MOBILENET = {
    Figure.FLOPS: "half of its 0.57 G multiply-accumulates, the unit of all other rows; the "
    "parameters are those with a head for 120 classes (Howard et al. 2017, table 10), which is "
    "built here",
}
_YOLOV3 = {
    Figure.PARAMETERS: "Darknet-53 without its classifier, on which YOLOv3 is built, has 40.5 M; "
    "the whole detector, whose 71 G are beside it, has 62 M",
    Figure.FOOTPRINT: "three bytes for each parameter where all other rows have four: 162 MB for "
    "the parameters printed, 248 MB for the detector",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One row as printed, and why figures of it are not those of the architecture it names.

    Millions of parameters, megabytes, and 10^9 operations; one operation is one
    multiply-accumulate, as in the papers that the figures come from.
    """

    name: str
    parameters_m: float
    footprint_mb: float
    flops_g: float
    network: Callable[[], Network]
    remarks: Mapping[Figure, str] = field(default_factory=dict)

    @property
    def expected_footprint_mb(self) -> float:
        """Four bytes for each parameter as printed."""
        return 4 * self.parameters_m


CATALOGUE: dict[str, Entry] = {
    "mobilenet": Entry("1.0 MobileNet-224", 3.3, 13.2, 0.28, mobilenet, _MOBILENET),
    "efficientnet-b0": Entry("EfficientNet-B0", 5.3, 21.2, 0.39, efficientnet_b0),
    "densenet169": Entry("DenseNet-169", 14, 56, 3.5, densenet169),
    "inception-v3": Entry("Inception-v3", 24, 96, 5.7, inception_v3),
    "resnet50": Entry("ResNet-50", 26, 104, 4.1, resnet50),
    "vgg16": Entry("VGG-16", 138, 552, 16, vgg16),
    "ssd300-mobilenet": Entry("SSD300-MobileNet", 6.8, 27.2, 1.2, ssd300_mobilenet),
    "efficientdet-d0": Entry("EfficientDet-D0", 3.9, 15.6, 2.5, efficientdet_d0),
    "faster-rcnn-mobilenet": Entry("FasterRCNN-MobileNet", 6.1, 24.4, 25.2, faster_rcnn_mobilenet),
    "ssd300-deeplab": Entry("SSD300-Deeplab", 33.1, 132.4, 34.9, ssd300_vgg),
    "faster-rcnn-vgg": Entry("FasterRCNN-VGG", 138.5, 554, 64.3, faster_rcnn_vgg),
    "yolov3": Entry("YOLOv3", 40.5, 122, 71, yolov3, _YOLOV3),
}
"""By the name that the command line takes."""
