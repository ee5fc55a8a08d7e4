"""From the text of a token to who sent it, at the cost of a look-up for a token seen before."""

import hashlib
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

from fivegms_af.security.bearer_token import LEEWAY_S, read_token
from fivegms_af.security.caller import Caller
from fivegms_af.security.errors import TokenUntrusted
from fivegms_af.security.key_source import KeySource

CACHED_TOKENS = 4096


@dataclass(frozen=True, slots=True)
class Issuer:
    """Whose tokens are taken: `name` is their `iss`, `audience` must be in their `aud`."""

    name: str
    audience: str
    keys: KeySource


@dataclass(frozen=True, slots=True)
class _Verified:
    caller: Caller
    usable_until: float
    keys: KeySource
    generation: int


class TokenVerifier:
    """Believes tokens of `issuers`; remembers the last 4,096 of them by their digest, no text."""

    def __init__(self, issuers: Iterable[Issuer], cached_tokens: int = CACHED_TOKENS) -> None:
        self._issuers = {issuer.name: issuer for issuer in issuers}
        self._cached_tokens = cached_tokens
        self._verified: OrderedDict[bytes, _Verified] = OrderedDict()

    async def verify(self, token: str, now: float) -> Caller:
        """Who sent the token, at `now` in seconds since 1970.

        Raises NotAuthenticated by its cause, and KeysUnavailable.
        """
        digest = hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
        known = self._verified.get(digest)
        if known is not None:
            known.keys.keep_fresh(now)
        if known is None or now >= known.usable_until or known.generation != known.keys.generation:
            self._verified.pop(digest, None)
            known = await self._verify(token, now)
            self._remember(digest, known)
        return known.caller

    async def _verify(self, token: str, now: float) -> _Verified:
        read = read_token(token)
        issuer = self._issuers.get(read.issuer)
        if issuer is None:
            raise TokenUntrusted("the token's iss is not an issuer that is trusted here")
        key = await issuer.keys.find(read.kid, now)
        generation = issuer.keys.generation
        read.check_signature(key)
        read.check_claims(issuer.audience, now)
        usable_until = read.expires_at() + LEEWAY_S
        return _Verified(read.caller(), usable_until, issuer.keys, generation)

    def _remember(self, digest: bytes, verified: _Verified) -> None:
        self._verified[digest] = verified
        if len(self._verified) > self._cached_tokens:
            self._verified.popitem(last=False)
