"""The guards of M4d as a request meets them: the shell around `admission`."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from aiohttp import hdrs, web

from fivegms_as.admission import Asked, Network, Places, admit, client_address
from fivegms_as.distribution import Distribution
from fivegms_as.hosting_rules import host_name


class Gate:
    """Knows the server's own names, where clients are, and which proxies speak for clients."""

    def __init__(
        self,
        *,
        own_names: Iterable[str],
        places: Places,
        trusted_proxies: Sequence[Network],
        clock: Callable[[], datetime],
    ) -> None:
        self._own_names = frozenset(host_name(name) for name in own_names)
        self._places = places
        self._trusted_proxies = trusted_proxies
        self._clock = clock

    def admit(self, request: web.Request, distribution: Distribution, path: str) -> None:
        """Let a request for a path of a distribution through; raises what `admission.admit` does.

        The address that the client connected to is a name of the server, too.
        """
        peer = request.remote
        own = request.get_extra_info("sockname")
        if peer is None or own is None:
            raise ConnectionResetError("the client went away")
        forwarded = ",".join(request.headers.getall(hdrs.X_FORWARDED_FOR, []))
        client = client_address(peer, forwarded, self._trusted_proxies)
        asked = Asked(
            host=_host(request.headers.get(hdrs.HOST, "")),
            path=path,
            url=request.raw_path,
            secure=request.secure,
            client=client,
            now=self._clock().timestamp(),
        )
        admit(distribution, asked, self._own_names | {host_name(own[0])}, self._places)


def _host(field: str) -> str:
    """The name of a Host field, without its port.

    >>> _host("[2001:DB8::1]:8080"), _host("as.example:80"), _host("as.example.")
    ('2001:db8::1', 'as.example', 'as.example')
    """
    name, colon, port = field.rpartition(":")
    has_port = colon and port.isdigit() and (":" not in name or name.endswith("]"))
    return host_name(name if has_port else field)
