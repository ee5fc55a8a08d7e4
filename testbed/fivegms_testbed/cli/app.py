"""The command line's table of contents: one module per command."""

import importlib.metadata
from typing import Annotated

import typer

from fivegms_testbed.cli import demo, get, inspect, prepare, publish, run, serve

app = typer.Typer(
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


app.command("demo")(demo.demo)
app.command("serve")(serve.serve)
app.command("af")(serve.af)
app.command("as")(serve.as_)
app.command("publish")(publish.publish)
app.command("run")(run.run)
app.command("get")(get.get)
app.command("prepare")(prepare.prepare)
app.command("inspect")(inspect.inspect)


def main() -> None:
    """Run the command that the arguments name."""
    app()
