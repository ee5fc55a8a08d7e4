from dataclasses import replace
from pathlib import Path

from fivegms_client.locations import local_path, segment_urls
from fivegms_manifests.model import ModelManifest, SegmentRef
from support.onnx_graphs import perceptron
from support.published_model import publish

MPD = "http://as.test/m4d/ps/model.mpd?token=1"
PART = SegmentRef("segments/a.m4s", "ab" * 32, 1)
ELSEWHERE = replace(PART, url="https://cdn.test/a.m4s")


def based(*base_urls: str) -> ModelManifest:
    return replace(publish(perceptron()).manifest, base_urls=base_urls)


def test_segments_lie_beside_the_manifest() -> None:
    assert segment_urls(based(), MPD, PART) == ("http://as.test/m4d/ps/segments/a.m4s",)


def test_base_urls_are_tried_in_order_and_once() -> None:
    found = segment_urls(based("http://one/x/", "edge/", "http://one/x/"), MPD, PART)
    assert found == (
        "http://one/x/segments/a.m4s",
        "http://as.test/m4d/ps/edge/segments/a.m4s",
    )


def test_an_absolute_address_is_its_own() -> None:
    assert segment_urls(based("http://one/"), MPD, ELSEWHERE) == ("https://cdn.test/a.m4s",)


def test_a_manifest_in_a_folder_reaches_only_absolute_addresses() -> None:
    assert segment_urls(based(), None, PART) == ()
    assert segment_urls(based("http://one/", "edge/"), None, PART) == ("http://one/segments/a.m4s",)


def test_a_folder_keeps_the_layout() -> None:
    folder = Path("kept")
    assert local_path(based(), folder, PART) == folder / "segments/a.m4s"
    assert local_path(based("http://one/"), folder, PART) == folder / "segments/a.m4s"
    assert local_path(based("edge/"), folder, PART) == folder / "edge/segments/a.m4s"
    assert local_path(based(), folder, ELSEWHERE) == folder / "segments" / f"{'ab' * 32}.m4s"
