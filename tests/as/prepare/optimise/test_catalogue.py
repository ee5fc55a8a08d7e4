"""Channels of networks as they are published: inverted bottlenecks, gates, dense blocks, heads."""

import numpy as np
import pytest

from fivegms_prepare.profile import profile
from fivegms_testbed.catalogue import CATALOGUE, separated
from support.stages import loaded, optimised


@pytest.mark.requirement("R136")
@pytest.mark.parametrize(
    "name", ["mobilenet", "efficientnet-b0", "densenet169", "ssd300-mobilenet"]
)
def test_a_published_network_shrinks_and_runs(name: str) -> None:
    model = separated(CATALOGUE[name].network())
    pruned = optimised(model, "prune-channels:ratio=0.3")
    before, after = profile(model), profile(pruned)
    assert after.parameters < 0.6 * before.parameters
    assert after.macs is not None
    assert before.macs is not None
    assert after.macs < 0.6 * before.macs
    whole, small = loaded(model), loaded(pruned)
    (taken,) = whole.inputs
    shape = [size if isinstance(size, int) else 1 for size in taken.shape]
    feeds = {taken.name: np.zeros(shape, np.float32)}
    assert small.inputs == whole.inputs
    assert [y.shape for y in small.run(feeds).values()] == [
        y.shape for y in whole.run(feeds).values()
    ]
