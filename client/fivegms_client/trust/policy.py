"""What an app trusts, what it wants to happen otherwise, and what came of it."""

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

from platformdirs import user_state_path

from fivegms_client.errors import BadOption, NotTrusted
from fivegms_client.trust.keys import TrustedKey
from fivegms_manifests.release import Release

DEFAULT_CLOCK_SKEW = timedelta(minutes=5)


class TrustMode(StrEnum):
    """What happens to a model that no trusted provider vouches for."""

    OFF = "off"
    """Nobody looks."""
    WARN = "warn"
    """It runs; the result says why it is not trusted."""
    ENFORCE = "enforce"
    """Nothing of it is fetched: NotTrusted is raised."""


def default_state_path() -> Path:
    """In the user's state folder, by the manners of the operating system."""
    return user_state_path("fivegms") / "releases"


@dataclass(frozen=True, slots=True)
class TrustPolicy:
    """Whose signatures count, and how much.

    `keys` are the providers'. `state_path` is the folder that remembers the newest release of each
    model, so that an older one is not taken for it. `model`, where given, is the only name that a
    model may have: a server cannot pass off another model of the same provider. A release counts
    for `clock_skew` longer than it says, because clocks differ.
    """

    mode: TrustMode = TrustMode.OFF
    keys: tuple[TrustedKey, ...] = ()
    state_path: Path = field(default_factory=default_state_path)
    model: str | None = None
    clock_skew: timedelta = DEFAULT_CLOCK_SKEW

    def __post_init__(self) -> None:
        if self.mode is not TrustMode.OFF and not self.keys:
            raise BadOption(f"trust is {self.mode} and no key is trusted; name the provider's")


@dataclass(frozen=True, slots=True)
class Trust:
    """What is known of who published a model.

    `signer` is the fingerprint of the key that signed `release`; both None where nobody looked, or
    where `warning` says why the model is not trusted. `evidence` is what was verified, by suffix.
    """

    mode: TrustMode = TrustMode.OFF
    signer: str | None = None
    release: Release | None = None
    warning: NotTrusted | None = None
    evidence: tuple[tuple[str, bytes], ...] = field(default=(), repr=False)


TRUST_OFF = TrustPolicy()
NOBODY_LOOKED = Trust()
