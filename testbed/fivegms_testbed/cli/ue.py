"""What `run` and `get` tell an AF of this device, so that it can choose a model's version."""

from typing import Annotated

import typer

from fivegms_client.entry import SessionEntry, TaskEntry, parse_entry
from fivegms_client.identity import default_identity_file, kept_client_id

UeIdOption = Annotated[
    str | None,
    typer.Option(
        "--ue-id", help="What this device calls itself, for rollouts and reports; default: kept."
    ),
]
NoUeIdOption = Annotated[
    bool, typer.Option("--no-ue-id", help="Call it nothing: its reports cannot be connected.")
]
CohortOption = Annotated[
    str | None, typer.Option("--cohort", help="The group of devices that gets versions early.")
]


def ue_identity(
    entry: str,
    session: str | None,
    task: str | None,
    ue_id: str | None,
    *,
    no_ue_id: bool,
) -> str | None:
    """What the options mean together; where no AF is asked, nothing is made up or kept.

    Raises typer.BadParameter, BadEntry, IdentityUnusable.
    """
    if no_ue_id:
        if ue_id is not None:
            raise typer.BadParameter("give --ue-id or --no-ue-id, not both")
        return None
    if ue_id is not None:
        return ue_id
    if not isinstance(parse_entry(entry, session=session, task=task), SessionEntry | TaskEntry):
        return None
    return kept_client_id(default_identity_file())
