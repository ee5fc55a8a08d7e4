"""How an app wants its model fetched and run: one value for every entry point of this package."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import TIMEOUT_MAX

from fivegms_api.ai_model_rollouts import UE_NAME_PATTERN
from fivegms_client.authorization import Authorization
from fivegms_client.cache import DEFAULT_CACHE_BYTES
from fivegms_client.capabilities import DeviceCapabilities
from fivegms_client.composition import WHOLE
from fivegms_client.errors import BadOption
from fivegms_client.progress import OnProgress
from fivegms_client.refinement import Refine
from fivegms_client.retry import DEFAULT_RETRY, RetryPolicy
from fivegms_client.segment_keys import SegmentKeys
from fivegms_client.selection import DEFAULT_PREFERENCES, LinkEstimate, Preferences
from fivegms_client.trust.policy import TRUST_OFF, TrustPolicy
from fivegms_engine.session import DEFAULT_PROVIDERS


@dataclass(frozen=True, slots=True)
class AccessOptions:
    """Everything has a default that suits a whole model on this device.

    `device` replaces what would be measured. `composition`, `endpoint` and `subset` choose a part
    of the model (see `composition`). `cache_folder` keeps segments between runs, below
    `cache_bytes`; None keeps nothing. `parallel` segments are fetched at a time. `threads` and
    `providers` are the engine's. With `reporting`, reports that the provider's session asks for are
    sent while the model is in use (see `reporting`). `client_id` is what this UE calls itself, the
    same each time (see `identity`): it decides whether the UE is among the first to get a new
    version, and names it in reports; without one the AF is told nothing, and reports have an
    identifier that is made up for each model. UEs of a `cohort` may get a version before others.
    `authorization` is what the AF's M5 is asked with, and it alone. `trust` says whose signatures
    count, and what happens to a model without one (see `trust`), `keys` where the keys of encrypted
    variants are (see `segment_keys`). `progress` is called with each change, on the fetching
    thread.
    """

    preferences: Preferences = DEFAULT_PREFERENCES
    link: LinkEstimate | None = None
    device: DeviceCapabilities | None = None
    composition: str = WHOLE
    endpoint: str | None = None
    subset: str | None = None
    cache_folder: Path | None = None
    cache_bytes: int = DEFAULT_CACHE_BYTES
    parallel: int = 4
    retry: RetryPolicy = DEFAULT_RETRY
    threads: int | None = None
    providers: Sequence[str] = DEFAULT_PROVIDERS
    reporting: bool = True
    client_id: str | None = None
    cohort: str | None = None
    authorization: Authorization | None = None
    trust: TrustPolicy = TRUST_OFF
    keys: SegmentKeys | None = None
    refine: Refine = Refine.OFF
    update_every_s: float | None = None
    progress: OnProgress | None = None

    def __post_init__(self) -> None:
        if self.parallel < 1:
            raise BadOption(f"parallel is {self.parallel}; at least one segment must be on its way")
        if self.update_every_s is not None and not 0 < self.update_every_s <= TIMEOUT_MAX:
            raise BadOption(
                f"update_every_s is {self.update_every_s}; it is a time above 0, and None for never"
            )
        for name, text in (("client_id", self.client_id), ("cohort", self.cohort)):
            if text is not None and not re.fullmatch(UE_NAME_PATTERN, text):
                raise BadOption(
                    f"{name} is {text!r}; it needs 1 to 128 letters, digits, dots, hyphens and "
                    "underscores"
                )


DEFAULT_OPTIONS = AccessOptions()
