"""The clients of the embedded authorisation server: a JSON file, read and checked whole. Pure.

{"clients": [{"clientId": "acme", "secretHash": "scrypt$...", "scopes": ["3gpp-m1"],
              "aspId": "acme"}]}
"""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, StringConstraints

from fivegms_af.bodies import parse_json, validate
from fivegms_af.errors import ApplicationFunctionError
from fivegms_af.security.client_secret import SecretHash
from fivegms_af.security.scopes import OPERATORS
from fivegms_api.wire import WireModel

MAX_BYTES = 8 * 2**20
MAX_CLIENTS = 10_000

_Name = Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,128}$")]
_Names = Annotated[tuple[_Name, ...], Field(max_length=64)]


class Client(WireModel):
    """Who may have tokens, of which scopes, bound to whose sessions."""

    client_id: _Name
    secret_hash: Annotated[str, Field(repr=False)]
    scopes: Annotated[_Names, Field(min_length=1)]
    asp_id: _Name | None = None
    app_id: _Name | None = None
    provisioning_session_id: _Name | None = None
    data_access_profile_ids: _Names | None = None

    @property
    def secret(self) -> SecretHash:
        """What the client's secret hashes to; raises ValueError where that cannot be read."""
        return SecretHash.parse(self.secret_hash)

    @property
    def claims(self) -> dict[str, object]:
        """The claims that bind the client's tokens."""
        bindings = {
            "asp_id": self.asp_id,
            "app_id": self.app_id,
            "provisioning_session_id": self.provisioning_session_id,
            "data_access_profile_ids": self.data_access_profile_ids,
        }
        return {name: value for name, value in bindings.items() if value is not None}


class ClientFile(WireModel):
    """The file's content."""

    clients: Annotated[tuple[Client, ...], Field(max_length=MAX_CLIENTS)]


def read_clients(body: bytes, known_scopes: frozenset[str]) -> Mapping[str, Client]:
    """The clients by identifier. Raises ValueError that names the client and what is wrong."""
    if len(body) > MAX_BYTES:
        raise ValueError(f"it is longer than {MAX_BYTES} bytes")
    try:
        listed = validate(ClientFile, parse_json(body)).clients
    except ApplicationFunctionError as error:
        raise ValueError(str(error)) from error
    clients: dict[str, Client] = {}
    for client in listed:
        if client.client_id in clients:
            raise ValueError(f"client {client.client_id!r} is there twice")
        fault = _fault(client, known_scopes)
        if fault:
            raise ValueError(f"client {client.client_id!r}: {fault}")
        clients[client.client_id] = client
    return clients


def _fault(client: Client, known_scopes: frozenset[str]) -> str | None:
    unknown = sorted(set(client.scopes) - known_scopes)
    if unknown:
        return f"nothing here has the scope {unknown[0]!r}"
    bound = client.asp_id or client.app_id or client.provisioning_session_id
    if bound and not OPERATORS.isdisjoint(client.scopes):
        return "an operator is bound to no provider, application or session"
    try:
        SecretHash.parse(client.secret_hash)
    except ValueError as error:
        return str(error)
    return None
