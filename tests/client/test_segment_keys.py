"""Encrypted variants: which keys a UE takes from where, and what opens with them."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fivegms_api.model_preparation import KeyReference
from fivegms_client.authorization import BearerToken
from fivegms_client.cache import SegmentCache
from fivegms_client.device import measure_device
from fivegms_client.entry import ManifestFile, ManifestUrl
from fivegms_client.errors import BadOption, KeyUnavailable, NoSuitableVariant, WrongKey
from fivegms_client.fetching import Answer
from fivegms_client.model_access import ModelAccess
from fivegms_client.options import AccessOptions
from fivegms_client.retry import RetryPolicy
from fivegms_client.segment_keys import GivenKeys, KeyRing, KeyServers, OneKey, SegmentKeys
from fivegms_manifests.encryption import KEY_BYTES, key_id
from fivegms_manifests.model import Encryption
from fivegms_prepare.encryption import encrypt_manifest
from support.fake_clock import FakeClock
from support.memory_server import MemoryServer
from support.onnx_graphs import perceptron
from support.published_model import PublishedModel, publish

BASE = "http://as.test/m4d/provisioning-session-1/"
KEY_URL = "https://keys.test/digits"
KEY, OTHER_KEY = bytes(range(KEY_BYTES)), bytes(KEY_BYTES)
KEY_ID = key_id(KEY)
CLEAR = publish(perceptron(hidden=32))
X = np.zeros((3, 16), np.float32)


def encrypted(folder: Path) -> PublishedModel:
    CLEAR.write(folder)
    reference = KeyReference(key_id=KEY_ID, key_url=KEY_URL)
    manifest = encrypt_manifest(CLEAR.manifest, folder, KEY, reference)
    parts = {part.url for variant in manifest.subsets[0].variants for part in variant.parts()}
    files = {url: (folder / url).read_bytes() for url in parts}
    return PublishedModel(manifest, files).with_manifest(manifest)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> PublishedModel:
    return encrypted(tmp_path_factory.mktemp("encrypted"))


class Ue:
    """A UE in front of a server that has the model, and a key server that has its key."""

    def __init__(self, published: PublishedModel, keys: SegmentKeys | None, **options: Any) -> None:
        files = {BASE + name: data for name, data in published.files.items()}
        self.server = MemoryServer({**files, KEY_URL: KEY})
        settings = {"device": measure_device(), "keys": keys, **options}
        self.access = ModelAccess(self.server, AccessOptions(**settings), clock=FakeClock().clock())

    async def output(self) -> Any:
        with await self.access.open(ManifestUrl(BASE + "model.mpd")) as model:
            return model.infer({"x": X})["y"]


async def ask(keys: SegmentKeys, key_url: str = KEY_URL, server: Any = None) -> bytes:
    ring = KeyRing(keys, server or MemoryServer({KEY_URL: KEY}), RetryPolicy(), FakeClock().clock())
    return await ring.key(Encryption("aes-256-gcm", KEY_ID, key_url), BASE + "model.mpd")


def test_nothing_of_the_model_is_in_the_clear(published: PublishedModel) -> None:
    media = {data for name, data in CLEAR.files.items() if not name.startswith(("init/", "model"))}
    assert media.isdisjoint(published.files.values())
    assert not any(b"moof" in data for name, data in published.files.items() if ".bin" in name)
    for variant in published.manifest.subsets[0].variants:
        assert variant.encryption == Encryption("aes-256-gcm", KEY_ID, KEY_URL)


@pytest.mark.parametrize(
    "keys",
    [GivenKeys({KEY_ID: KEY}), OneKey(KEY), KeyServers(("https://keys.test",))],
    ids=["given", "one", "asked"],
)
async def test_a_ue_with_the_key_runs_the_model(
    published: PublishedModel, keys: SegmentKeys
) -> None:
    ue = Ue(published, keys)
    expected = await Ue(CLEAR, None).output()
    np.testing.assert_array_equal(await ue.output(), expected)
    assert len(ue.server.asked(KEY_URL)) == isinstance(keys, KeyServers)


@pytest.mark.parametrize(
    ("keys", "words"),
    [(None, "gives no keys"), (GivenKeys({"other": KEY}), f"encrypted with key {KEY_ID}")],
)
async def test_a_ue_without_the_key_turns_the_variants_down(
    published: PublishedModel, keys: SegmentKeys | None, words: str
) -> None:
    ue = Ue(published, keys)
    with pytest.raises(NoSuitableVariant, match=words):
        await ue.output()
    assert [request.url for request in ue.server.requests] == [BASE + "model.mpd"]


async def test_a_wrong_key_opens_nothing(published: PublishedModel) -> None:
    with pytest.raises(WrongKey):
        await Ue(published, GivenKeys({KEY_ID: OTHER_KEY})).output()


async def test_cache_and_folder_keep_what_is_encrypted(
    published: PublishedModel, tmp_path: Path
) -> None:
    keys = GivenKeys({KEY_ID: KEY})
    await Ue(published, keys, cache_folder=tmp_path / "cache").output()
    kept = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert {path.read_bytes() for path in kept} <= set(published.files.values())
    assert SegmentCache(tmp_path / "cache").size_bytes() > 0

    ue = Ue(published, keys)
    fetched = await ue.access.fetch(ManifestUrl(BASE + "model.mpd"), tmp_path / "folder")
    with await Ue(published, keys).access.open(ManifestFile(fetched.path)) as model:
        assert model.infer({"x": X})["y"].shape == (3, 4)


async def test_a_key_is_fetched_once() -> None:
    server = MemoryServer({KEY_URL: KEY})
    ring = KeyRing(KeyServers(("https://keys.test",)), server, RetryPolicy(), FakeClock().clock())
    encryption = Encryption("aes-256-gcm", KEY_ID, KEY_URL)
    assert await ring.key(encryption, None) == KEY
    assert await ring.key(encryption, None) == KEY
    assert len(server.requests) == 1


async def test_keys_of_one_name_at_two_servers_are_two_keys() -> None:
    first, second = "http://127.0.0.1:1/a/model.mpd", "http://127.0.0.1:2/a/model.mpd"
    server = MemoryServer({"http://127.0.0.1:1/a/key": KEY, "http://127.0.0.1:2/a/key": OTHER_KEY})
    origins = ("http://127.0.0.1:1", "http://127.0.0.1:2")
    ring = KeyRing(KeyServers(origins), server, RetryPolicy(), FakeClock().clock())
    encryption = Encryption("aes-256-gcm", "digits", "key")
    assert await ring.key(encryption, first) == KEY
    assert await ring.key(encryption, second) == OTHER_KEY


async def test_a_token_is_shown_to_the_key_server_alone() -> None:
    server = MemoryServer({KEY_URL: KEY})
    await ask(KeyServers(("https://keys.test",), BearerToken("secret")), server=server)
    assert [one.headers.get("Authorization") for one in server.requests] == ["Bearer secret"]


@pytest.mark.parametrize(
    "key_url",
    [
        "https://evil.test/digits",
        "https://keys.test.evil.test/digits",
        "https://keys.test@evil.test/digits",
        "https://keys.test:444/digits",
        "http://keys.test/digits",
        "digits",
    ],
)
async def test_a_manifest_cannot_send_a_token_elsewhere(key_url: str) -> None:
    server = MemoryServer({key_url: KEY, BASE + key_url: KEY})
    with pytest.raises(KeyUnavailable):
        await ask(KeyServers(("https://keys.test",), BearerToken("secret")), key_url, server)
    assert server.requests == []


@pytest.mark.parametrize("origin", ["http://keys.test", "keys.test", "https://", "ftp://keys.test"])
def test_a_key_server_that_would_never_be_asked_is_refused(origin: str) -> None:
    with pytest.raises(BadOption, match="https"):
        KeyServers((origin,))


async def test_a_key_server_on_this_machine_needs_no_tls() -> None:
    url = "http://127.0.0.1:9000/digits"
    assert await ask(KeyServers(("http://127.0.0.1:9000",)), url, MemoryServer({url: KEY})) == KEY


class Redirecting:
    """A key server that sends UEs elsewhere."""

    @asynccontextmanager
    async def get(
        self, url: str, headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[Answer]:
        yield Answer("https://evil.test/key", 200, {}, self._body())

    async def _body(self) -> AsyncIterator[bytes]:
        await asyncio.sleep(0)
        yield OTHER_KEY


async def test_a_key_from_elsewhere_is_not_taken() -> None:
    with pytest.raises(KeyUnavailable, match=r"evil\.test"):
        await ask(KeyServers(("https://keys.test",)), server=Redirecting())


@pytest.mark.parametrize("body", [b"", KEY[:-1], KEY + b"\n"])
async def test_what_is_no_key_is_refused(body: bytes) -> None:
    with pytest.raises(KeyUnavailable):
        await ask(KeyServers(("https://keys.test",)), server=MemoryServer({KEY_URL: body}))


async def test_a_key_that_is_not_given_out_is_said() -> None:
    with pytest.raises(KeyUnavailable, match="no key from"):
        await ask(KeyServers(("https://keys.test",)), server=MemoryServer({}))
