"""Table 6.1.1-1 of the permanent document, and what makes a network of each of its rows."""

from collections.abc import Callable
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Entry:
    """One row as printed: millions of parameters, megabytes, and 10^9 multiply-accumulates."""

    name: str
    parameters_m: float
    footprint_mb: float
    flops_g: float
    network: Callable[[], Network]


CATALOGUE: dict[str, Entry] = {
    "mobilenet": Entry("1.0 MobileNet-224", 3.3, 13.2, 0.28, mobilenet),
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
    "yolov3": Entry("YOLOv3", 40.5, 122, 71, yolov3),
}
"""By the name that the command line takes."""
