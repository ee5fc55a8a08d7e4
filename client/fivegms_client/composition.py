"""Which subsets of a model this device takes: a pure rule over the manifest's compositions.

The default is the composition `whole`. In a split, a UE takes only the subsets that may run on it
(TR 26.927 5.2.1, split inference).
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from fivegms_client.capabilities import DeviceCapabilities
from fivegms_client.errors import BadOption
from fivegms_client.layers import Held, nothing_held
from fivegms_client.selection import LinkEstimate, Preferences, Selection, select
from fivegms_manifests.model import Composition, ModelManifest, Subset, Variant

WHOLE = "whole"


def chosen_subsets(
    manifest: ModelManifest,
    *,
    composition: str = WHOLE,
    endpoint: str | None = None,
    subset: str | None = None,
) -> tuple[Subset, ...]:
    """The subsets to fetch, in the order to run them.

    `endpoint` (`ue`, `network`) keeps those that may run there; `subset` is the name of one that is
    wanted alone. Raises BadOption.
    """
    if subset is not None:
        return (_named(manifest, subset),)
    wanted = _composition(manifest, composition)
    members = [
        member for member in wanted.members if endpoint is None or endpoint in member.endpoints
    ]
    if not members:
        raise BadOption(f"composition {composition} has no subset that may run on {endpoint}")
    first = wanted.members.index(members[0])
    if tuple(members) != wanted.members[first : first + len(members)]:
        raise BadOption(
            f"composition {composition} goes back and forth between endpoints; name one subset"
        )
    return tuple(manifest.subset(member.subset_id) for member in members)


def ends_the_model(manifest: ModelManifest, subsets: tuple[Subset, ...]) -> bool:
    """Whether the last of `subsets` gives the model's own outputs, not those of a cut."""
    last = {composition.members[-1].subset_id for composition in manifest.compositions}
    return subsets[-1].id in last


def select_each(
    manifest: ModelManifest,
    subsets: Sequence[Subset],
    device: DeviceCapabilities,
    preferences: Preferences,
    link: LinkEstimate | None,
    absence: Callable[[Variant], str | None],
    *,
    held: Held = nothing_held,
    files: bool = False,
    early: bool = False,
) -> tuple[Selection, ...]:
    """A variant for each of `subsets`, which run on one device and arrive over one link.

    Each has its share of `max_fetch_s`, by the size of its weights, and the memory that those
    before it left. The rest is as `select` takes it. Raises NoSuitableVariant.
    """
    total_bytes = sum(_weights_bytes(subset) for subset in subsets)
    selections: list[Selection] = []
    for subset in subsets:
        share = _weights_bytes(subset) / total_bytes if total_bytes else 1.0
        wishes = _scaled(preferences, share)
        selection = select(
            manifest.model,
            subset,
            device,
            wishes,
            link,
            absence,
            held=held,
            files=files,
            early=early,
        )
        selections.append(selection)
        device = _without(device, selection.chosen.weights_bytes)
    return tuple(selections)


def _weights_bytes(subset: Subset) -> int:
    return max((variant.weights_bytes for variant in subset.variants), default=0)


def _scaled(preferences: Preferences, share: float) -> Preferences:
    if preferences.max_fetch_s is None:
        return preferences
    return replace(preferences, max_fetch_s=share * preferences.max_fetch_s)


def _without(device: DeviceCapabilities, memory_bytes: int) -> DeviceCapabilities:
    if device.memory_free_bytes is None:
        return device
    return replace(device, memory_free_bytes=max(0, device.memory_free_bytes - memory_bytes))


def _composition(manifest: ModelManifest, wanted: str) -> Composition:
    try:
        return manifest.composition(wanted)
    except KeyError:
        known = ", ".join(composition.id for composition in manifest.compositions)
        raise BadOption(f"the model has no composition {wanted}; it has {known}") from None


def _named(manifest: ModelManifest, name: str) -> Subset:
    for subset in manifest.subsets:
        if name in (subset.name, str(subset.id)):
            return subset
    known = ", ".join(subset.name for subset in manifest.subsets)
    raise BadOption(f"the model has no subset {name}; it has {known}")
