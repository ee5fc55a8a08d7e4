"""How far a model is refined, and in which steps: pure rules over selections.

With refinement, a model runs as soon as the first layers of what was chosen are here (see
`selection`); `goal_of` says where that leads, `next_layers` what the next step is.
"""

from collections.abc import Callable
from enum import StrEnum

from fivegms_client.capabilities import DeviceCapabilities, refusal
from fivegms_client.layers import layers_above, layers_of
from fivegms_client.selection import Selection
from fivegms_manifests.model import Variant


class Refine(StrEnum):
    """What becomes of the layers above the lowest."""

    OFF = "off"
    """All layers of what was chosen are fetched before the model runs."""
    MANUAL = "manual"
    """The lowest layer that will do runs; the app calls `refine`."""
    BACKGROUND = "background"
    """The lowest layer that will do runs, and the others follow by themselves."""


def goal_of(
    selection: Selection,
    device: DeviceCapabilities,
    absence: Callable[[Variant], str | None],
    *,
    pinned: bool,
) -> Variant:
    """The variant that refinement leads to.

    What was chosen, if it was `pinned` by the app; else the highest layer on it that the device can
    run and that can be had.
    """
    goal = selection.chosen
    if pinned:
        return goal
    for layer in layers_above(goal, selection.subset.variants):
        if refusal(layer, device) or absence(layer):
            break
        goal = layer
    return goal


def next_layers(selection: Selection, running: Variant, goal: Variant) -> tuple[Variant, ...]:
    """All layers up to the one above `running` on the way to `goal`; up to `running` at its end."""
    layers = layers_of(goal, selection.subset.variants)
    done = layers.index(running)
    return layers[: done + 2]
