"""Encrypted where it is prepared: nothing in the clear leaves, and no server is given the key."""

from pathlib import Path

import pytest

from fivegms_api.model_preparation import ModelPreparation
from fivegms_manifests.digests import verify
from fivegms_manifests.encryption import (
    KEY_BYTES,
    OVERHEAD_BYTES,
    SegmentPlace,
    decrypt_segment,
    key_id,
)
from fivegms_manifests.model import Encryption
from fivegms_manifests.model_mpd import read_model_mpd
from fivegms_prepare.encryption import read_key
from fivegms_prepare.errors import KeyMissing, SegmentsInTheClear
from fivegms_prepare.preparation import PreparationResult, prepare
from support.onnx_graphs import perceptron, save
from support.preparing import template_of
from support.signatures import NOW

KEY = bytes(range(KEY_BYTES))
REFERENCE = {"keyId": "digits-2026", "keyUrl": "https://keys.test/digits"}
ENCRYPTED = template_of(encryption=REFERENCE)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(perceptron(hidden=64), tmp_path_factory.mktemp("source") / "net.onnx")


def prepared(source: Path, out: Path, key: bytes | None = KEY) -> PreparationResult:
    return prepare(source, ENCRYPTED, out, now=NOW, key=key)


def test_each_segment_is_the_encrypted_form_of_what_would_be_there(
    source: Path, tmp_path: Path
) -> None:
    clear = prepare(source, template_of(), tmp_path / "clear", now=NOW).manifest
    encrypted = prepared(source, tmp_path / "out").manifest
    assert read_model_mpd((tmp_path / "out" / "model.mpd").read_bytes()) == encrypted
    before, after = clear.subsets[0].variants, encrypted.subsets[0].variants
    for plain, variant in zip(before, after, strict=True):
        assert variant.encryption == Encryption("aes-256-gcm", *REFERENCE.values())
        assert variant.initialization == plain.initialization
        assert variant.size_bytes == plain.size_bytes + OVERHEAD_BYTES * len(plain.segments)
        for index, part in enumerate(variant.segments):
            data = (tmp_path / "out" / part.url).read_bytes()
            verify(part, data)
            place = SegmentPlace(encrypted.model.name, variant.id, index)
            opened = decrypt_segment(data, KEY, place)
            assert opened == (tmp_path / "clear" / plain.segments[index].url).read_bytes()


def test_nothing_in_the_clear_is_left(source: Path, tmp_path: Path) -> None:
    made = prepared(source, tmp_path)
    files = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*")}
    assert files == set(made.files)
    for name in files - {"model.mpd"}:
        assert name.startswith("init/") or b"moof" not in (tmp_path / name).read_bytes()


def test_segments_in_the_clear_from_before_are_not_left_beside(
    source: Path, tmp_path: Path
) -> None:
    prepare(source, template_of(), tmp_path, now=NOW)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(SegmentsInTheClear, match="another folder"):
        prepared(source, tmp_path)
    assert sorted(tmp_path.rglob("*")) == before
    again = prepared(source, tmp_path / "fresh")
    assert prepared(source, tmp_path / "fresh").files == again.files


def test_the_same_model_and_key_give_the_same_files(source: Path, tmp_path: Path) -> None:
    first, second = (prepared(source, tmp_path / name) for name in ("a", "b"))
    assert first.files == second.files


@pytest.mark.parametrize(
    ("template", "key"), [(ENCRYPTED, None), (template_of(), KEY)], ids=["no key", "no place"]
)
def test_a_key_and_its_place_go_together(
    source: Path, tmp_path: Path, template: ModelPreparation, key: bytes | None
) -> None:
    with pytest.raises(KeyMissing):
        prepare(source, template, tmp_path / "out", now=NOW, key=key)
    assert not (tmp_path / "out").exists()


def test_a_key_file_has_32_bytes(tmp_path: Path) -> None:
    file = tmp_path / "segment.key"
    with pytest.raises(KeyMissing):
        read_key(file)
    file.write_bytes(KEY)
    assert read_key(file) == KEY
    assert len(key_id(KEY)) == 16
    file.write_bytes(KEY + b"\n")
    with pytest.raises(KeyMissing, match="32 bytes"):
        read_key(file)
