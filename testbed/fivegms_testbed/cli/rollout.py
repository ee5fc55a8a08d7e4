"""`fivegms rollout` and `rollback`: which version of a model UEs get."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich.table import Table

from fivegms_api.ai_model_rollouts import AiModelRollout, PastRollout, Rollout
from fivegms_api.ai_models import AiModel, AiModelState
from fivegms_client.authorization import Authorization
from fivegms_testbed.cli.authorization import (
    TOKEN_PATH,
    ClientIdOption,
    ClientSecretOption,
    TokenOption,
    TokenUrlOption,
    authorization,
)
from fivegms_testbed.cli.console import (
    JsonOption,
    headed,
    print_json,
    reporting_errors,
    results,
)
from fivegms_testbed.m1_connection import M1Connection
from fivegms_testbed.model_versions import ModelVersions

EVERYONE = 100.0

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The model's name.")]
SessionOption = Annotated[
    str, typer.Option("--session", help="The provisioning session that it is published in.")
]
M1Option = Annotated[str, typer.Option("--m1", metavar="URL", help="M1 of the AF.")]
DEFAULT_M1 = "http://127.0.0.1:7777"

Act = Callable[[ModelVersions], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Situation:
    """The versions of a model, newest first, and who gets which."""

    model: str
    session: str
    rollout: AiModelRollout | None
    versions: tuple[AiModel, ...]


def rollout(
    name: NameArgument,
    session: SessionOption,
    version: Annotated[
        int | None, typer.Option("--version", min=1, help="The version to roll out.")
    ] = None,
    percentage: Annotated[
        float | None,
        typer.Option("--percentage", min=0, max=100, help="Share of the UEs; default: all."),
    ] = None,
    cohort: Annotated[
        str | None, typer.Option("--cohort", help="UEs of this cohort get it in any case.")
    ] = None,
    baseline: Annotated[
        int | None,
        typer.Option("--baseline", min=1, help="What the others get; default: what they had."),
    ] = None,
    show: Annotated[
        bool, typer.Option("--show", help="Change nothing; as without options.")
    ] = False,
    m1: M1Option = DEFAULT_M1,
    token: TokenOption = None,
    client_id: ClientIdOption = None,
    client_secret: ClientSecretOption = None,
    token_url: TokenUrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give UEs a version of a model, first some and later all. Without --version, change members of
    the rollout in force."""
    with reporting_errors(as_json=as_json):
        members = {
            "percentage": percentage,
            "cohort": cohort,
            "baselineVersion": baseline,
        }
        act = _act(version, {key: value for key, value in members.items() if value is not None})
        if show and act is not None:
            raise typer.BadParameter("--show changes nothing; leave the other options out")
        shown = authorization(
            token, client_id, client_secret, token_url or m1.rstrip("/") + TOKEN_PATH
        )
        _report(asyncio.run(_situation(m1, session, name, shown, act)), as_json=as_json)


def rollback(
    name: NameArgument,
    session: SessionOption,
    to: Annotated[
        int | None, typer.Option("--to", min=1, help="The version; default: what UEs had before.")
    ] = None,
    m1: M1Option = DEFAULT_M1,
    token: TokenOption = None,
    client_id: ClientIdOption = None,
    client_secret: ClientSecretOption = None,
    token_url: TokenUrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put every UE on an earlier version of a model."""
    with reporting_errors(as_json=as_json):
        shown = authorization(
            token, client_id, client_secret, token_url or m1.rstrip("/") + TOKEN_PATH
        )

        async def act(versions: ModelVersions) -> None:
            await versions.roll_back(to)

        _report(asyncio.run(_situation(m1, session, name, shown, act)), as_json=as_json)


def _act(version: int | None, members: dict[str, Any]) -> Act | None:
    """What to do about a rollout; None where nothing is asked for. Raises typer.BadParameter."""
    if version is None:
        return (lambda versions: versions.change_rollout(members)) if members else None
    try:
        wanted = Rollout.model_validate({"version": version, **members})
    except ValidationError as error:
        raise typer.BadParameter(error.errors()[0]["msg"]) from error
    return lambda versions: versions.roll_out(wanted)


async def _situation(
    m1: str, session: str, name: str, shown: Authorization | None, act: Act | None
) -> Situation:
    """How things are once `act` is done."""
    async with M1Connection(m1, authorization=shown) as connection:
        of_model = ModelVersions(connection, session, name)
        if act is not None:
            await act(of_model)
        versions = await of_model.versions()
        return Situation(name, session, await of_model.rollout(), versions)


def _report(situation: Situation, *, as_json: bool) -> None:
    if as_json:
        print_json(situation)
        return
    results.print(headed(situation.model, f" in session {situation.session}"))
    results.print(_versions_table(situation))
    if situation.rollout is not None and situation.rollout.history:
        results.print("before:")
        results.print(_history_table(situation.rollout.history))


def _versions_table(situation: Situation) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("version", "state", "UEs"):
        table.add_column(heading, style="bold" if heading == "version" else None)
    published = [one.version for one in situation.versions if one.state is AiModelState.PUBLISHED]
    for model in situation.versions:
        served = model.state is AiModelState.PUBLISHED
        ues = who_gets(model.version, situation.rollout, published) if served else "-"
        table.add_row(str(model.version), model.state, ues)
    return table


def who_gets(version: int, rollout: AiModelRollout | None, published: list[int]) -> str:
    """Which UEs get a published version, in words.

    >>> who_gets(2, None, [2, 1]), who_gets(1, None, [2, 1])
    ('all', '-')
    """
    if rollout is None:
        return "all" if version == max(published) else "-"
    if version == rollout.version:
        return "all" if rollout.percentage >= EVERYONE else " and ".join(_first_ues(rollout))
    if version == rollout.baseline_version and rollout.version not in published:
        return "all"
    if version == rollout.baseline_version and rollout.percentage < EVERYONE:
        return "all others"
    return "-"


def _first_ues(rollout: Rollout) -> Iterator[str]:
    if rollout.percentage or rollout.cohort is None:
        yield f"{rollout.percentage:g} %"
    if rollout.cohort is not None:
        yield f"cohort {rollout.cohort}"


def _history_table(history: tuple[PastRollout, ...]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("version", "UEs", "others", "since"):
        table.add_column(heading, style="bold" if heading == "version" else None)
    for past in history:
        all_of_them = past.percentage >= EVERYONE
        table.add_row(
            str(past.version),
            "all" if all_of_them else " and ".join(_first_ues(past)),
            "-" if all_of_them or past.baseline_version is None else str(past.baseline_version),
            f"{past.since:%Y-%m-%d %H:%M} UTC",
        )
    return table
