"""What `run` and `get` share: which model, which part and variant of it, over what link."""

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress, TaskID

from fivegms_client import (
    AccessOptions,
    FetchProgress,
    LinkEstimate,
    Prefer,
    Preferences,
    RetryPolicy,
    Trust,
    TrustMode,
    TrustPolicy,
    trusted_key,
)
from fivegms_client.authorization import Authorization
from fivegms_client.cache import default_cache_folder
from fivegms_client.composition import WHOLE
from fivegms_client.refinement import Refine
from fivegms_client.retry import DEFAULT_RETRY
from fivegms_client.segment_keys import KeyServers, OneKey, SegmentKeys
from fivegms_client.trust import TRUST_OFF
from fivegms_testbed.cli.console import messages

EntryArgument = Annotated[
    str, typer.Argument(metavar="ENTRY", help="Model MPD (URL or path), or an AF's M5 address.")
]
SessionOption = Annotated[
    str | None, typer.Option("--session", help="Provisioning session, with an M5 address.")
]
TaskOption = Annotated[
    str | None, typer.Option("--task", help="Any model for this task, with an M5 address.")
]
NameOption = Annotated[str | None, typer.Option("--name", help="The model of this name.")]
VariantOption = Annotated[
    str | None, typer.Option("--variant", help="Take this variant (its id, or a precision).")
]
PreferOption = Annotated[Prefer, typer.Option("--prefer", help="What matters more.")]
LinkOption = Annotated[
    float | None,
    typer.Option("--link-mbps", min=0.001, help="Expected downlink, in Mbit/s."),
]
MaxFetchOption = Annotated[
    float | None, typer.Option("--max-fetch-s", min=0, help="At most this long to fetch.")
]
CompositionOption = Annotated[
    str, typer.Option("--composition", help="A split of the model that the manifest names.")
]
EndpointOption = Annotated[
    str | None, typer.Option("--endpoint", help="Only the subsets for this endpoint: ue, network.")
]
PatienceOption = Annotated[
    float,
    typer.Option("--patience-s", min=0, help="Give up when nothing has come for this long."),
]
CacheOption = Annotated[
    Path | None, typer.Option("--cache", file_okay=False, help="Where segments are kept.")
]
NoCacheOption = Annotated[bool, typer.Option("--no-cache", help="Keep no segments.")]
TrustOption = Annotated[
    TrustMode | None,
    typer.Option(
        "--trust", help="A model that no trusted key signed: enforce refuses it, warn says so."
    ),
]
TrustKeysOption = Annotated[
    list[str] | None,
    typer.Option(
        "--trust-key", metavar="PEM|sha256:...", help="A provider's public key or fingerprint."
    ),
]
SegmentKeyOption = Annotated[
    Path | None,
    typer.Option(
        "--segment-key",
        exists=True,
        dir_okay=False,
        help="The key of encrypted variants (32 bytes).",
    ),
]
KeyServerOption = Annotated[
    list[str] | None,
    typer.Option(
        "--key-server",
        metavar="https://HOST",
        help="A server that may be asked for keys of encrypted variants, and shown the token.",
    ),
]
NoReportsOption = Annotated[
    bool, typer.Option("--no-reports", help="Report nothing, whatever the session asks for.")
]
RefineOption = Annotated[
    bool,
    typer.Option("--refine", help="Run from the lowest layer on, and fetch the others meanwhile."),
]
UpdateOption = Annotated[
    float | None,
    typer.Option("--update-every", metavar="S", help="Look for a newer version every S seconds."),
]

DEFAULT_CACHE = default_cache_folder()
DEFAULT_PATIENCE_S = DEFAULT_RETRY.give_up_after_s


class FetchBar:
    """One bar for all segments of a fetch. What is waited for gets a line, also without a bar."""

    def __init__(self, bars: Progress, patience_s: float) -> None:
        self._bars = bars
        self._patience_s = patience_s
        self._task: TaskID | None = None
        self._waiting_for: str | None = None

    def update(self, progress: FetchProgress) -> None:
        """Show the newest state of the fetch."""
        if self._task is None:
            self._task = self._bars.add_task("fetching", total=progress.total_bytes)
        self._bars.update(
            self._task,
            total=progress.total_bytes or None,
            completed=progress.done_bytes,
            description="waiting" if progress.waiting_for else "fetching",
        )
        if progress.waiting_for not in (None, self._waiting_for):
            self._bars.console.print(
                f"waiting up to {self._patience_s:g} s: {progress.waiting_for}", soft_wrap=True
            )
        self._waiting_for = progress.waiting_for


def trust_policy(mode: TrustMode | None, keys: list[str] | None, name: str | None) -> TrustPolicy:
    """What the options mean together: a key alone is there to be enforced. Raises BadOption.

    A model that is asked for by name must be signed under that name.
    """
    trusted = tuple(trusted_key(key) for key in keys or ())
    default = TrustMode.ENFORCE if trusted else TrustMode.OFF
    return TrustPolicy(default if mode is None else mode, trusted, model=name)


def segment_keys(
    file: Path | None, servers: list[str] | None, authorization: Authorization | None
) -> SegmentKeys | None:
    """What the options mean together. Raises KeyUnavailable, typer.BadParameter, OSError."""
    if file is not None and servers:
        raise typer.BadParameter("give --segment-key or --key-server, not both")
    if file is not None:
        return OneKey(file.read_bytes())
    return KeyServers(tuple(servers), authorization) if servers else None


def access_options(
    *,
    variant: str | None,
    prefer: Prefer,
    link_mbps: float | None,
    max_fetch_s: float | None,
    composition: str = WHOLE,
    endpoint: str | None = None,
    cache: Path | None,
    patience_s: float,
    reporting: bool = False,
    client_id: str | None = None,
    cohort: str | None = None,
    authorization: Authorization | None = None,
    trust: TrustPolicy = TRUST_OFF,
    keys: SegmentKeys | None = None,
    refine: bool = False,
    update_every_s: float | None = None,
    bars: Progress,
) -> AccessOptions:
    """The client's options from the command line's."""
    return AccessOptions(
        preferences=Preferences(prefer=prefer, max_fetch_s=max_fetch_s, variant=variant),
        link=None if link_mbps is None else LinkEstimate(link_mbps * 1e6),
        composition=composition,
        endpoint=endpoint,
        cache_folder=cache,
        retry=RetryPolicy(give_up_after_s=patience_s),
        reporting=reporting,
        client_id=client_id,
        cohort=cohort,
        authorization=authorization,
        trust=trust,
        keys=keys,
        refine=Refine.BACKGROUND if refine else Refine.OFF,
        update_every_s=update_every_s,
        progress=FetchBar(bars, patience_s).update,
    )


def trust_summary(trust: Trust) -> dict[str, object]:
    """Who vouches for a model, as JSON types."""
    release, warning = trust.release, trust.warning
    return {
        "mode": trust.mode,
        "signer": trust.signer,
        "counter": None if release is None else release.counter,
        "expires": None if release is None else release.expires,
        "warning": None
        if warning is None
        else {"type": type(warning).__name__, "message": str(warning)},
    }


def warn_of(trust: Trust) -> None:
    """Say on standard error why a model that runs is not trusted."""
    if trust.warning is not None:
        messages.print(f"warning: not trusted: {trust.warning}", soft_wrap=True)
