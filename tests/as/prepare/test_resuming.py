"""A worker killed at any point: the next one goes on, and publishes the same bytes."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fivegms_manifests.model import Figures, ModelManifest, Stage, Subset, Variant
from fivegms_manifests.model_mpd import read_model_mpd
from support.onnx_graphs import classifier

TEMPLATE = {
    "model": {"name": "m", "task": "tensors"},
    "source": "model.onnx",
    "variants": [
        {"precision": "fp32", "codec": "planes+zstd"},
        {"precision": "int8", "codec": "int8+zstd"},
        {"precision": "fp32", "codec": "raw", "optimise": [{"stage": "convert-fp16"}]},
    ],
    "compositions": [{"id": "split", "cuts": [["r1"]]}],
}


# A worker that ends itself, as suddenly as anything can, when it has said so many things.
KILLED = """
import os, signal, sys
from fivegms_prepare.__main__ import main

class Mortal:
    def __init__(self, stream, lives):
        self.stream, self.lives = stream, lives
    def write(self, text):
        self.lives -= 1
        if self.lives < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return self.stream.write(text)
    def flush(self):
        self.stream.flush()

sys.stdout = Mortal(sys.stdout, int(sys.argv[1]))
sys.exit(main(sys.argv[2:]))
"""


def work(folder: Path, lives: int) -> tuple[int, list[str]]:
    """Run a worker that may say `lives` things; its exit code, and the stages that it named."""
    arguments = [
        *("--source", folder / "model.onnx", "--template", folder / "template.json"),
        *("--out", folder / "out", "--journal", folder / "journal", "--binding", "b"),
    ]
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(lives), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    said = [json.loads(line) for line in done.stdout.splitlines()]
    return done.returncode, [line["progress"]["stage"] for line in said if "progress" in line]


def inputs(folder: Path) -> Path:
    folder.mkdir()
    (folder / "model.onnx").write_bytes(classifier(width=64).SerializeToString())
    (folder / "template.json").write_text(json.dumps(TEMPLATE))
    return folder


def published(folder: Path) -> dict[str, Any]:
    """Every file with its bytes; of the manifest, what does not depend on the clock."""
    out = folder / "out"
    files = {str(p.relative_to(out)): p.read_bytes() for p in out.rglob("*") if p.is_file()}
    return {**files, "model.mpd": timeless(read_model_mpd(files["model.mpd"]))}


def timeless(manifest: ModelManifest) -> Any:
    def figures(found: Figures) -> tuple[int, float | None]:
        return found.size_bytes, found.accuracy

    def stage(found: Stage) -> Any:
        return found.name, found.settings, figures(found.before), figures(found.after)

    def variant(found: Variant) -> Any:
        return found.id, found.sha256, found.weights_sha256, [*map(stage, found.stages)]

    def subset(found: Subset) -> Any:
        return found.id, found.name, [*map(variant, found.variants)]

    return [*map(subset, manifest.subsets)], manifest.compositions


@pytest.mark.requirement("R144")
def test_killed_again_and_again_it_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    undisturbed = inputs(tmp_path / "undisturbed")
    assert work(undisturbed, 10_000)[0] == 0
    killed = inputs(tmp_path / "killed")
    code, lives, ends = -1, 4, 0
    while code != 0:
        code, _ = work(killed, lives)
        lives += 9
        ends += code == -signal.SIGKILL
    assert ends >= 2
    assert published(killed) == published(undisturbed)


@pytest.mark.requirement("R144")
def test_a_segment_that_was_not_written_whole_is_written_again(tmp_path: Path) -> None:
    undisturbed = inputs(tmp_path / "undisturbed")
    assert work(undisturbed, 10_000)[0] == 0
    killed = inputs(tmp_path / "killed")
    assert work(killed, 18)[0] == -signal.SIGKILL
    torn = [path for path in (killed / "journal" / "files").rglob("*.m*") if path.is_file()]
    assert {path.suffix for path in torn} == {".mp4", ".m4s"}
    for path in torn:
        path.write_bytes(path.read_bytes()[:-1])
    assert work(killed, 10_000)[0] == 0
    assert published(killed) == published(undisturbed)


def test_finished_work_is_not_done_again_and_damaged_work_is(tmp_path: Path) -> None:
    folder = inputs(tmp_path / "in")
    _, said = work(folder, 10_000)
    first = published(folder)
    assert any(stage.startswith("measuring") for stage in said)
    # What was published has been moved away, so segments are made again; figures are not.
    manifest = read_model_mpd((folder / "out" / "model.mpd").read_bytes())
    assert work(folder, 10_000)[0] == 0
    again = read_model_mpd((folder / "out" / "model.mpd").read_bytes())
    assert again.subsets == manifest.subsets
    assert published(folder) == first


def test_two_workers_never_write_one_journal(tmp_path: Path) -> None:
    folder = inputs(tmp_path / "in")
    (folder / "journal").mkdir()
    script = (
        "import sys; from pathlib import Path; from fivegms_prepare.journal import Journal;"
        "journal = Journal(Path(sys.argv[1]), 'b'); print('held', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", script, str(folder / "journal")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    second = subprocess.Popen(
        [sys.executable, "-c", script, str(folder / "journal")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    os.kill(holder.pid, signal.SIGKILL)
    holder.communicate()
    assert second.stdout is not None
    assert second.stdout.readline() == b"held\n"
    second.communicate(b"")


def test_a_worker_ends_with_the_server_that_started_it(tmp_path: Path) -> None:
    folder = inputs(tmp_path / "in")
    script = (
        "import sys, threading; from fivegms_prepare.orphans import end_with_input;"
        "end_with_input(); print('up', flush=True); threading.Event().wait()"
    )
    worker = subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert worker.stdout is not None
    assert worker.stdin is not None
    assert worker.stdout.readline() == b"up\n"
    worker.stdin.close()
    assert worker.wait(60) == -signal.SIGKILL
    worker.stdout.close()
