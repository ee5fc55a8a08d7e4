"""`fivegms get`: fetch a model into a folder that holds all that inference needs."""

from pathlib import Path
from typing import Annotated

import typer

from fivegms_client import FetchedModel, fetch
from fivegms_client.composition import WHOLE
from fivegms_client.selection import Prefer
from fivegms_testbed.cli.authorization import (
    ClientIdOption,
    ClientSecretOption,
    TokenOption,
    TokenUrlOption,
    authorization,
)
from fivegms_testbed.cli.console import (
    JsonOption,
    headed,
    megabytes,
    messages,
    print_json,
    reporting_errors,
    results,
    transfer_progress,
)
from fivegms_testbed.cli.entry import (
    DEFAULT_PATIENCE_S,
    CompositionOption,
    EndpointOption,
    EntryArgument,
    KeyServerOption,
    LinkOption,
    MaxFetchOption,
    NameOption,
    PatienceOption,
    PreferOption,
    SegmentKeyOption,
    SessionOption,
    TaskOption,
    TrustKeysOption,
    TrustOption,
    VariantOption,
    access_options,
    segment_keys,
    trust_policy,
    trust_summary,
    warn_of,
)
from fivegms_testbed.cli.ue import CohortOption, NoUeIdOption, UeIdOption, ue_identity


def get(
    entry: EntryArgument,
    into: Annotated[
        Path, typer.Option("--into", file_okay=False, help="Folder for the MPD and its segments.")
    ],
    session: SessionOption = None,
    task: TaskOption = None,
    name: NameOption = None,
    variant: VariantOption = None,
    prefer: PreferOption = Prefer.BALANCED,
    link_mbps: LinkOption = None,
    max_fetch_s: MaxFetchOption = None,
    composition: CompositionOption = WHOLE,
    endpoint: EndpointOption = None,
    patience_s: PatienceOption = DEFAULT_PATIENCE_S,
    ue_id: UeIdOption = None,
    no_ue_id: NoUeIdOption = False,
    cohort: CohortOption = None,
    trust: TrustOption = None,
    trust_key: TrustKeysOption = None,
    segment_key: SegmentKeyOption = None,
    key_server: KeyServerOption = None,
    token: TokenOption = None,
    client_id: ClientIdOption = None,
    client_secret: ClientSecretOption = None,
    token_url: TokenUrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fetch the variant that suits this device, and keep it."""
    with reporting_errors(as_json=as_json):
        shown = authorization(token, client_id, client_secret, token_url)
        with transfer_progress(as_json=as_json) as bars:
            options = access_options(
                variant=variant,
                prefer=prefer,
                link_mbps=link_mbps,
                max_fetch_s=max_fetch_s,
                composition=composition,
                endpoint=endpoint,
                cache=None,
                patience_s=patience_s,
                client_id=ue_identity(entry, session, task, ue_id, no_ue_id=no_ue_id),
                cohort=cohort,
                authorization=shown,
                trust=trust_policy(trust, trust_key, name),
                keys=segment_keys(segment_key, key_server, shown),
                bars=bars,
            )
            fetched = fetch(entry, into, session=session, task=task, name=name, options=options)
        warn_of(fetched.provenance.trust)
        if as_json:
            print_json(_summary(fetched))
        else:
            _show(fetched)


def _summary(fetched: FetchedModel) -> dict[str, object]:
    provenance = fetched.provenance
    return {
        "manifest": fetched.path,
        "model": provenance.manifest.model.name,
        "version": provenance.manifest.model.version,
        "chosen": [selection.chosen.id for selection in provenance.selections],
        "reason": [selection.reason for selection in provenance.selections],
        "trust": trust_summary(provenance.trust),
        "bytes_fetched": provenance.bytes_fetched,
        "files": fetched.files,
        "timings": fetched.timings,
    }


def _show(fetched: FetchedModel) -> None:
    provenance = fetched.provenance
    for selection in provenance.selections:
        results.print(headed(selection.chosen.id, f" because {selection.reason}"))
    fetched_size = megabytes(provenance.bytes_fetched)
    results.print(f"fetched {fetched_size} into {fetched.path.parent}", soft_wrap=True)
    for file in fetched.files:
        results.print(f"the provider's own file: {file}", soft_wrap=True)
    if not fetched.files:
        messages.print(f"Run it: fivegms run {fetched.path} --input FILE", soft_wrap=True)
