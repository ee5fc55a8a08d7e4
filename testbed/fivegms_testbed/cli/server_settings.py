"""Settings of an Application Server among the arguments of `serve` and `as`."""

import argparse
from collections.abc import Sequence
from typing import Any, NoReturn

import typer

from fivegms_as.config import AsConfig
from fivegms_as.options import add_settings, read_config


class _Parser(argparse.ArgumentParser):
    """Leaves it to the command line around it to say what is wrong."""

    def error(self, message: str) -> NoReturn:
        raise typer.BadParameter(message)


def application_server(arguments: Sequence[str], **places: Any) -> AsConfig:
    """The configuration of an AS from the arguments that a command did not know, and its places.

    Raises typer.BadParameter.
    """
    parser = _Parser(add_help=False, allow_abbrev=False)
    add_settings(parser)
    return read_config(parser, parser.parse_args(arguments), **places)
