"""Where a server listens: a host and a TCP port, as written on a command line."""

from dataclasses import dataclass
from typing import Self

MAX_PORT = 65_535


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A host name or address, without brackets, and a port; port 0 lets the system choose."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `HOST:PORT`, an IPv6 address in brackets. Raises ValueError that names the text.

        >>> Endpoint.parse("127.0.0.1:7777")
        Endpoint(host='127.0.0.1', port=7777)
        >>> Endpoint.parse("[::1]:0").authority
        '[::1]:0'
        """
        host, colon, port = text.rpartition(":")
        bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
        if not colon or not bare or (":" in bare and bare == host):
            raise ValueError(f"{text!r} is not HOST:PORT")
        if not (port.isascii() and port.isdigit()) or int(port[:6]) > MAX_PORT:
            raise ValueError(f"{text!r} needs a port from 0 to {MAX_PORT}")
        return cls(bare, int(port))

    @property
    def authority(self) -> str:
        """The form that a URL holds (RFC 3986 3.2)."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """The plain HTTP URL of the server, without a final slash."""
        return f"http://{self.authority}"
