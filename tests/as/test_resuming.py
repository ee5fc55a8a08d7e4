"""Jobs that are interrupted: what was finished is kept where it helps, and nowhere else."""

import asyncio
import json

import pytest

from fivegms_api.ai_models import PreparationProgress
from fivegms_as.errors import PreparerCrashed
from fivegms_as.preparation_rules import PreparedModel


class MortalPreparer:
    """Finishes one part at a time and crashes after each, until `parts` are there."""

    def __init__(self, parts, *, hold_at=None):
        self.parts = parts
        self.hold_at = hold_at
        self.holds = asyncio.Event()
        self.found = []

    async def prepare(self, task, on_progress):
        known = sorted(path.name for path in task.journal.iterdir())
        self.found.append(known)
        on_progress(PreparationProgress(stage=f"part {len(known)}", fraction=0.1))
        if len(known) == self.hold_at:
            self.holds.set()
            await asyncio.Event().wait()
        if len(known) < self.parts:
            (task.journal / str(len(known))).write_bytes(b"finished")
            (task.out / "half").mkdir(parents=True)
            raise PreparerCrashed("the preparer was ended by SIGKILL")
        task.out.mkdir()
        (task.out / "model.mpd").write_bytes(b"<MPD/>")
        return PreparedModel(())


class WastefulPreparer:
    """Leaves a draft behind and crashes, every time."""

    def __init__(self):
        self.started = 0

    async def prepare(self, task, on_progress):
        self.started += 1
        draft = task.journal / "files" / ".converted" / str(self.started)
        draft.parent.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(b"half")
        raise PreparerCrashed("the preparer was ended by SIGKILL")


async def offer(peer):
    await peer.template()
    await peer.host(template="t1")
    await peer.upload("net.onnx", b"model")


def left_behind(config):
    return list((config.data_dir / "work").iterdir())


async def nothing_left_behind(peer, config):
    async with asyncio.timeout(30):
        while left_behind(config):
            await peer.models()


async def test_a_draft_is_nothing_finished(run, config):
    preparer = WastefulPreparer()
    async with run(config, preparer) as peer:
        await offer(peer)
        await peer.model_when("FAILED")
        assert preparer.started == 1


async def test_a_worker_that_crashes_is_started_again_while_it_gets_further(run, config):
    preparer = MortalPreparer(parts=3)
    async with run(config, preparer) as peer:
        await offer(peer)
        await peer.model_when("PUBLISHED")
        assert preparer.found == [[], ["0"], ["0", "1"], ["0", "1", "2"]]
        await nothing_left_behind(peer, config)


async def test_a_restarted_server_goes_on(run, config):
    preparer = MortalPreparer(parts=3, hold_at=2)
    async with run(config, preparer) as peer:
        await offer(peer)
        await preparer.holds.wait()
    [folder] = left_behind(config)
    assert [path.name for path in folder.iterdir()] == ["journal"]
    preparer = MortalPreparer(parts=3)
    async with run(config, preparer) as peer:
        await peer.model_when("PUBLISHED")
        await nothing_left_behind(peer, config)
    assert preparer.found[0] == ["0", "1"]


@pytest.mark.parametrize("change", ["template", "source", "removed"])
async def test_work_for_what_is_not_wanted_any_more_is_gone(change, run, config):
    preparer = MortalPreparer(parts=3, hold_at=2)
    async with run(config, preparer) as peer:
        await offer(peer)
        await preparer.holds.wait()
        preparer.hold_at = None
        if change == "template":
            await peer.template(segmentSizeBytes=2**19)
        elif change == "source":
            await peer.upload("net.onnx", b"another")
        else:
            await peer.call("DELETE", peer.session("/content-preparation-templates/t1"))
        if change != "removed":
            await peer.model_when("PUBLISHED")
            assert preparer.found[3] == []
        await nothing_left_behind(peer, config)


async def test_what_was_withheld_is_told(run, config, preparer):
    told = {
        "id": "int8",
        "precision": "int8",
        "codec": "int8+zstd",
        "sizeBytes": 9,
        "reason": "top1 0.4 is below the 0.6 asked for",
    }
    preparer.withheld = [told]
    async with run(config, preparer) as peer:
        await offer(peer)
        model = await peer.model_when("PUBLISHED")
        assert model["withheld"] == [{**told, "accuracy": []}]
    async with run(config, preparer) as peer:
        model = await peer.model_when("PUBLISHED")
        assert json.dumps(model["withheld"])
