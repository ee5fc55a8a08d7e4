"""What `run` and `get` share: which model, which part and variant of it, over what link."""

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress, TaskID

from fivegms_client import AccessOptions, FetchProgress, LinkEstimate, Prefer, Preferences
from fivegms_client.cache import default_cache_folder
from fivegms_client.composition import WHOLE

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
CacheOption = Annotated[
    Path | None, typer.Option("--cache", file_okay=False, help="Where segments are kept.")
]
NoCacheOption = Annotated[bool, typer.Option("--no-cache", help="Keep no segments.")]

DEFAULT_CACHE = default_cache_folder()


class FetchBar:
    """One bar for all segments of a fetch; says so when nothing arrives."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._task: TaskID | None = None

    def update(self, progress: FetchProgress) -> None:
        """Show the newest state of the fetch."""
        if self._task is None:
            self._task = self._bars.add_task("fetching", total=progress.total_bytes)
        waiting = f"waiting: {progress.waiting_for}" if progress.waiting_for else "fetching"
        self._bars.update(
            self._task,
            total=progress.total_bytes,
            completed=progress.done_bytes,
            description=waiting,
        )


def access_options(
    *,
    variant: str | None,
    prefer: Prefer,
    link_mbps: float | None,
    max_fetch_s: float | None,
    composition: str = WHOLE,
    endpoint: str | None = None,
    cache: Path | None,
    bar: FetchBar,
) -> AccessOptions:
    """The client's options from the command line's."""
    return AccessOptions(
        preferences=Preferences(prefer=prefer, max_fetch_s=max_fetch_s, variant=variant),
        link=None if link_mbps is None else LinkEstimate(link_mbps * 1e6),
        composition=composition,
        endpoint=endpoint,
        cache_folder=cache,
        progress=bar.update,
    )
