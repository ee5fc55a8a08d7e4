"""A prepared folder is looked at before anything of it is sent: each refusal by its name."""

from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest

from fivegms_manifests.errors import ManifestError, ReleaseMalformed
from fivegms_manifests.model_mpd import write_model_mpd
from fivegms_manifests.release import Release, ReleasedManifest, write_release
from fivegms_testbed.prepared_folder import (
    FolderDamaged,
    FolderIncomplete,
    NotPrepared,
    SignatureOutdated,
    is_prepared,
    read_prepared,
)
from support.onnx_graphs import perceptron
from support.preparing import Prepared, prepare_model


@pytest.fixture
def made(tmp_path: Path) -> Prepared:
    return prepare_model(perceptron(), tmp_path, variants=[{"precision": "fp32", "codec": "raw"}])


def sign(folder: Path, digest: str, name: str = "model.mpd") -> Path:
    manifest = ReleasedManifest(name, digest, 1)
    release = Release("tested", 1, 1, datetime(2027, 1, 1, tzinfo=UTC), manifest, "a key")
    (folder / "model.mpd.sigstore.json").write_text("{}")
    path = folder / "model.mpd.release.json"
    path.write_bytes(write_release(release))
    return path


def test_the_manifest_comes_last_and_every_segment_once(made: Prepared) -> None:
    (made.out / "notes.txt").write_text("not of the model")
    for entry in (made.out, made.out / "model.mpd"):
        assert is_prepared(entry)
        folder = read_prepared(entry)
        paths = [path for path, _ in folder.files]
        assert sorted(paths) == sorted(made.result.files)
        assert paths[-1] == folder.manifest_name == "model.mpd"
        assert folder.manifest == made.manifest
    assert not is_prepared(made.out / "net.onnx")


def test_what_signs_the_manifest_comes_right_before_it(made: Prepared) -> None:
    digest = sha256((made.out / "model.mpd").read_bytes()).hexdigest()
    sign(made.out, digest)
    names = [path for path, _ in read_prepared(made.out).files]
    assert names[-3:] == ["model.mpd.release.json", "model.mpd.sigstore.json", "model.mpd"]


def test_an_empty_folder_is_not_prepared(tmp_path: Path) -> None:
    with pytest.raises(NotPrepared, match="0 model MPDs; fivegms prepare"):
        read_prepared(tmp_path)


def test_two_manifests_are_one_too_many(made: Prepared) -> None:
    (made.out / "other.mpd").write_bytes((made.out / "model.mpd").read_bytes())
    with pytest.raises(NotPrepared, match="name one"):
        read_prepared(made.out)
    assert read_prepared(made.out / "other.mpd").manifest_name == "other.mpd"


def test_a_manifest_that_is_none(made: Prepared) -> None:
    (made.out / "model.mpd").write_text("<MPD/>")
    with pytest.raises(ManifestError):
        read_prepared(made.out)


def test_a_manifest_that_is_too_large(made: Prepared) -> None:
    (made.out / "model.mpd").write_bytes(b" " * (8 * 1024 * 1024 + 1))
    with pytest.raises(NotPrepared, match="more than"):
        read_prepared(made.out)


def test_a_name_that_is_no_folder(made: Prepared) -> None:
    model = replace(made.manifest.model, name="../up")
    document = write_model_mpd(replace(made.manifest, model=model))
    (made.out / "model.mpd").write_bytes(document)
    with pytest.raises(NotPrepared, match="letters, digits"):
        read_prepared(made.out)


def test_segments_elsewhere(made: Prepared) -> None:
    elsewhere = replace(made.manifest, base_urls=("https://cdn.example/",))
    (made.out / "model.mpd").write_bytes(write_model_mpd(elsewhere))
    with pytest.raises(NotPrepared, match="lie elsewhere"):
        read_prepared(made.out)


def test_a_missing_segment(made: Prepared) -> None:
    (made.out / made.result.files[0]).unlink()
    with pytest.raises(FolderIncomplete, match="segments that are not there"):
        read_prepared(made.out)


@pytest.mark.parametrize("damage", [lambda data: data + b"!", lambda data: b"!" + data[1:]])
def test_a_damaged_segment(made: Prepared, damage) -> None:  # type: ignore[no-untyped-def]
    file = made.out / made.result.files[0]
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(FolderDamaged, match=file.name):
        read_prepared(made.out)


def test_half_a_signature(made: Prepared) -> None:
    sign(made.out, "0" * 64).unlink()
    with pytest.raises(FolderIncomplete, match=r"model\.mpd\.release\.json is missing"):
        read_prepared(made.out)


@pytest.mark.parametrize("name", ["model.mpd", "other.mpd"])
def test_a_signature_of_another_manifest(made: Prepared, name: str) -> None:
    sign(made.out, "0" * 64, name)
    with pytest.raises(SignatureOutdated, match="sign it again"):
        read_prepared(made.out)


def test_a_release_that_is_none(made: Prepared) -> None:
    sign(made.out, "0" * 64).write_text("{}")
    with pytest.raises(ReleaseMalformed):
        read_prepared(made.out)
