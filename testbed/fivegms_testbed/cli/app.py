"""The command line's table of contents: one module per command, loaded when it is asked for."""

import importlib
import importlib.metadata
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

COMMANDS = {
    "demo": ("demo", "demo"),
    "serve": ("serve", "serve"),
    "af": ("serve", "af"),
    "as": ("serve", "as_"),
    "publish": ("publish", "publish"),
    "rollout": ("rollout", "rollout"),
    "rollback": ("rollout", "rollback"),
    "run": ("run", "run"),
    "get": ("get", "get"),
    "prepare": ("prepare", "prepare"),
    "convert": ("convert", "convert"),
    "keygen": ("sign", "keygen"),
    "sign": ("sign", "sign"),
    "inspect": ("inspect", "inspect"),
    "catalogue": ("catalogue", "catalogue"),
    "gap": ("gap", "gap"),
}
"""Each command's module below `fivegms_testbed.cli` and the function in it."""


PASSING_ON = {"serve", "as"}
"""Commands that take the settings of an Application Server among their arguments."""


class _OnDemand(TyperGroup):
    """Imports a command's module, and the packages that it stands on, only to run or list it."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        module, function = COMMANDS[cmd_name]
        alone = typer.Typer(add_completion=False, rich_markup_mode="rich")
        passing_on = cmd_name in PASSING_ON
        settings = {"ignore_unknown_options": passing_on, "allow_extra_args": passing_on}
        alone.command(cmd_name, context_settings=settings)(
            getattr(importlib.import_module(f"fivegms_testbed.cli.{module}"), function)
        )
        return typer.main.get_command(alone)


app = typer.Typer(
    cls=_OnDemand,
    name="fivegms",
    help="5G Media Streaming for AI models: publish once, every device gets its variant.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(importlib.metadata.version("fivegms-ai"))
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None: ...


def main() -> None:
    """Run the command that the arguments name; with --json, a wrong command line is JSON too."""
    if "--json" not in sys.argv[1:]:
        app()
    try:
        sys.exit(app(standalone_mode=False))
    except Exception as error:
        from fivegms_testbed.cli.console import fail_usage

        fail_usage(error)
