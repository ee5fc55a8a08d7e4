"""What all picture classifiers have in common: pictures in, one number per class out."""

from collections.abc import Callable

from fivegms_testbed.catalogue.layers import dense
from fivegms_testbed.catalogue.network import Network, Value

IMAGENET_CLASSES = 1000


def classifier(
    name: str,
    side: int,
    features: Callable[[Network, Value], Value],
    classes: int = IMAGENET_CLASSES,
) -> Network:
    """`images` float32 [N, 3, side, side] -> `logits` float32 [N, classes].

    `features` makes a vector of a picture.
    """
    net = Network(name, metadata={"fivegms.task": "image-classification"})
    vector = features(net, net.input("images", 3, side, side))
    net.output(dense(net, vector, classes, "logits"))
    return net
