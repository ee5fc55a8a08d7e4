"""What is sent of a model: its file, and what belongs to it beside or below."""

import tarfile
from pathlib import Path

import pytest

from fivegms_prepare.errors import ExternalDataOutside
from fivegms_testbed.publication import files_to_ingest
from support.command import fivegms
from support.containers import NNEF_FILES, SAVED_MODEL_FILES, folder_of, hdf5
from support.preparing import template_of


@pytest.mark.requirement("R090a")
@pytest.mark.requirement("R090d")
@pytest.mark.parametrize(
    ("files", "main"), [(SAVED_MODEL_FILES, "saved_model.pb"), (NNEF_FILES, "graph.nnef")]
)
def test_a_model_that_is_a_folder_is_sent_whole_and_its_main_file_last(
    files: dict[str, bytes], main: str, tmp_path: Path
) -> None:
    folder = folder_of({**files, "notes/private.txt": b"not the model's"}, tmp_path)
    template = template_of(source=main, container="as-is")
    sent = files_to_ingest(folder / main, template)
    assert {name: path.read_bytes() for name, path in sent} == files
    assert sent[-1][0] == main


def test_a_link_out_of_the_folder_is_not_sent(tmp_path: Path) -> None:
    folder = folder_of(SAVED_MODEL_FILES, tmp_path / "net")
    (tmp_path / "secret").write_text("secret")
    (folder / "variables" / "secret").symlink_to(tmp_path / "secret")
    with pytest.raises(ExternalDataOutside):
        files_to_ingest(folder / "saved_model.pb", template_of(source="saved_model.pb"))


@pytest.mark.parametrize("data", [hdf5(), b"no model"])
def test_another_file_is_sent_alone(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "net").write_bytes(data)
    sent = files_to_ingest(tmp_path / "net", template_of(source="net"))
    assert sent == [("net", tmp_path / "net")]


def test_a_file_as_it_is_is_to_be_fetched_and_not_run(tmp_path: Path) -> None:
    folder_of(SAVED_MODEL_FILES, tmp_path / "net")
    prepared = fivegms("prepare", "net", "--task", "toy", "--as-is", "--out", "out", cwd=tmp_path)
    assert "fivegms get out/model.mpd" in prepared.messages
    assert fivegms("get", "out/model.mpd", "--into", "got", cwd=tmp_path).exit_code == 0
    [delivered] = (tmp_path / "got").glob("*.savedmodel.tar")
    with tarfile.open(delivered) as archive:
        assert set(archive.getnames()) == set(SAVED_MODEL_FILES)
