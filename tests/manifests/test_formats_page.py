"""docs/formats.md is normative, so it says all that the code does."""

import inspect
import json
import re
from types import ModuleType

import pytest
from lxml import etree

from fivegms_codecs import Codec, DType
from fivegms_codecs import errors as codec_errors
from fivegms_codecs.intermediate import INTERMEDIATE_PAYLOAD_URN, Profile
from fivegms_codecs.intermediate.tensor_unit import TensorCodec
from fivegms_engine.tasks.ground_truth import load_ground_truth
from fivegms_manifests import errors as manifest_errors
from fivegms_manifests import vocabulary
from fivegms_manifests.file_payload import FILE_PAYLOAD_URN
from fivegms_manifests.model import PROFILE_URN
from fivegms_manifests.model_mpd import write_model_mpd
from fivegms_manifests.segments import WEIGHTS_PAYLOAD_URN
from support import PROJECT
from support.manifests import sample_manifest

PAGE = (PROJECT / "docs" / "formats.md").read_text(encoding="utf-8")


def test_every_element_type_is_listed() -> None:
    listed = re.findall(r"(\d+) ((?:float|u?int|complex)\d+|bool)", PAGE)
    assert {(int(code), name) for code, name in listed} == {
        (dtype.value, dtype.name.lower()) for dtype in DType
    }


@pytest.mark.parametrize("codec", list(Codec))
def test_every_codec_is_described(codec: Codec) -> None:
    assert f"\n| `{codec}` |" in PAGE


@pytest.mark.parametrize("codec", list(TensorCodec))
def test_every_codec_of_intermediate_data_is_described(codec: TensorCodec) -> None:
    assert f"\n| {codec.name.lower().replace('_', '+')} | {codec.value} |" in PAGE


@pytest.mark.parametrize("profile", list(Profile))
def test_every_profile_of_intermediate_data_is_described(profile: Profile) -> None:
    assert re.search(rf"u8 profile: .*\b{profile.value} {profile.name.lower()}\b", PAGE)


def test_every_urn_is_named() -> None:
    schemes = [value for name, value in vars(vocabulary).items() if name.endswith("_SCHEME")]
    payloads = WEIGHTS_PAYLOAD_URN, FILE_PAYLOAD_URN, INTERMEDIATE_PAYLOAD_URN
    for urn in (*schemes, vocabulary.AI_NAMESPACE, PROFILE_URN, *payloads):
        assert f"`{urn}`" in PAGE


def test_every_own_element_has_a_row_with_its_attributes() -> None:
    rows = {
        name: line
        for line in PAGE.splitlines()
        if line.startswith("| `ai:")
        for name in re.findall(r"`ai:(\w+)`", line.split("|")[1])
    }
    for node in etree.fromstring(write_model_mpd(sample_manifest())).iter():
        tag = etree.QName(node)
        if tag.namespace == vocabulary.AI_NAMESPACE:
            assert [name for name in node.attrib if f"`{name}`" not in rows[tag.localname]] == []


@pytest.mark.parametrize("module", [codec_errors, manifest_errors], ids=lambda m: m.__name__)
def test_every_error_is_in_the_tree_at_the_top(module: ModuleType) -> None:
    classes = [name for name, value in vars(module).items() if inspect.isclass(value)]
    tree = re.findall(r"^ +([A-Z]\w+)", module.__doc__ or "", re.MULTILINE)
    assert sorted(tree) == sorted(classes)


def test_the_ground_truth_shown_is_one() -> None:
    [shown] = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    truth = load_ground_truth(shown.encode())
    assert truth.model_dump(mode="json", by_alias=True).keys() == json.loads(shown).keys()
