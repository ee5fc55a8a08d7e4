from dataclasses import replace

import pytest

from fivegms_client.capabilities import DeviceCapabilities, OpsetRange
from fivegms_client.composition import chosen_subsets, ends_the_model, select_each
from fivegms_client.errors import BadOption, NoSuitableVariant
from fivegms_client.selection import LinkEstimate, Preferences
from fivegms_manifests.model import Composition, CompositionMember, ModelManifest
from support.onnx_graphs import perceptron
from support.published_model import publish

DEVICE = DeviceCapabilities(None, "linux", ("onnxruntime",), ("cpu",), (OpsetRange("", 1, 21),), 10)


def manifest(**compositions: str) -> ModelManifest:
    """Four subsets; each composition spells its members' endpoints: u, n or b (both)."""
    model = perceptron(hidden=256)
    published = publish(model, parts={"b": model, "c": model, "d": model})
    endpoints = {"u": ("ue",), "n": ("network",), "b": ("ue", "network")}
    return replace(
        published.manifest,
        compositions=tuple(
            Composition(
                name,
                tuple(CompositionMember(i, endpoints[kind]) for i, kind in enumerate(kinds, 1)),
            )
            for name, kinds in compositions.items()
        ),
    )


def ids(given: ModelManifest, **wanted: str) -> list[int]:
    return [subset.id for subset in chosen_subsets(given, **wanted)]


def test_the_whole_is_the_default() -> None:
    assert ids(manifest(whole="b", split="un")) == [1]


def test_an_endpoint_takes_what_may_run_there() -> None:
    given = manifest(whole="b", split="ubn")
    assert ids(given, composition="split") == [1, 2, 3]
    assert ids(given, composition="split", endpoint="ue") == [1, 2]
    assert ids(given, composition="split", endpoint="network") == [2, 3]


def test_what_an_endpoint_runs_must_be_one_chain() -> None:
    with pytest.raises(BadOption, match="back and forth"):
        ids(manifest(zigzag="unu"), composition="zigzag", endpoint="ue")


def test_an_endpoint_without_a_part_is_refused() -> None:
    with pytest.raises(BadOption, match="no subset that may run on ue"):
        ids(manifest(remote="nn"), composition="remote", endpoint="ue")


def test_a_subset_is_wanted_by_name_or_number() -> None:
    given = manifest(whole="b")
    assert ids(given, subset="c") == ids(given, subset="3") == [3]
    with pytest.raises(BadOption, match="it has whole, b, c, d"):
        ids(given, subset="z")


def test_an_unknown_composition_is_refused_with_those_there_are() -> None:
    with pytest.raises(BadOption, match="it has whole, split"):
        ids(manifest(whole="b", split="un"), composition="none")


def test_a_part_that_ends_at_a_cut_does_not_end_the_model() -> None:
    given = manifest(split="un")
    assert not ends_the_model(given, chosen_subsets(given, composition="split", endpoint="ue"))
    assert ends_the_model(given, chosen_subsets(given, composition="split"))


def test_subsets_share_one_memory() -> None:
    given = manifest(split="uu")
    subsets = chosen_subsets(given, composition="split")
    enough = 2 * subsets[0].variants[0].weights_bytes
    wishes = Preferences()
    for memory, suits in ((enough, True), (enough - 1, False)):
        device = replace(DEVICE, memory_free_bytes=memory)
        if suits:
            assert len(select_each(given, subsets, device, wishes, None, lambda v: None)) == 2
        else:
            with pytest.raises(NoSuitableVariant, match="subset b"):
                select_each(given, subsets, device, wishes, None, lambda v: None)


def test_subsets_share_one_link() -> None:
    given = manifest(split="uu")
    subsets = chosen_subsets(given, composition="split")
    link = LinkEstimate(rate_bps=8 * subsets[0].variants[0].size_bytes)
    wishes = Preferences(variant="fp32", max_fetch_s=2)
    assert len(select_each(given, subsets, DEVICE, wishes, link, lambda v: None)) == 2
    with pytest.raises(NoSuitableVariant, match="to fetch"):
        select_each(given, subsets, DEVICE, replace(wishes, max_fetch_s=1.9), link, lambda v: None)
