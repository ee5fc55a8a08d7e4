"""Why a request is not let in, and why the AF does not start; free of HTTP.

    AccessDenied
        NotAuthenticated
            TokenMissing, TokenMalformed, TokenUntrusted
            TokenForAnother, TokenNotYetValid, TokenExpired
        NotAuthorised
            ScopeInsufficient, ProviderNotNamed, OwnerMismatch
        KeysUnavailable
    SettingsRefused

No message holds any part of a token or a secret: what is told may be logged.
"""

from collections.abc import Iterable
from pathlib import Path

from fivegms_af.errors import ApplicationFunctionError
from fivegms_api.problem_details import InvalidParam, json_pointer


class AccessDenied(ApplicationFunctionError):
    """The request is not let in."""


class NotAuthenticated(AccessDenied):
    """It is not known who asks."""


class TokenMissing(NotAuthenticated):
    """The request has no bearer token."""

    def __init__(self) -> None:
        super().__init__("this needs an access token: Authorization: Bearer TOKEN")


class TokenMalformed(NotAuthenticated):
    """The token is no JWT that we read; the message says what of it is wrong."""


class TokenUntrusted(NotAuthenticated):
    """The issuer is not one that we trust, its key is unknown, or the signature does not hold."""


class TokenForAnother(NotAuthenticated):
    """The token was issued for another audience."""

    def __init__(self) -> None:
        super().__init__("the token's aud is not this 5GMS AF")


class TokenNotYetValid(NotAuthenticated):
    """The token is of the future; a clock is wrong."""

    def __init__(self) -> None:
        super().__init__("the token's nbf or iat lies in the future")


class TokenExpired(NotAuthenticated):
    """The token was good once."""

    def __init__(self) -> None:
        super().__init__("the token has expired; get another one")


class NotAuthorised(AccessDenied):
    """It is known who asks, and they may not."""


class ScopeInsufficient(NotAuthorised):
    """The token has none of the scopes that would do."""

    def __init__(self, accepted: Iterable[str]) -> None:
        self.accepted = tuple(sorted(accepted))
        super().__init__(f"the token's scope has none of {' '.join(self.accepted)}")


class ProviderNotNamed(NotAuthorised):
    """A provider's token has to say whose it is."""

    def __init__(self) -> None:
        super().__init__("the token names no Application Service Provider (claim asp_id)")


class OwnerMismatch(NotAuthorised):
    """What would be created belongs to somebody else than the token does."""

    def __init__(self, member: str, owner: str) -> None:
        self.param = InvalidParam(
            param=json_pointer(member), reason=f"must be {owner!r}, as the token says"
        )
        super().__init__(f"{member} {self.param.reason}")


class KeysUnavailable(AccessDenied):
    """The issuer's keys cannot be had, so no token of it can be checked now."""

    def __init__(self) -> None:
        super().__init__("the keys of the authorisation server cannot be had now")


class SettingsRefused(ApplicationFunctionError):
    """A file that the AF was told to use is unusable: it does not start, and answers nobody."""

    def __init__(self, where: Path | str, reason: object) -> None:
        super().__init__(f"{where}: {reason}")
