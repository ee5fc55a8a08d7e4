"""The file of clients, the hashes in it, and the command that makes one."""

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fivegms_af.security.__main__ import main
from fivegms_af.security.client_secret import SecretHash
from fivegms_af.security.clients import MAX_BYTES, read_clients

SCOPES = frozenset({"3gpp-m1", "3gpp-m1:read", "fivegms-operator"})
HASH = SecretHash.of("correct horse battery")
CLIENT = {"clientId": "acme", "secretHash": str(HASH), "scopes": ["3gpp-m1"], "aspId": "acme"}


def file(*clients: Any) -> bytes:
    return json.dumps({"clients": list(clients)}).encode()


def test_a_hash_is_of_one_secret_and_salted() -> None:
    again = SecretHash.parse(str(HASH))
    assert again == HASH
    assert again.matches("correct horse battery")
    assert not again.matches("correct horse batterie")
    assert SecretHash.of("correct horse battery") != HASH


@pytest.mark.parametrize(
    "text",
    [
        "",
        "correct horse",
        "scrypt$16384$8$1$AAAA",
        str(HASH).replace("scrypt", "argon2"),
        str(HASH).replace("$16384$", "$1024$"),
        str(HASH).replace("$16384$", "$1073741824$"),
        str(HASH).replace("$16384$", "$20000$"),
        str(HASH).replace("$8$1$", "$8$9$"),
        str(HASH).replace("$8$1$", "$16$1$"),
        str(HASH) + "!",
        "scrypt$16384$8$1$AAAA$AAAA",
    ],
    ids=range(11),
)
def test_what_is_no_hash(text: str) -> None:
    with pytest.raises(ValueError, match=r"scrypt|salt") as refused:
        SecretHash.parse(text)
    assert not text or text not in str(refused.value)


def test_clients_by_identifier() -> None:
    without_asp = {name: CLIENT[name] for name in ("secretHash", "scopes")} | {"clientId": "b"}
    clients = read_clients(file(CLIENT, without_asp), SCOPES)
    assert clients["acme"].claims == {"asp_id": "acme"}
    assert clients["b"].claims == {}
    assert str(HASH) not in repr(clients)


@pytest.mark.parametrize(
    ("clients", "cause"),
    [
        ([CLIENT, CLIENT], "twice"),
        ([CLIENT | {"scopes": ["3gpp-m2"]}], "'3gpp-m2'"),
        ([CLIENT | {"scopes": []}], "scopes"),
        ([CLIENT | {"scopes": ["fivegms-operator"]}], "operator"),
        ([CLIENT | {"secretHash": "correct horse battery"}], "form"),
        ([CLIENT | {"clientId": "a b"}], "clientId"),
        ([CLIENT | {"secret": "correct horse battery"}], "secret: is not a member"),
        ([CLIENT | {"aspId": ""}], "aspId"),
        ([{}], "required"),
        ([7], "clients/0"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_file_that_is_refused(clients: list[Any], cause: str) -> None:
    with pytest.raises(ValueError, match=cause) as refused:
        read_clients(file(*clients), SCOPES)
    assert "correct horse" not in str(refused.value)
    assert str(HASH) not in str(refused.value)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b" " * (MAX_BYTES + 1)])
def test_what_is_no_file_of_clients(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"JSON|longer|body"):
        read_clients(body, SCOPES)


BODY = file(CLIENT)


@given(place=st.integers(0, len(BODY) - 1), byte=st.integers(0, 255))
def test_a_changed_file_is_read_or_refused(place: int, byte: int) -> None:
    try:
        clients = read_clients(BODY[:place] + bytes([byte]) + BODY[place + 1 :], SCOPES)
    except ValueError:
        return
    assert len(clients) == 1


def test_the_command_hashes_what_it_reads(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("correct horse battery\n"))
    assert main(["hash"]) == 0
    shown = capsys.readouterr()
    assert SecretHash.parse(shown.out.strip()).matches("correct horse battery")
    assert shown.err == ""


def test_the_command_makes_a_secret(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["hash", "--generate"]) == 0
    shown = capsys.readouterr()
    secret = shown.err.removeprefix("secret: ").strip()
    assert len(secret) == 43
    assert SecretHash.parse(shown.out.strip()).matches(secret)


def test_the_command_refuses_short_secrets(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("short\n"))
    assert main(["hash"]) == 1
    assert "16 to" in capsys.readouterr().err
